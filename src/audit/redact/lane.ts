/**
 * One text of a stream (the content of a choice, the arguments of a tool call), joined from its pieces. Finds what lies
 * across them and gives each event the edits of its own piece. Keeps only what is not settled yet.
 */

import type { Finding } from './detectors.ts'
import type { Edit } from './edits.ts'
import { type JsonString, rawPositions, unescapeInto } from './json-text.ts'
import { merged, type Ruleset, type Tally } from './ruleset.ts'
import { CONTEXT_BYTES } from './text.ts'

/** A line of the stream on its way into the log: released when no text waits in it any more. */
export type HeldLine = { bytes: Buffer; edits: Edit[]; waiting: number }

/** A piece of the text: where it lies in its line, and where in the joined text. */
type Piece = { line: HeldLine; string: JsonString; start: number; end: number }

const MIN_ROOM_BYTES = 256
/** Settled text is cut off in steps of this, so that a long answer is not moved at every event. */
const TRIM_BYTES = 1024

export class Lane {
  readonly #ruleset: Ruleset
  readonly #tally: Tally
  #text = Buffer.allocUnsafe(MIN_ROOM_BYTES)
  #length = 0
  /** Per scan: up to where it has decided. */
  #resume: number[]
  #found: Finding[] = []
  #pieces: Piece[] = []
  /** The number of the last event with a piece of this text. */
  lastEvent = 0

  constructor(ruleset: Ruleset, tally: Tally) {
    this.#ruleset = ruleset
    this.#tally = tally
    this.#resume = ruleset.scans.map(() => 0)
  }

  get waits(): boolean {
    return this.#pieces.length > 0
  }

  /** Adds the piece of `line` and settles what can be. */
  add(line: HeldLine, string: JsonString): void {
    this.#makeRoom(string.end - string.start)
    const bytes = unescapeInto(this.#text, this.#length, line.bytes, string)
    if (bytes === 0) return
    line.waiting += 1
    this.#pieces.push({ line, string, start: this.#length, end: this.#length + bytes })
    this.#length += bytes
    this.#settle(false)
  }

  /** Decides everything as if the text ended here. More may still come, and is then a text that goes on. */
  end(): void {
    if (this.waits) this.#settle(true)
  }

  #settle(final: boolean): void {
    for (const [index, scan] of this.#ruleset.scans.entries()) {
      const floor = this.#resume[index] ?? 0
      this.#resume[index] = scan(
        { bytes: this.#text, from: 0, floor, to: this.#length, final, runs: null },
        this.#found,
      )
    }
    const decided = Math.min(...this.#resume)
    let released = decided
    if (this.#found.length > 0) {
      const later: Finding[] = []
      for (const cluster of merged(this.#found)) {
        // Another scan may still find something that overlaps it.
        if (cluster.end > decided) {
          released = Math.min(released, cluster.start)
          later.push(...this.#found.filter(({ start, end }) => start >= cluster.start && end <= cluster.end))
        } else {
          this.#replace(cluster)
        }
      }
      for (const { kind, end } of this.#found) if (end <= released) this.#tally.add(this.#ruleset, kind)
      this.#found = later
    }
    this.#release(released)
  }

  /** Puts the replacement where the finding begins, and takes the rest of it out of every piece it lies in. */
  #replace({ kind, start, end }: Finding): void {
    let text = this.#ruleset.replacement(kind, this.#text.subarray(start, end))
    for (const piece of this.#pieces) {
      if (piece.end <= start) continue
      if (piece.start >= end) break
      const inPiece = [Math.max(start, piece.start) - piece.start, Math.min(end, piece.end) - piece.start]
      const [from = piece.string.start, to = piece.string.end] = rawPositions(
        piece.line.bytes,
        piece.string,
        inPiece,
      )
      piece.line.edits.push({ start: from, end: to, text })
      text = ''
    }
  }

  #release(position: number): void {
    let settled = 0
    for (const piece of this.#pieces) {
      if (piece.end > position) break
      piece.line.waiting -= 1
      settled += 1
    }
    if (settled > 0) this.#pieces.splice(0, settled)
    const first = Math.min(position, this.#pieces[0]?.start ?? position)
    if (first - CONTEXT_BYTES >= TRIM_BYTES) this.#trim(first - CONTEXT_BYTES)
  }

  #trim(bytes: number): void {
    this.#text.copyWithin(0, bytes, this.#length)
    this.#length -= bytes
    this.#resume = this.#resume.map((at) => at - bytes)
    for (const finding of this.#found) {
      finding.start -= bytes
      finding.end -= bytes
    }
    for (const piece of this.#pieces) {
      piece.start -= bytes
      piece.end -= bytes
    }
  }

  #makeRoom(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#text.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#text.length * 2))
    this.#text.copy(larger, 0, 0, this.#length)
    this.#text = larger
  }
}
