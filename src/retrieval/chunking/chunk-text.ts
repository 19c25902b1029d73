/**
 * Cuts a document's text into chunks. Pure and deterministic, in time that grows with the text alone; every character
 * that is not blank is in a chunk, and no chunk has more tokens than asked for.
 */

import { type Block, blocksOf } from './blocks.ts'
import { type Chunk, type PackedSpan, Packer } from './packer.ts'
import type { ChunkerSettings } from './settings.ts'
import { QUARTERS, weigh } from './tokens.ts'
import { type Span, sentencesOf, wordsOf } from './words.ts'

/** A chunk below this share of its size takes in the next section, if that fits as a whole. */
const SMALL_SHARE = 1 / 4
const GATHERED_CHARS = 8 * 1024

/** Chunks in the order of the text; none for a blank one. `settings` as `chunkerSettings` parses them. */
export function chunkText(text: string, settings: ChunkerSettings): Chunk[] {
  const maxWeight = settings.maxTokens * QUARTERS
  const overlapWeight = settings.overlapTokens * QUARTERS
  if (settings.kind === 'headings') {
    const partsOf = ({ start, end }: Span) => sentencesOf(text, start, end, maxWeight)
    return chunkSections(text, new Packer(text, { maxWeight, overlapWeight, partsOf }), maxWeight)
  }
  const packer = new Packer(text, { maxWeight, overlapWeight, partsOf: (span) => [span] })
  const spans = settings.kind === 'tokens' ? wordsOf(text, 0, text.length) : allSentences(text, maxWeight)
  for (const span of spans) packer.add({ ...span, kind: 'prose' })
  packer.flush()
  return packer.chunks
}

/** Sentences end where blocks do; code and tables have lines. */
function* allSentences(text: string, maxWeight: number): Generator<Span> {
  const prose = { start: 0, end: 0 }
  for (const { kind, start, end, weight } of blocksOf(text)) {
    // Blank lines end sentences too: one look over a few paragraphs takes less time than one for each.
    if (kind !== 'prose' || end - prose.start > GATHERED_CHARS) {
      yield* sentencesOf(text, prose.start, prose.end, maxWeight)
      prose.start = start
    }
    prose.end = end
    if (kind === 'prose') continue
    if (kind === 'heading' && weight <= maxWeight) yield { start, end, weight }
    else yield* linesOf(text, start, end, maxWeight)
    prose.start = end
  }
  yield* sentencesOf(text, prose.start, prose.end, maxWeight)
}

function chunkSections(text: string, packer: Packer, maxWeight: number): Chunk[] {
  const blocks = new Ahead(blocksOf(text))
  const titles: { level: number; title: string }[] = []
  for (let block = blocks.next(); block !== null; block = blocks.next()) {
    if (block.kind === 'heading') {
      while ((titles.at(-1)?.level ?? 0) >= block.level) titles.pop()
      titles.push(block)
      const path = titles.map(({ title }) => title).filter((title) => title !== '')
      beginSection(packer, path, block.weight + blocks.sectionWeight(maxWeight), maxWeight)
    }
    addBlock(text, packer, block, maxWeight)
  }
  packer.flush()
  return packer.chunks
}

/** Goes on in the present chunk when that has only headings, or is small and has room for the whole section. */
function beginSection(packer: Packer, path: readonly string[], weight: number, maxWeight: number): void {
  if (packer.isEmpty || packer.hasOnlyHeadings) {
    packer.path = path
    return
  }
  if (packer.weight < maxWeight * SMALL_SHARE && packer.fits(weight)) {
    const common = path.findIndex((title, at) => packer.path[at] !== title)
    packer.path = common === -1 ? path : path.slice(0, common)
    return
  }
  packer.flush()
  packer.path = path
}

function addBlock(text: string, packer: Packer, block: Block, maxWeight: number): void {
  const { kind, start, end, weight } = block
  const whole: PackedSpan = { kind, start, end, weight }
  // A heading alone says little: better a paragraph cut than its heading cut off.
  const goesWithHeading =
    kind === 'prose' && !packer.isEmpty && packer.hasOnlyHeadings && !packer.fits(weight)
  if (weight <= maxWeight && !goesWithHeading) {
    packer.add(whole)
    return
  }
  const parts =
    kind === 'prose' || kind === 'heading'
      ? sentencesOf(text, start, end, maxWeight)
      : linesOf(text, start, end, maxWeight)
  for (const part of parts) packer.add({ ...part, kind })
}

/** Lines of code and rows of tables, with the blanks that they begin with; a longer one comes as its words. */
function* linesOf(text: string, start: number, end: number, maxWeight: number): Generator<Span> {
  let from = start
  while (from < end) {
    const found = text.indexOf('\n', from)
    const to = found === -1 || found > end ? end : found
    const weight = weigh(text, from, to)
    if (weight > maxWeight) yield* wordsOf(text, from, to)
    else if (weight > 0) yield { start: from, end: to, weight }
    from = to + 1
  }
}

/** Blocks, and a look at those that come: never more of them than a chunk has room for. */
class Ahead {
  readonly #blocks: Iterator<Block>
  readonly #ahead: Block[] = []

  constructor(blocks: Iterator<Block>) {
    this.#blocks = blocks
  }

  next(): Block | null {
    return this.#ahead.shift() ?? this.#pull()
  }

  /** Weight of the blocks before the next heading, or something above `maxWeight`. */
  sectionWeight(maxWeight: number): number {
    let weight = 0
    for (let at = 0; weight <= maxWeight; at += 1) {
      const block = this.#ahead[at] ?? this.#pull()
      if (block === null) break
      if (at === this.#ahead.length) this.#ahead.push(block)
      if (block.kind === 'heading') break
      weight += block.weight
    }
    return weight
  }

  #pull(): Block | null {
    const { done, value } = this.#blocks.next()
    return done === true ? null : value
  }
}
