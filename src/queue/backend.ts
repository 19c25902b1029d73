/**
 * Where jobs wait: in Redis when an address for it is configured, otherwise in the schema `bullmq` of the database.
 * The rest of the product sees one queue and never asks which.
 */

import {
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  type JobProgress,
  type Processor,
  Queue,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { ConfigError } from '../errors.ts'
import { embeddedDirectory } from '../lib/database-url.ts'

export type QueueBackend = {
  kind: 'redis' | 'postgres'
  /** Opens the one queue; `failed` hears of connection errors, which BullMQ mends by itself. */
  openQueue(failed: (error: Error) => void): JobQueue
  openWorker(process: Processor, options: Omit<WorkerOptions, 'connection'>): JobWorker
  /**
   * Makes the backend ready: creates or updates BullMQ's tables, or looks whether Redis may be used. Called once
   * before the first job, next to the migrations. Throws ConfigError when Redis would throw jobs away.
   */
  prepare(): Promise<void>
}

export type JobQueue = Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend>
export type JobWorker = Worker<unknown, unknown, string, IQueueBackend>

/** One queue for all jobs: the name of a job says what it is, and workers share the load whatever it is. */
const QUEUE = 'aval'
const SCHEMA = 'bullmq'
/** BullMQ holds one more connection per queue or worker to listen with. */
const MAX_CONNECTIONS = 2
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Chooses by what is configured: Redis when `redisUrl` is not null. `databaseUrl` takes the forms of `connectDatabase`.
 * Opens nothing yet.
 */
export function queueBackend(addresses: { redisUrl: string | null; databaseUrl: string }): QueueBackend {
  if (addresses.redisUrl !== null) {
    const url = addresses.redisUrl
    if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) {
      throw new ConfigError([
        'REDIS_URL is not a Redis address. Write redis://:password@host:6379 or rediss://…',
      ])
    }
    // A queue's call fails after a few tries, so that a request never hangs on it; a worker waits for Redis to return.
    return fromFactory('redis', createRedisBackend, {
      queue: { url, maxRetriesPerRequest: 3, connectTimeout: CONNECT_TIMEOUT_MS },
      worker: { url, maxRetriesPerRequest: null, connectTimeout: CONNECT_TIMEOUT_MS },
      prepare: () => checkRedis(url),
    })
  }
  const connection = postgresConnection(addresses.databaseUrl)
  const options = { ...connection, schema: SCHEMA }
  return fromFactory('postgres', createPostgresBackend, {
    queue: options,
    worker: options,
    prepare: () => migratePostgres(connection),
  })
}

type Connections<Connection> = { queue: Connection; worker: Connection; prepare: () => Promise<void> }

function fromFactory<Backend extends IQueueBackend, Connection>(
  kind: QueueBackend['kind'],
  factory: BackendFactory<Backend, Connection>,
  connections: Connections<Connection>,
): QueueBackend {
  // The concrete backend matters to nobody; erasing it once here keeps one type for both everywhere else.
  const create = factory as unknown as BackendFactory<IQueueBackend, Connection>
  return {
    kind,
    openQueue: (failed) => {
      const queue = new Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend, Connection>(
        QUEUE,
        { connection: connections.queue },
        create,
      )
      queue.on('error', failed)
      return queue as unknown as JobQueue
    },
    openWorker: (process, options) =>
      new Worker<unknown, unknown, string, IQueueBackend, JobProgress, Connection>(
        QUEUE,
        process,
        { ...options, connection: connections.worker },
        create,
      ) as unknown as JobWorker,
    prepare: connections.prepare,
  }
}

type PostgresAddress = { max: number; connectionTimeoutMillis: number } & (
  | { connectionString: string; application_name: string }
  | { host: string; port: number; user: string; database: string }
)

function postgresConnection(databaseUrl: string): PostgresAddress {
  const directory = embeddedDirectory(databaseUrl)
  const shared = { max: MAX_CONNECTIONS, connectionTimeoutMillis: CONNECT_TIMEOUT_MS }
  if (directory === null) return { ...shared, connectionString: databaseUrl, application_name: 'aval-queue' }
  // node-postgres takes a host that starts with a slash for the folder of a socket.
  return { ...shared, host: directory, port: 5432, user: 'postgres', database: 'postgres' }
}

async function migratePostgres(connection: PostgresAddress): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    await runMigrations(client, SCHEMA)
  } finally {
    await client.end()
  }
}

/** Redis drops keys silently under any other policy, and a dropped key is a lost job. */
async function checkRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null })
  // The rejected call tells what happened; without a listener the event would be printed.
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    // INFO, because hosted services often forbid CONFIG.
    const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1]
    if (policy !== undefined && policy !== 'noeviction') {
      throw new ConfigError([
        `Redis at REDIS_URL has maxmemory-policy ${policy}, which deletes waiting jobs when memory is short. Set it to noeviction.`,
      ])
    }
  } finally {
    redis.disconnect()
  }
}
