/** A version of a dataset as the file that an upstream trains on: how many lines it gives, why the other items give none. */

import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'
import { countTokens } from '../../retrieval/chunking/tokens.ts'
import { type TrainingFormat, trainingExample } from '../datasets/fine-tuning.ts'
import { type PlacedItem, readItems } from '../datasets/store.ts'
import { findErased } from './erased-items.ts'

/** `example` is the id of the first such item. */
type LeftOut = { reason: string; count: number; example: string }
type FileCounts = {
  items: number
  bytes: number
  /** By how many. */
  left: LeftOut[]
}
export type FileFigures = FileCounts & {
  /** Of the texts in it, without the names around them. */
  characters: number
  /** Estimated, leaning upwards. */
  tokens: number
}
type TrainingFile = FileCounts & {
  parts: Buffer[]
  /** SHA-256, in hexadecimal. */
  digest: string
}

/** OpenAI's own least number of examples. */
export const MIN_TRAINING_ITEMS = 10
/** A file is held whole while it goes out. */
const MAX_TRAINING_BYTES = 100 * 1024 * 1024
/** More reasons than a person reads are one. */
const MAX_REASONS = 20
const ERASED = 'is of somebody whose data was erased'
/** So much at a time is counted by the gateway that plans it, which serves meanwhile: about 15 ms. */
const READ_AT_ONCE = { limit: 200, bytes: 512 * 1024 }

type Given = { projectId: string; datasetId: string; format: TrainingFormat }

/** Counts, and keeps nothing. */
export async function measureFile(sql: Sql, given: Given): Promise<FileFigures> {
  const counted = new Counted()
  let [characters, tokens] = [0, 0]
  for await (const { item, left, line } of linesOf(sql, given)) {
    if (line === null) {
      counted.leave(item.itemId, left)
      continue
    }
    counted.add(line)
    for (const text of textsOf(line)) {
      characters += text.length
      tokens += countTokens(text)
    }
  }
  return { ...counted.counts(), characters, tokens }
}

/** The file itself. The same version gives the same bytes, as long as nobody in it was erased. Throws what `signal` was aborted with. */
export async function makeFile(sql: Sql, given: Given, signal: AbortSignal): Promise<TrainingFile> {
  const counted = new Counted()
  const parts: Buffer[] = []
  const digest = createHash('sha256')
  for await (const { item, left, line } of linesOf(sql, given)) {
    signal.throwIfAborted()
    if (line === null) {
      counted.leave(item.itemId, left)
      continue
    }
    const bytes = counted.add(line)
    // What is too large is refused by its figures, and not held meanwhile.
    if (counted.bytes > MAX_TRAINING_BYTES) continue
    digest.update(bytes)
    parts.push(bytes)
  }
  return { ...counted.counts(), parts, digest: digest.digest('hex') }
}

/** Why no job may be made of it; null when one may. `what` begins the sentence: `refunds@3`. */
export function whyNoFile(what: string, { items, bytes, left }: FileCounts, least: number): string | null {
  if (items < least) {
    const [most] = left
    const why =
      most === undefined
        ? ''
        : ` Most of the others: ${most.reason} (${most.count}, such as ${most.example}).`
    return `${what} gives ${items} of the ${least} examples that it takes at least.${why}`
  }
  if (bytes <= MAX_TRAINING_BYTES) return null
  return `${what} gives a file of ${bytes} bytes, more than ${MAX_TRAINING_BYTES}. Push a smaller dataset.`
}

type Read = { item: PlacedItem } & ({ line: object; left: '' } | { line: null; left: string })

async function* linesOf(sql: Sql, { projectId, datasetId, format }: Given): AsyncGenerator<Read> {
  for (let from = 0; ; ) {
    const page = await readItems(sql, datasetId, { from, ...READ_AT_ONCE })
    const erased = await findErased(sql, projectId, page)
    for (const item of page) {
      if (erased.has(item.position)) {
        yield { item, line: null, left: ERASED }
        continue
      }
      const made = trainingExample(item.item, format)
      yield 'left' in made ? { item, line: null, left: made.left } : { item, line: made.line, left: '' }
    }
    const last = page.at(-1)
    if (last === undefined) return
    from = last.position + 1
  }
}

class Counted {
  bytes = 0
  #items = 0
  readonly #left = new Map<string, LeftOut>()

  add(line: object): Buffer {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
    this.#items += 1
    this.bytes += bytes.length
    return bytes
  }

  leave(id: string, reason: string): void {
    const known = this.#left.get(reason) ?? this.#left.get('other')
    if (known !== undefined) known.count += 1
    else {
      const kept = this.#left.size < MAX_REASONS - 1 ? reason : 'other'
      this.#left.set(kept, { reason: kept, count: 1, example: id })
    }
  }

  counts(): FileCounts {
    const left = [...this.#left.values()].sort((a, b) => b.count - a.count)
    return { items: this.#items, bytes: this.bytes, left }
  }
}

/** What a model reads and writes in an example: `content` as a text, or the `text` of its parts. */
function* textsOf(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const one of value) yield* textsOf(one)
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner !== 'string') yield* textsOf(inner)
      else if (name === 'content' || name === 'text') yield inner
    }
  }
}
