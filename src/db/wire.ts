/**
 * The few parts of PostgreSQL's wire protocol (version 3, postgresql.org/docs/current/protocol-message-formats.html)
 * that the embedded database's socket needs: cutting bytes into messages and writing the answers a login expects.
 * Pure: knows no socket and no database.
 */

/** File name of the socket inside its directory: the one libpq, psql and node-postgres look for. */
export const SOCKET_NAME = '.s.PGSQL.5432'

/** A typed message is one type byte and a length that counts itself but not the type. */
const HEADER_BYTES = 5
const STARTUP_PROTOCOL = 196_608
const CANCEL_REQUEST = 80_877_102
const SSL_REQUEST = 80_877_103
const GSS_REQUEST = 80_877_104

/** Query, Sync, Flush and Terminate: after these the sender waits, so what came before can be executed. */
const GROUP_ENDS = new Set(['Q', 'S', 'H', 'X'].map((type) => type.charCodeAt(0)))

export type WireMessage = { type: string; bytes: Buffer }

export type Opening =
  | { kind: 'startup'; parameters: ReadonlyMap<string, string> }
  | { kind: 'encryption' }
  | { kind: 'cancel' }
  | { kind: 'unknown' }

/** Collects bytes and gives back whole messages; holds at most one message beyond what was taken. */
export class WireReader {
  readonly #maxMessageBytes: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes
  }

  get bufferedBytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** The untyped message that opens a connection; null until it is complete. */
  takeOpening(): Opening | null {
    if (this.#bytes < 8) return null
    const head = this.#peek(8)
    const length = this.#checked(head.readUInt32BE(0), 8)
    if (this.#bytes < length) return null
    const bytes = this.#take(length)
    const code = bytes.readUInt32BE(4)
    if (code === SSL_REQUEST || code === GSS_REQUEST) return { kind: 'encryption' }
    if (code === CANCEL_REQUEST) return { kind: 'cancel' }
    if (code !== STARTUP_PROTOCOL) return { kind: 'unknown' }
    const words = bytes.subarray(8).toString('utf8').split('\0')
    const parameters = new Map<string, string>()
    for (let at = 0; at + 1 < words.length && words[at] !== ''; at += 2) {
      parameters.set(words[at] ?? '', words[at + 1] ?? '')
    }
    return { kind: 'startup', parameters }
  }

  /** The next typed message; null until it is complete. Throws RangeError when it is larger than the limit. */
  takeMessage(): WireMessage | null {
    if (this.#bytes < HEADER_BYTES) return null
    const length = 1 + this.#checked(this.#peek(HEADER_BYTES).readUInt32BE(1), 4)
    if (this.#bytes < length) return null
    const bytes = this.#take(length)
    return { type: String.fromCharCode(bytes[0] ?? 0), bytes }
  }

  #checked(length: number, minimum: number): number {
    if (length < minimum || length > this.#maxMessageBytes) {
      throw new RangeError(
        `A message of ${length} bytes is outside ${minimum} to ${this.#maxMessageBytes} bytes.`,
      )
    }
    return length
  }

  /** Joins chunks only as far as asked: a message of many megabytes is copied once, not once per chunk. */
  #peek(length: number): Buffer {
    const first = this.#chunks[0] ?? Buffer.alloc(0)
    if (first.length >= length) return first
    this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  #take(length: number): Buffer {
    const whole = this.#peek(length)
    const rest = whole.subarray(length)
    this.#chunks.shift()
    if (rest.length > 0) this.#chunks.unshift(rest)
    this.#bytes -= length
    return whole.subarray(0, length)
  }
}

export function endsGroup(message: WireMessage): boolean {
  return GROUP_ENDS.has(message.bytes[0] ?? 0)
}

/** SQL text of a Query or Parse message, its statement name when it has one; null for other messages. */
export function statementOf(message: WireMessage): { name: string; text: string } | null {
  if (message.type !== 'Q' && message.type !== 'P') return null
  let at = HEADER_BYTES
  let name = ''
  if (message.type === 'P') {
    const end = message.bytes.indexOf(0, at)
    name = message.bytes.toString('utf8', at, end)
    at = end + 1
  }
  const end = message.bytes.indexOf(0, at)
  return { name, text: message.bytes.toString('utf8', at, end) }
}

/** Cuts the database's answer into messages. The answer is whole: it ends where a message ends. */
export function* answerMessages(answer: Buffer): Generator<WireMessage> {
  let at = 0
  while (at + HEADER_BYTES <= answer.length) {
    const end = at + 1 + answer.readUInt32BE(at + 1)
    yield { type: String.fromCharCode(answer[at] ?? 0), bytes: answer.subarray(at, end) }
    at = end
  }
}

/** Channel of a NotificationResponse. */
export function channelOf(notification: WireMessage): string {
  const from = HEADER_BYTES + 4
  return notification.bytes.toString('utf8', from, notification.bytes.indexOf(0, from))
}

export function encodeMessage(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)),
  )
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(type, 0, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

/** AuthenticationOk, the parameters a driver looks at, a cancellation key nobody can use, ReadyForQuery (idle). */
export function encodeWelcome(parameters: ReadonlyMap<string, string>): Buffer {
  return Buffer.concat([
    encodeMessage('R', Buffer.alloc(4)),
    ...[...parameters].map(([name, value]) => encodeMessage('S', name, value)),
    encodeMessage('K', Buffer.alloc(8)),
    encodeMessage('Z', Buffer.from('I')),
  ])
}

/** CopyInResponse: the client may now copy this many columns in, all of them binary. */
export function encodeCopyIn(columns: number): Buffer {
  const body = Buffer.alloc(3 + 2 * columns)
  body.writeInt8(1, 0)
  body.writeInt16BE(columns, 1)
  for (let at = 0; at < columns; at += 1) body.writeInt16BE(1, 3 + 2 * at)
  return encodeMessage('G', body)
}

/** ErrorResponse with an SQLSTATE of postgresql.org/docs/current/errcodes-appendix.html. */
export function encodeError(severity: 'ERROR' | 'FATAL', sqlState: string, text: string): Buffer {
  return encodeMessage('E', `S${severity}`, `V${severity}`, `C${sqlState}`, `M${text}`, Buffer.alloc(1))
}
