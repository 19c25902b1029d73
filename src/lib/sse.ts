/**
 * Server-sent events (WHATWG HTML §9.2) as a push parser over bytes: split anywhere, even inside a UTF-8 code
 * point or a CRLF. Used where events are translated; same-dialect streams pass as bytes.
 */

export type SseEvent = { event: string; data: string }

const LF = 10
const CR = 13

/** Feeds bytes in, gets whole events out. An event larger than `maxEventBytes` throws a RangeError. */
export class SseParser {
  readonly #maxEventBytes: number
  #held: Buffer[] = []
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
      this.#line(this.#take(chunk.subarray(from, at)), events)
      from = at + 1
      this.#sawCr = byte === CR
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from))
    return events
  }

  /** True when bytes or fields of an unfinished event are held: the stream was cut inside an event. */
  get pending(): boolean {
    return this.#heldBytes > 0 || this.#data.length > 0
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length
    if (this.#heldBytes + this.#dataBytes > this.#maxEventBytes) {
      throw new RangeError(`An event is larger than ${this.#maxEventBytes} bytes.`)
    }
    this.#held.push(Buffer.from(bytes))
  }

  #take(bytes: Buffer): string {
    if (this.#heldBytes === 0) return bytes.toString('utf8')
    this.#held.push(bytes)
    const line = Buffer.concat(this.#held).toString('utf8')
    this.#held = []
    this.#heldBytes = 0
    return line
  }

  #line(text: string, events: SseEvent[]): void {
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
    const rest = colon < 0 ? '' : line.slice(colon + 1)
    const value = rest.startsWith(' ') ? rest.slice(1) : rest
    if (field === 'event') this.#event = value
    if (field !== 'data') return
    this.#dataBytes += value.length
    if (this.#dataBytes > this.#maxEventBytes) {
      throw new RangeError(`An event is larger than ${this.#maxEventBytes} bytes.`)
    }
    this.#data.push(value)
  }
}

/** One event as bytes: `data: …\n\n`, with an `event:` line when a name is given. `data` must hold no line breaks. */
export function encodeSse(data: string, event?: string): Buffer {
  return Buffer.from(event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`)
}
