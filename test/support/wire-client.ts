/** A client of the embedded database that says exactly what it is told to, message by message. */

import { createConnection, type Socket } from 'node:net'
import { encodeMessage, SOCKET_NAME, type WireMessage, WireReader } from '../../src/db/wire.ts'
import { embeddedDirectory } from '../../src/lib/database-url.ts'

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

export class WireClient {
  readonly #socket: Socket
  readonly #reader = new WireReader(MAX_MESSAGE_BYTES)
  readonly #heard: string[] = []
  readonly closed = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.closed.resolve())
  }

  /** Logs in and resolves when the database is ready. */
  static async connect(url: string): Promise<WireClient> {
    const client = new WireClient(createConnection(`${embeddedDirectory(url)}/${SOCKET_NAME}`))
    // A startup message is one without a type.
    const startup = encodeMessage('S', Buffer.from([0, 3, 0, 0]), 'user', 'postgres', Buffer.alloc(1))
    client.send(startup.subarray(1))
    await client.until('Z:I')
    return client
  }

  /** Everything in one write. */
  send(...messages: Buffer[]): void {
    this.#socket.write(Buffer.concat(messages))
  }

  query(text: string): void {
    this.send(encodeMessage('Q', text))
  }

  /**
   * What was answered up to this word, each message as its type and, of those that say one, its tag, code or state: `C:COPY 2`,
   * `E:57014`, `Z:I`. Never resolves when that never comes.
   */
  async until(word: string): Promise<string[]> {
    while (!this.#heard.includes(word)) await this.#wake.promise
    return this.#heard.splice(0, this.#heard.indexOf(word) + 1)
  }

  end(): Promise<void> {
    this.#socket.destroy()
    return this.closed.promise
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk)
    for (let message = this.#reader.takeMessage(); message !== null; message = this.#reader.takeMessage()) {
      this.#heard.push(wordOf(message))
    }
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

function wordOf({ type, bytes }: WireMessage): string {
  const body = bytes.toString('utf8', 5)
  if (type === 'E') return `E:${/\0C([^\0]+)/.exec(body)?.[1]}`
  if (type === 'C') return `C:${body.slice(0, -1)}`
  return type === 'Z' ? `Z:${body}` : type
}
