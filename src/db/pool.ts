/**
 * Pools of postgres.js connections, for a server and for the embedded database alike. Without drizzle, whose modules
 * cost a thread 10 MB and a tenth of a second: threads and jobs that speak plain SQL open a pool, stores a connection.
 */

import { createRequire } from 'node:module'
import type { Options, Sql } from 'postgres'
import { ConfigError } from '../errors.ts'
import { embeddedDirectory } from '../lib/database-url.ts'
import { openSocket } from './socket.ts'
import { guardTransactions } from './transactions.ts'
import { SOCKET_NAME } from './wire.ts'

/** As CommonJS: drizzle has this copy in memory already. */
const postgres: typeof import('postgres') = createRequire(import.meta.url)('postgres')

export type Pool = {
  sql: Sql
  /** True for the embedded database: one session behind every connection, no cancellation. */
  embedded: boolean
  /** Waits up to five seconds for running queries, then closes every connection. Safe to call twice. */
  close(): Promise<void>
}

export type ConnectOptions = {
  /** Upper bound of the pool. Connections are opened when first needed. */
  maxConnections: number
  /** Shown in `pg_stat_activity`. */
  applicationName: string
  /** Keeps each connection for as long as it lives, for what a session holds; otherwise it is renewed now and then. */
  endless?: boolean
}

/** A gateway that waits longer than this for one statement is better off failing and trying again. */
const STATEMENT_TIMEOUT_MS = 30_000
/** A transaction left open keeps old row versions and locks; nothing of ours waits inside one. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_SECONDS = 10
const CLOSE_TIMEOUT_SECONDS = 5
const MAX_BACKOFF_SECONDS = 1
/** Every connection of the embedded database shares one session; more of them only queue. */
const MAX_EMBEDDED_CONNECTIONS = 4

/**
 * Opens a pool. Takes `postgres://…` or `postgresql://…` for a server and `unix:/directory` for the embedded database.
 * Does not connect yet: the first query does, and lost connections are opened again by the next query.
 * Throws ConfigError for any other URL; the message never holds the URL, which may carry a password.
 */
export function openPool(url: string, options: ConnectOptions): Pool {
  const directory = embeddedDirectory(url)
  const sql = directory === null ? openServer(url, options) : openEmbedded(directory, options)
  guardTransactions(sql)
  return {
    sql,
    embedded: directory !== null,
    close: () => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS }),
  }
}

function openServer(url: string, options: ConnectOptions): Sql {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigError([
      'DATABASE_URL is not a PostgreSQL address. Write postgres://user:password@host:5432/database.',
    ])
  }
  if (new URL(url).hostname.includes(',')) {
    throw new ConfigError([
      'DATABASE_URL names several hosts, of which one alone would ever be used. Name the primary, or what leads to it.',
    ])
  }
  return postgres(url, {
    ...sharedOptions(options),
    max: options.maxConnections,
    connection: {
      application_name: options.applicationName,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    },
  })
}

/** Startup options are not sent: the embedded database has one session, set up by the process that owns it. */
function openEmbedded(directory: string, options: ConnectOptions): Sql {
  return postgres({
    ...sharedOptions(options),
    path: `${directory}/${SOCKET_NAME}`,
    user: 'postgres',
    database: 'postgres',
    max: Math.min(options.maxConnections, MAX_EMBEDDED_CONNECTIONS),
  })
}

function sharedOptions(options: ConnectOptions): Options<Record<string, never>> {
  if (!Number.isInteger(options.maxConnections) || options.maxConnections < 1) {
    throw new RangeError(`maxConnections is ${options.maxConnections}; it must be a whole number from 1.`)
  }
  // Notices ("relation already exists, skipping") would be printed on stdout by default.
  return {
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    ...(options.endless ? { max_lifetime: null } : {}),
    // The driver's own backoff grows to 20 s, which a caller would wait after a database that restarts in one.
    backoff: (attempt: number) =>
      Math.min(MAX_BACKOFF_SECONDS, 0.05 * 2 ** attempt) * (0.5 + Math.random() / 2),
    onnotice: () => undefined,
    // In the driver's README, not in its types.
    ...{ socket: openSocket },
  }
}
