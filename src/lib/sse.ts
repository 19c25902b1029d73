/**
 * Server-sent events (WHATWG HTML §9.2) as a push parser over bytes: split anywhere, even inside a UTF-8 code
 * point or a CRLF. Used where events are translated; same-dialect streams pass as bytes.
 */

export type SseEvent = { event: string; data: string }

const LF = 10
const CR = 13

/** Small enough to cost nothing per stream, large enough that ordinary events never make it grow. */
const HELD_START_BYTES = 1024

/** Feeds bytes in, gets whole events out. An event larger than `maxEventBytes` throws a RangeError. */
export class SseParser {
  readonly #maxEventBytes: number
  /** The unfinished line. Doubles when full, so an event that dribbles in byte by byte costs no more than its size. */
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0
  #event = ''
  #data: string[] = []
  #dataBytes = 0
  #sawCr = false
  #atStart = true

  constructor(maxEventBytes: number) {
    this.#maxEventBytes = maxEventBytes
  }

  /** Events completed by this chunk, in order. */
  push(chunk: Buffer): SseEvent[] {
    const events: SseEvent[] = []
    let from = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (this.#sawCr && byte === LF && at === from) {
        this.#sawCr = false
        from = at + 1
        continue
      }
      this.#sawCr = false
      if (byte !== LF && byte !== CR) continue
      this.#line(chunk.subarray(from, at), events)
      from = at + 1
      this.#sawCr = byte === CR
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
    return events
  }

  /** True when bytes or fields of an unfinished event are held: the stream was cut inside an event. */
  get pending(): boolean {
    return this.#heldBytes > 0 || this.#data.length > 0 || this.#event !== ''
  }

  #hold(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length
    this.#bound(needed)
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(HELD_START_BYTES, needed, this.#held.length * 2))
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    bytes.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
  }

  #bound(lineBytes: number): void {
    if (this.#dataBytes + lineBytes > this.#maxEventBytes) {
      throw new RangeError(`An event is larger than ${this.#maxEventBytes} bytes.`)
    }
  }

  #take(bytes: Buffer): Buffer {
    if (this.#heldBytes === 0) return bytes
    this.#hold(bytes)
    const line = this.#held.subarray(0, this.#heldBytes)
    this.#held = Buffer.alloc(0)
    this.#heldBytes = 0
    return line
  }

  #line(rest: Buffer, events: SseEvent[]): void {
    const bytes = this.#take(rest)
    this.#bound(bytes.length)
    const text = bytes.toString('utf8')
    const line = this.#atStart && text.startsWith('\uFEFF') ? text.slice(1) : text
    this.#atStart = false
    if (line === '') {
      if (this.#data.length > 0) events.push({ event: this.#event || 'message', data: this.#data.join('\n') })
      this.#event = ''
      this.#data = []
      this.#dataBytes = 0
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const after = colon < 0 ? '' : line.slice(colon + 1)
    const value = after.startsWith(' ') ? after.slice(1) : after
    if (field === 'event') this.#event = value
    if (field !== 'data') return
    // The whole line counts, so that endless empty `data:` lines meet the bound too.
    this.#dataBytes += bytes.length
    this.#data.push(value)
  }
}

/** One event as bytes: `data: …\n\n`, with an `event:` line when a name is given. `data` must hold no line breaks. */
export function encodeSse(data: string, event?: string): Buffer {
  return Buffer.from(event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`)
}
