/** Redacts an answer that streams into the log as server-sent events, piece by piece, within bounded memory. */

import { deltaStrings } from './delta-strings.ts'
import { applyEdits, jsonEdits, textEdits } from './edits.ts'
import { type HeldLine, Lane } from './lane.ts'
import { type Ruleset, Tally } from './ruleset.ts'

/** A longer line is read in stretches of this; the gateway passes no event that is longer. */
const MAX_LINE_BYTES = 16 * 1024 ** 2
/** A private key of 4,096 bits, streamed token by token, is about 400 KB of events. */
const MAX_HELD_BYTES = 1024 ** 2
/** A text that had no piece in so many events is taken to have ended: others must not wait for it in memory. */
const MAX_IDLE_EVENTS = 64
/** OpenAI allows 128 choices; beyond this, strings are looked at one by one. */
const MAX_LANES = 256

const LF = 10
const CR = 13
const EMPTY = Buffer.alloc(0)
/** What a stream of events can begin with: an empty line, a comment, or a field's name. */
const FIRST_BYTES = Buffer.from('\r\n:deir', 'latin1')

/** True when the first line that is no comment is a field of server-sent events. */
export function looksLikeEvents(bytes: Buffer): boolean {
  // Nearly every body is JSON: its first byte tells without a text being made.
  if (!FIRST_BYTES.includes(bytes[0] ?? 0)) return false
  const [first = ''] = bytes
    .toString('latin1', 0, 1024)
    .split(/[\r\n]/)
    .filter((line) => line !== '' && !line.startsWith(':'))
  return /^(?:data|event|id|retry):/.test(first)
}

/**
 * Bytes in, bytes for the log out, in order, a little later: an event is held while a value may still go on in a later
 * one. Ordinarily that is the event or two with the beginning of a word, with configured patterns those of the last 400
 * bytes of text; at most 1 MiB (then everything held is decided as if the answer ended there).
 *
 * Found: whatever lies inside one string of one event; and whatever is spread over the pieces of one text, however
 * small (the `content`, `reasoning`, `refusal` and tool `arguments` of a choice, the `text` of completions, the `delta`
 * of responses), each text by itself. The event with the first character gets the replacement, the others lose theirs.
 * Splitting the bytes anywhere gives the same result.
 *
 * Not found: a value across two texts (half in `content`, half in `refusal`); one whose pieces have more than 64 events
 * of other texts, or 1 MiB, between its ends; a value across lines, such as JSON in several `data:` lines of one
 * event; a match of a configured pattern that is longer than 256 bytes, beyond what the event shows of it. After a kind
 * whose action is `drop` nothing more is given out, but what was given out before is kept.
 */
export class StreamRedactor {
  readonly #ruleset: Ruleset
  readonly #tally = new Tally()
  readonly #lanes = new Map<string, Lane>()
  #queue: HeldLine[] = []
  #heldBytes = 0
  #line: Buffer[] = []
  #lineBytes = 0
  #events = 0

  constructor(ruleset: Ruleset) {
    this.#ruleset = ruleset
  }

  /** How many of each kind so far; null when nothing was found. */
  get found(): Readonly<Record<string, number>> | null {
    return this.#tally.found
  }

  get dropped(): boolean {
    return this.#tally.dropped
  }

  /** What may go to the log now. */
  push(bytes: Buffer): Buffer {
    if (this.#ruleset.scans.length === 0) return bytes
    const out: Buffer[] = []
    const ends = lineEnds(bytes)
    let from = 0
    while (from < bytes.length) {
      const end = ends(from)
      const to = Math.min(end, from + MAX_LINE_BYTES - this.#lineBytes)
      this.#line.push(bytes.subarray(from, to))
      this.#lineBytes += to - from
      if (endsLine(bytes[to - 1]) || this.#lineBytes === MAX_LINE_BYTES) this.#takeLine(out)
      from = to
    }
    return this.#tally.dropped ? EMPTY : join(out)
  }

  /** The rest. The stream is over: a value that was cut off is decided as it stands. */
  end(): Buffer {
    const out: Buffer[] = []
    if (this.#lineBytes > 0) this.#takeLine(out)
    this.#endLanes(0)
    this.#drain(out)
    return this.#tally.dropped ? EMPTY : join(out)
  }

  #takeLine(out: Buffer[]): void {
    const bytes = join(this.#line)
    this.#line = []
    this.#lineBytes = 0
    // The blank line after every event.
    if (bytes.length <= 2 && this.#queue.length === 0) {
      out.push(bytes)
      return
    }
    const line: HeldLine = { bytes, edits: [], waiting: 0 }
    this.#queue.push(line)
    this.#heldBytes += bytes.length
    this.#read(line)
    this.#drain(out)
    if (this.#queue.length === 0) return
    if (this.#heldBytes > MAX_HELD_BYTES) this.#endLanes(0)
    else if (this.#queue.length > MAX_IDLE_EVENTS) this.#endLanes(MAX_IDLE_EVENTS)
    else return
    this.#drain(out)
  }

  #read(line: HeldLine): void {
    const { bytes } = line
    const from = payloadStart(bytes)
    const json = bytes[from] === 0x7b
    const pieces = json ? deltaStrings(bytes, from, bytes.length) : []
    const joined = new Set<number>()
    if (pieces.length > 0) this.#events += 1
    for (const piece of pieces) {
      const lane = this.#laneOf(piece.lane)
      if (lane === null) continue
      joined.add(piece.start)
      lane.lastEvent = this.#events
      lane.add(line, piece)
    }
    const needed = this.#ruleset.worthRunning(bytes)
    if (needed === null) return
    const edits = json
      ? jsonEdits(needed, this.#tally, bytes, from, bytes.length, joined)
      : textEdits(needed, this.#tally, bytes, from, bytes.length)
    for (const edit of edits) line.edits.push(edit)
  }

  #laneOf(name: string): Lane | null {
    const known = this.#lanes.get(name)
    if (known !== undefined) return known
    if (this.#lanes.size >= MAX_LANES) return null
    const lane = new Lane(this.#ruleset, this.#tally)
    this.#lanes.set(name, lane)
    return lane
  }

  /** Ends the texts that had no piece in the last `idle` events. */
  #endLanes(idle: number): void {
    for (const lane of this.#lanes.values()) if (this.#events - lane.lastEvent >= idle) lane.end()
  }

  #drain(out: Buffer[]): void {
    let ready = 0
    for (const { waiting, bytes } of this.#queue) {
      if (waiting > 0) break
      this.#heldBytes -= bytes.length
      ready += 1
    }
    if (ready === 0) return
    for (const { bytes, edits } of this.#queue.splice(0, ready)) {
      out.push(
        applyEdits(
          bytes,
          edits.toSorted((one, other) => one.start - other.start),
        ),
      )
    }
  }
}

function endsLine(byte: number | undefined): boolean {
  return byte === LF || byte === CR
}

/** Gives the position after the next line end, or that of the last byte; each kind of end is searched for once. */
function lineEnds(bytes: Buffer): (from: number) => number {
  let lf = -1
  let cr = -1
  const next = (byte: number, found: number, from: number) => {
    if (found >= from) return found
    const at = bytes.indexOf(byte, from)
    return at < 0 ? bytes.length : at
  }
  return (from) => {
    lf = next(LF, lf, from)
    cr = next(CR, cr, from)
    return Math.min(Math.min(lf, cr) + 1, bytes.length)
  }
}

function join(pieces: readonly Buffer[]): Buffer {
  const [first = EMPTY] = pieces
  return pieces.length <= 1 ? first : Buffer.concat(pieces)
}

/** Where the value of a `data:` line begins, or the line itself when it is another. */
function payloadStart(bytes: Buffer): number {
  if (bytes[0] !== 0x64 || bytes.toString('latin1', 0, 5) !== 'data:') return 0
  let at = 5
  while (at < bytes.length && bytes[at] === 0x20) at += 1
  return at
}
