/**
 * One client of the embedded database's socket: reads its messages into groups that can be executed, and remembers
 * what has to be undone when it leaves. Never touches the database itself.
 */

import type { Socket } from 'node:net'
import {
  copiedColumns,
  copies,
  endOfCopy,
  GatheredCopy,
  isCopyMessage,
  mayCopy,
  refusedCopy,
} from './session-copy.ts'
import { encodeError, endsGroup, statementOf, type WireMessage, WireReader } from './wire.ts'

/** PostgreSQL itself stops at 1 GB; an audit batch stays far below this. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024
/** A batch of the log has 16 MiB and one request more, whose two bodies have 32 MiB each. */
const MAX_COPY_BYTES = 128 * 1024 * 1024
/** Reading stops while this much waits for its turn. */
const PAUSE_BYTES = 1024 * 1024
const MAX_STATEMENTS = 2_000
const MAX_CHANNELS = 100
/** How long a client that is sent away may take to read why. */
const FAREWELL_MS = 1_000

/** Settings a client may choose at login; each connection finds its own although all share one session. */
export const CHOSEN_AT_LOGIN: readonly string[] = ['search_path', 'timezone', 'datestyle', 'intervalstyle']

export type Group = {
  bytes: Buffer
  unlistens: boolean
  /** Nothing to execute: the client is to be told that it may now copy this many columns in. */
  copies?: number
}
type ConnectionEvents = { onReady: () => void; onClose: () => void }
type ConnectionLimits = { maxCopyBytes?: number | undefined }

export class Connection {
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  readonly #welcome: Buffer
  readonly #maxCopyBytes: number
  readonly #reader = new WireReader(MAX_MESSAGE_BYTES)
  readonly #groups: Group[] = []
  #groupBytes = 0
  #pending: WireMessage[] = []
  #pendingUnlistens = false
  #copy: GatheredCopy | null = null
  #opened = false
  #served = false
  /** Named prepared statements, which outlive a connection because the session does. */
  readonly statements = new Set<string>()
  readonly channels = new Set<string>()
  settings: ReadonlyMap<string, string> = new Map()
  closed = false

  constructor(socket: Socket, welcome: Buffer, events: ConnectionEvents, limits: ConnectionLimits = {}) {
    this.#socket = socket
    this.#welcome = welcome
    this.#events = events
    this.#maxCopyBytes = limits.maxCopyBytes ?? MAX_COPY_BYTES
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.closed = true
      this.#events.onClose()
    })
  }

  /** True when there is something to execute, or something to clean up after the client has left. */
  get hasWork(): boolean {
    return this.closed ? !this.#served : this.#groups.length > 0
  }

  takeGroup(): Group {
    const group = this.#groups.shift() ?? { bytes: Buffer.alloc(0), unlistens: false }
    this.#groupBytes -= group.bytes.length
    if (this.#groups.length === 0) this.#socket.resume()
    return group
  }

  /** Writes an answer and waits until a slow reader has taken it or left. */
  async send(answer: Buffer): Promise<void> {
    if (this.closed) {
      this.#served = true
      return
    }
    if (answer.length === 0 || this.#socket.destroyed || this.#socket.write(answer)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#socket.once('drain', resolve)
    this.#socket.once('close', resolve)
    await promise
    this.#socket.off('drain', resolve)
    this.#socket.off('close', resolve)
  }

  notify(notification: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(notification)
  }

  /** Says why and hangs up. */
  fail(sqlState: string, why: string): void {
    this.#socket.end(encodeError('FATAL', sqlState, why))
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS)
  }

  end(): void {
    this.fail('57P01', 'The embedded database is stopping.')
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk)
    try {
      if (!this.#opened) this.#open()
      if (this.#opened) this.#readMessages()
    } catch (error) {
      this.fail('08P01', error instanceof Error ? error.message : 'The message cannot be read.')
      return
    }
    if (this.#groups.length === 0) return
    const waitingBytes = this.#reader.bufferedBytes + this.#groupBytes
    if (waitingBytes > PAUSE_BYTES || this.#groups.length > 100) this.#socket.pause()
    this.#events.onReady()
  }

  #open(): void {
    for (let opening = this.#reader.takeOpening(); opening !== null; opening = this.#reader.takeOpening()) {
      if (opening.kind === 'encryption') {
        // A Unix socket needs no encryption; the client goes on in the clear.
        this.#socket.write('N')
        continue
      }
      if (opening.kind === 'startup') {
        this.settings = readSettings(opening.parameters)
        this.#opened = true
        this.#socket.write(this.#welcome)
        return
      }
      // A running statement cannot be interrupted: WebAssembly has the thread. PostgreSQL answers a cancel with nothing.
      this.#socket.end()
      return
    }
  }

  #readMessages(): void {
    for (let message = this.#reader.takeMessage(); message !== null; message = this.#reader.takeMessage()) {
      if (message.type === 'X') {
        this.#socket.end()
        return
      }
      if (this.#copy !== null) this.#gather(this.#copy, message)
      else if (!isCopyMessage(message)) this.#read(message)
    }
  }

  #read(message: WireMessage): void {
    const statement = statementOf(message)
    const text = statement === null ? '' : withoutLeadingComments(statement.text)
    const columns = message.type === 'Q' && this.#pending.length === 0 ? copiedColumns(text) : null
    if (columns !== null) {
      this.#copy = new GatheredCopy(message, this.#maxCopyBytes)
      this.#queue({ bytes: Buffer.alloc(0), unlistens: false, copies: columns })
      return
    }
    this.#pending.push(statement === null ? message : this.#note(message, statement.name, text))
    if (endsGroup(message)) this.#endGroup()
  }

  #endGroup(): void {
    const bytes = Buffer.concat(this.#pending.map((part) => part.bytes))
    this.#queue({ bytes, unlistens: this.#pendingUnlistens })
    this.#pending = []
    this.#pendingUnlistens = false
  }

  #queue(group: Group): void {
    this.#groups.push(group)
    this.#groupBytes += group.bytes.length
  }

  #gather(copy: GatheredCopy, message: WireMessage): void {
    const bytes = copy.take(message)
    if (bytes === null) return
    this.#copy = null
    this.#queue({ bytes, unlistens: false })
  }

  /** Remembers what the statement leaves behind; ends the one statement that would wait for more than it is given. */
  #note(message: WireMessage, name: string, text: string): WireMessage {
    const { type, bytes } = message
    if (copies(text)) return { type, bytes: refusedCopy(type, name) }
    if (name !== '') this.statements.add(name)
    const channel = /^(un)?listen\s+(?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*)|(\*))/i.exec(text)
    if (channel !== null) this.#noteChannel(channel)
    if (this.statements.size > MAX_STATEMENTS || this.channels.size > MAX_CHANNELS) {
      throw new RangeError(
        `One connection may prepare ${MAX_STATEMENTS} statements and listen to ${MAX_CHANNELS} channels.`,
      )
    }
    return type === 'Q' && mayCopy(text) ? { type, bytes: Buffer.concat([bytes, endOfCopy()]) } : message
  }

  #noteChannel(match: RegExpExecArray): void {
    const name = match[2]?.replaceAll('""', '"') ?? match[3]?.toLowerCase()
    if (match[1] === undefined) {
      if (name !== undefined) this.channels.add(name)
      return
    }
    this.#pendingUnlistens = true
    if (name === undefined) this.channels.clear()
    else this.channels.delete(name)
  }
}

/** BullMQ's statements begin with whole paragraphs. */
function withoutLeadingComments(text: string): string {
  const skip = /\s+|--[^\n]*|\/\*[\s\S]*?\*\//y
  let at = 0
  while (skip.test(text)) at = skip.lastIndex
  return text.slice(at)
}

/** Settings named directly or as `options=-c name=value`; everything else a server would accept is left out. */
function readSettings(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const settings = new Map<string, string>()
  const options = parameters.get('options') ?? ''
  const named = [...options.matchAll(/(?:-c\s*|--)([a-z_.]+)=((?:\\.|\S)*)/gi)].map(
    (match) => [match[1] ?? '', (match[2] ?? '').replace(/\\(.)/g, '$1')] as const,
  )
  for (const [name, value] of [...parameters, ...named]) {
    if (CHOSEN_AT_LOGIN.includes(name.toLowerCase())) settings.set(name.toLowerCase(), value)
  }
  return settings
}
