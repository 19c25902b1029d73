/**
 * Reads HTTP/1.1 messages (one after another, keep-alive) from raw socket bytes, however they are split.
 * Exists because the load generator and the mock share two cores with what they measure: node:http there
 * would cost as much as the gateway. Never meant for anything but this benchmark's own peers.
 */

export interface MessageHandlers {
  /** First line and headers, without the empty line. */
  head(head: string): void
  /** Bytes of the body, transfer coding removed. */
  body(bytes: Buffer): void
  end(): void
}

const MAX_HEAD_BYTES = 64 * 1024
const BREAK = Buffer.from('\r\n\r\n')

export class MessageReader {
  readonly #handlers: MessageHandlers
  #held: Buffer = Buffer.alloc(0)
  #state: 'head' | 'sized' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' = 'head'
  #missing = 0

  constructor(handlers: MessageHandlers) {
    this.#handlers = handlers
  }

  /** Throws on bytes that are not HTTP. */
  push(bytes: Buffer): void {
    let rest: Buffer | undefined = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes
    while (rest !== undefined && rest.length > 0) {
      const next = this.#step(rest)
      if (next === undefined) break
      rest = next
    }
    this.#held = rest ?? Buffer.alloc(0)
    if (this.#held.length > MAX_HEAD_BYTES) throw new Error('No end of line within 64 KB.')
  }

  /** Takes what it can and returns the rest; undefined when it needs more bytes first. */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes)
      case 'sized':
      case 'chunk':
        return this.#readBody(bytes)
      default:
        return this.#readLine(bytes)
    }
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(BREAK)
    if (end < 0) return undefined
    const head = bytes.toString('latin1', 0, end)
    this.#handlers.head(head)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined) {
      this.#missing = Number(length)
      this.#state = 'sized'
      if (this.#missing === 0) this.#finish()
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#state = 'chunk-size'
    else this.#finish()
    return bytes.subarray(end + BREAK.length)
  }

  #readBody(bytes: Buffer): Buffer {
    const part = bytes.length <= this.#missing ? bytes : bytes.subarray(0, this.#missing)
    this.#missing -= part.length
    this.#handlers.body(part)
    if (this.#missing === 0) {
      if (this.#state === 'sized') this.#finish()
      else this.#state = 'chunk-end'
    }
    return bytes.subarray(part.length)
  }

  #readLine(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n')
    if (end < 0) return undefined
    if (this.#state === 'chunk-end') this.#state = 'chunk-size'
    else if (this.#state === 'trailer') {
      if (end === 0) this.#finish()
    } else {
      this.#missing = Number.parseInt(bytes.toString('latin1', 0, end), 16)
      if (!Number.isInteger(this.#missing)) throw new Error('A chunk without a size.')
      this.#state = this.#missing === 0 ? 'trailer' : 'chunk'
    }
    return bytes.subarray(end + 2)
  }

  #finish(): void {
    this.#state = 'head'
    this.#handlers.end()
  }
}
