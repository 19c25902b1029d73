/**
 * Serves the one session of the embedded database to many connections, one at a time: whoever has begun keeps the
 * session until the database says it is idle again, so statements, transactions and answers of two connections never
 * mix. Never interrupts a running statement, and never answers for the database except at login.
 */

import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'
import { CHOSEN_AT_LOGIN, Connection, type Group } from './session-connection.ts'
import { answerMessages, channelOf, encodeCopyIn, encodeError, encodeMessage, encodeWelcome } from './wire.ts'

export type SessionServer = {
  /** Ends every connection, waits for the running statement and stops listening. Safe to call twice. */
  close(): Promise<void>
}

export type SessionServerOptions = {
  /** Path of the Unix socket; its directory decides who may connect. */
  path: string
  /** Further connections get SQLSTATE 53300 at once. */
  maxConnections: number
  /** A connection that holds the session and completes no message this long is ended, so that it cannot stop the others. */
  maxSilenceMs?: number
  /** One COPY FROM STDIN has at most this many bytes, all of which are gathered before it runs. */
  maxCopyBytes?: number
  /** The database itself broke; nothing will be answered any more. */
  onFatal: (error: unknown) => void
}

const MAX_SILENCE_MS = 60_000
const LOGIN_TIMEOUT_MS = 5_000
/** What drivers read at login. */
const REPORTED = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
]

/** Listens and resolves once connections are accepted. Rejects when the socket cannot be bound. */
export async function serveSession(pglite: PGlite, options: SessionServerOptions): Promise<SessionServer> {
  const session = new Session(pglite, options, {
    welcome: await readSettings(pglite, REPORTED),
    defaults: await readSettings(pglite, CHOSEN_AT_LOGIN),
  })
  const server = createServer((socket) => session.accept(socket))
  await listen(server, options.path)
  let closing: Promise<void> | null = null
  return {
    close: () => {
      closing ??= closeServer(server, session)
      return closing
    },
  }
}

async function readSettings(pglite: PGlite, names: readonly string[]): Promise<Map<string, string>> {
  const settings = new Map<string, string>()
  for (const name of names) {
    const { rows } = await pglite.query<{ value: string }>('SELECT current_setting($1) AS value', [name])
    settings.set(name, rows[0]?.value ?? '')
  }
  return settings
}

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(path, () => {
    server.off('error', reject)
    // Accepting can fail later (too many open files); the connection is lost, the server is not.
    server.on('error', () => undefined)
    resolve()
  })
  await promise
}

async function closeServer(server: Server, session: Session): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  session.end()
  await promise
  await session.empty()
}

type Reported = { welcome: ReadonlyMap<string, string>; defaults: ReadonlyMap<string, string> }

class Session {
  readonly #pglite: PGlite
  readonly #options: SessionServerOptions
  readonly #welcome: Buffer
  readonly #connections = new Set<Connection>()
  /** In the order in which they became ready; each stands here at most once. */
  readonly #waiting = new Set<Connection>()
  #holder: Connection | null = null
  #silence: NodeJS.Timeout | undefined
  #turns: Promise<void> | null = null
  #broken = false
  #ending = false
  readonly #left = Promise.withResolvers<void>()
  /** What the settings that a connection may choose were before any connection, and the last statement setting them. */
  readonly #defaults: ReadonlyMap<string, string>
  #applied = ''

  constructor(pglite: PGlite, options: SessionServerOptions, reported: Reported) {
    this.#pglite = pglite
    this.#options = options
    this.#welcome = encodeWelcome(reported.welcome)
    this.#defaults = reported.defaults
  }

  accept(socket: Socket): void {
    if (this.#connections.size >= this.#options.maxConnections || this.#broken) {
      this.#turnAway(socket)
      return
    }
    const { maxCopyBytes } = this.#options
    const ready = () => this.#ready(connection)
    const connection = new Connection(
      socket,
      this.#welcome,
      { onReady: ready, onClose: ready },
      { maxCopyBytes },
    )
    this.#connections.add(connection)
  }

  /** Reads the login first: closing with unread bytes would take the explanation away with the connection. */
  #turnAway(socket: Socket): void {
    const why = `The embedded database serves ${this.#options.maxConnections} connections at a time.`
    socket.on('error', () => socket.destroy())
    socket.once('data', () => socket.end(encodeError('FATAL', '53300', why)))
    socket.setTimeout(LOGIN_TIMEOUT_MS, () => socket.destroy())
  }

  end(): void {
    this.#ending = true
    for (const connection of this.#connections) connection.end()
  }

  /** Resolves when everybody has left and has been cleaned up after; nothing touches the database any more. */
  async empty(): Promise<void> {
    if (this.#connections.size > 0 && !this.#broken) await this.#left.promise
    await this.#turns
  }

  #ready(connection: Connection): void {
    if (connection !== this.#holder) this.#waiting.add(connection)
    this.#start()
  }

  #start(): void {
    if (this.#turns !== null || this.#broken) return
    this.#turns = this.#takeTurns().finally(() => {
      this.#turns = null
      // Somebody may have become ready between the last look and this line.
      if (this.#holder === null ? this.#waiting.size > 0 : this.#holder.hasWork) this.#start()
    })
  }

  async #takeTurns(): Promise<void> {
    try {
      for (let next = this.#next(); next !== null; next = this.#next()) await this.#serve(next)
    } catch (error) {
      this.#broken = true
      this.#left.resolve()
      for (const connection of this.#connections) connection.end()
      this.#options.onFatal(error)
    }
  }

  #next(): Connection | null {
    if (this.#holder !== null) return this.#holder.hasWork ? this.#holder : null
    for (const connection of this.#waiting) {
      this.#waiting.delete(connection)
      if (connection.hasWork) return connection
    }
    return null
  }

  async #serve(connection: Connection): Promise<void> {
    clearTimeout(this.#silence)
    const leaving = connection.closed
    // Not in the middle of a turn: the settings stand, and a failed transaction would take no statement.
    if (!leaving && connection !== this.#holder) await this.#apply(connection)
    const group = leaving ? this.#farewell(connection) : connection.takeGroup()
    if (group.copies === undefined) await this.#answer(connection, group)
    else await connection.send(encodeCopyIn(group.copies))
    if (leaving) {
      this.#connections.delete(connection)
      this.#holder = null
      if (this.#ending && this.#connections.size === 0) this.#left.resolve()
    } else if (this.#holder === null && connection.hasWork) {
      this.#waiting.add(connection)
    } else if (this.#holder !== null && !connection.hasWork) {
      this.#silence = setTimeout(
        () => connection.fail('25P03', 'The connection held the database and asked nothing for too long.'),
        this.#options.maxSilenceMs ?? MAX_SILENCE_MS,
      )
    }
  }

  async #answer(connection: Connection, group: Group): Promise<void> {
    const { answer, idle } = this.#deliver(await this.#execute(group.bytes))
    if (group.unlistens) await this.#listenAgain()
    await connection.send(answer)
    this.#holder = idle ? null : connection
  }

  /** One or more frontend messages in, everything the database answers out. */
  async #execute(messages: Buffer): Promise<Buffer> {
    const chunks: Buffer[] = []
    if (messages.length > 0) {
      await this.#pglite.execProtocolRawStream(messages, {
        onRawData: (data) => chunks.push(Buffer.from(data)),
      })
    }
    return Buffer.concat(chunks)
  }

  /** Takes notifications out of the answer for whoever listens, and reads whether the session is idle after it. */
  #deliver(raw: Buffer): { answer: Buffer; idle: boolean } {
    let idle = raw.length === 0
    const answer: Buffer[] = []
    for (const message of answerMessages(raw)) {
      if (message.type === 'A') {
        const channel = channelOf(message)
        for (const listener of this.#connections) {
          if (listener.channels.has(channel)) listener.notify(message.bytes)
        }
        continue
      }
      // Whoever may copy in was told before; whoever was refused must not be told.
      if (message.type === 'G') continue
      // A group may hold several queries; the last word counts.
      idle = message.type === 'Z' && message.bytes[5] === 'I'.charCodeAt(0)
      answer.push(message.bytes)
    }
    return { answer: Buffer.concat(answer), idle }
  }

  /** Every connection finds the settings it asked for at login, although all share one session. */
  async #apply(connection: Connection): Promise<void> {
    const calls = [...this.#defaults].map(([name, usual]) => {
      const value = connection.settings.get(name) ?? usual
      return `set_config('${name}', '${value.replaceAll("'", "''")}', false)`
    })
    const statement = `SELECT ${calls.join(', ')}`
    if (statement === this.#applied) return
    const { answer } = this.#deliver(await this.#execute(encodeMessage('Q', statement)))
    if ([...answerMessages(answer)].every((message) => message.type !== 'E')) this.#applied = statement
    else connection.fail('22023', 'A setting asked for at login has a value that PostgreSQL does not take.')
  }

  /** What must be said in the name of a connection that is gone: its transaction, statements and channels end. */
  #farewell(connection: Connection): Group {
    // Sync first: after a failed message the database ignores everything else.
    const messages = connection === this.#holder ? [encodeMessage('S'), encodeMessage('Q', 'ROLLBACK')] : []
    for (const name of connection.statements) messages.push(encodeMessage('C', Buffer.from('S'), name))
    const gone = [...connection.channels]
    connection.channels.clear()
    for (const channel of gone) {
      const wanted = [...this.#connections].some((other) => other.channels.has(channel))
      if (!wanted) messages.push(encodeMessage('Q', `UNLISTEN ${quoteIdentifier(channel)}`))
    }
    if (messages.length > 0) messages.push(encodeMessage('S'))
    return { bytes: Buffer.concat(messages), unlistens: false }
  }

  /** UNLISTEN of one connection silences the shared session; the channels of the others are asked for again. */
  async #listenAgain(): Promise<void> {
    const channels = new Set([...this.#connections].flatMap((connection) => [...connection.channels]))
    for (const channel of channels)
      await this.#execute(encodeMessage('Q', `LISTEN ${quoteIdentifier(channel)}`))
  }
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
