/** Fills chunks with spans in order; each chunk is one stretch of the text, and may begin with the end of the one before. */

import type { Span } from './words.ts'

export type Chunk = {
  text: string
  /** Headings above it, `Guide > Install`; null where there are none or they are not looked at. */
  heading: string | null
  /** UTF-16 offsets: `text.slice(start, end)` of the document is the chunk's text. */
  start: number
  end: number
}

export type PackedSpan = Span & { kind: 'heading' | 'code' | 'table' | 'prose' }
export type PackerSettings = {
  maxWeight: number
  overlapWeight: number
  /** The parts of a span, in order, of which a chunk may repeat the last ones. */
  partsOf(span: PackedSpan): Iterable<Span>
}

export class Packer {
  readonly chunks: Chunk[] = []
  /** Of the chunk being filled. */
  path: readonly string[] = []
  weight = 0
  readonly #text: string
  readonly #settings: PackerSettings
  /** Each weighs a token at least, so that there are never more than a chunk has tokens. */
  #spans: PackedSpan[] = []
  /** How many of them are repeated from the chunk before. */
  #repeated = 0

  constructor(text: string, settings: PackerSettings) {
    this.#text = text
    this.#settings = settings
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0
  }

  get hasOnlyHeadings(): boolean {
    return this.#spans.every(({ kind }) => kind === 'heading')
  }

  fits(weight: number): boolean {
    return this.weight + weight <= this.#settings.maxWeight
  }

  /** Takes a span of at most `maxWeight`; when there is no room it goes into a new chunk, after what is repeated. */
  add(span: PackedSpan): void {
    if (!this.fits(span.weight)) this.#beginNext(span.weight)
    this.#spans.push(span)
    this.weight += span.weight
  }

  /** Ends the present chunk; the next repeats nothing of it. */
  flush(): void {
    const first = this.#spans[0]
    const last = this.#spans.at(-1)
    if (first !== undefined && last !== undefined && this.#spans.length > this.#repeated) {
      const { start } = first
      const { end } = last
      const heading = this.path.length === 0 ? null : this.path.join(' > ')
      this.chunks.push({ text: this.#text.slice(start, end), heading, start, end })
    }
    this.#restart([])
  }

  #beginNext(weight: number): void {
    const repeated = this.#tail()
    this.flush()
    let total = repeated.reduce((sum, span) => sum + span.weight, 0)
    let from = 0
    while (from < repeated.length && total + weight > this.#settings.maxWeight) {
      total -= repeated[from]?.weight ?? 0
      from += 1
    }
    this.#restart(repeated.slice(from))
  }

  #restart(spans: PackedSpan[]): void {
    this.#spans = spans
    this.#repeated = spans.length
    this.weight = spans.reduce((sum, span) => sum + span.weight, 0)
  }

  /** The last parts of the chunk that weigh no more than the overlap; never all of it. */
  #tail(): PackedSpan[] {
    const start = this.#spans[0]?.start ?? 0
    const tail: PackedSpan[] = []
    let left = this.#settings.overlapWeight
    for (const span of this.#spans.toReversed()) {
      if (span.kind !== 'prose' || left <= 0) return tail
      for (const part of [...this.#settings.partsOf(span)].toReversed()) {
        left -= part.weight
        if (left < 0 || part.start <= start) return tail
        tail.unshift({ ...part, kind: 'prose' })
      }
    }
    return tail
  }
}
