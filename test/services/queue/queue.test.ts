import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectDatabase, type DatabaseConnection } from '../../../src/db/client.ts'
import { ConfigError } from '../../../src/errors.ts'
import { startWorker } from '../../../src/jobs/worker.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { type JobWorker, type QueueBackend, queueBackend } from '../../../src/queue/backend.ts'
import { type Enqueuer, openEnqueuer } from '../../../src/queue/enqueue.ts'
import { describeDatabases, type TestDatabase, testDatabase } from '../../support/database.ts'
import { noCode, unhurried } from '../../support/eval-runs.ts'
import { retrievalParts } from '../../support/retrieval.ts'

const redisUrl = process.env.TEST_REDIS_URL ?? ''
const silent = pino({ level: 'silent' })

describeDatabases('the queue in the database', (open) => {
  queueSuite(
    () => queueBackend({ redisUrl: null, databaseUrl: open().url }),
    () => open(),
  )

  test('its tables stand in a schema of their own', async () => {
    await queueBackend({ redisUrl: null, databaseUrl: open().url }).prepare()

    const tables = await open().sql`
      SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE '%job%'`
    const own = await open().sql`SELECT tablename FROM pg_tables WHERE schemaname = 'bullmq'`

    expect(tables).toEqual([])
    expect(own.length).toBeGreaterThan(0)
  })
})

describe.skipIf(redisUrl === '')(
  redisUrl === '' ? 'the queue in Redis (TEST_REDIS_URL is not set)' : 'the queue in Redis',
  () => {
    let database: TestDatabase

    beforeAll(async () => {
      database = await testDatabase()
      const redis = new Redis(redisUrl)
      await redis.flushdb()
      redis.disconnect()
      return () => database.close()
    })

    queueSuite(
      () => queueBackend({ redisUrl, databaseUrl: database.url }),
      () => database,
    )

    test('a Redis that may drop keys is refused with the setting to change', async () => {
      const redis = new Redis(redisUrl)
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
      const backend = queueBackend({ redisUrl, databaseUrl: database.url })

      const refusal = await backend.prepare().catch((error: unknown) => error)

      expect(refusal).toBeInstanceOf(ConfigError)
      expect(refusal).toMatchObject({ message: expect.stringMatching(/allkeys-lru.*noeviction/) })
      await redis.config('SET', 'maxmemory-policy', 'noeviction')
      redis.disconnect()
    })
  },
)

test('an address that is no Redis is refused without being repeated', () => {
  const secret = 'http://:hunter2@host'

  const attempt = () => queueBackend({ redisUrl: secret, databaseUrl: 'unix:/tmp' })

  expect(attempt).toThrow(ConfigError)
  expect(attempt).not.toThrow('hunter2')
})

function queueSuite(backendOf: () => QueueBackend, databaseOf: () => DatabaseConnection): void {
  let backend: QueueBackend
  let enqueuer: Enqueuer
  const workers: Pick<JobWorker, 'close'>[] = []
  const retrieval = retrievalParts('.')
  afterAll(() => retrieval.close())

  const workerDeps = () => {
    const { sql, db, embedded } = databaseOf()
    const { parts } = retrieval
    const ask = async () => await Promise.reject(new Error('nobody is asked here'))
    const evaluate = noCode
    return {
      ...parts,
      ask,
      batches: ask,
      pace: unhurried,
      advance: async () => null,
      keepRollups: () => null,
      readsBodies: () => false,
      act: async () => 'gone',
      bars: () => null,
      alerts: {
        inForce: () => ({ rules: [], send: async () => ({ outcome: 'sent' as const, note: null }) }),
        random: () => 0,
      },
      log: async () => ({ event: async () => undefined }),
      evaluate,
      sql,
      db,
      embedded,
      keys: null,
      clock: systemClock,
      logger: silent,
      backend,
    }
  }

  beforeEach(async () => {
    backend = backendOf()
    await backend.prepare()
    const queue = backend.openQueue(() => undefined)
    await queue.obliterate({ force: true })
    await queue.close()
    enqueuer = openEnqueuer(backend, () => undefined)
  })

  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
    await enqueuer.close()
  })

  test('a job that was added before the worker came is run', async () => {
    await enqueuer.enqueue('ensure-partitions', {})

    const seen = work()

    await vi.waitFor(() => expect(seen).toEqual(['ensure-partitions']), { timeout: 15_000 })
  })

  test('a job that is added while a worker waits is run', async () => {
    const seen = work()
    await new Promise((resolve) => setTimeout(resolve, 300))

    await enqueuer.enqueue('ensure-partitions', {})

    await vi.waitFor(() => expect(seen).toEqual(['ensure-partitions']), { timeout: 15_000 })
  })

  test('the same key is queued once while it waits', async () => {
    for (let time = 0; time < 5; time += 1) await enqueuer.enqueue('ensure-partitions', {}, { key: 'same' })
    await enqueuer.enqueue('ensure-partitions', {}, { key: 'other' })

    const queue = backend.openQueue(() => undefined)

    expect(await queue.getWaitingCount()).toBe(2)
    await queue.close()
  })

  test('a payload that does not fit its schema never reaches the queue', async () => {
    const payload = { content: 'the whole prompt' } as unknown as Record<string, never>

    await expect(enqueuer.enqueue('ensure-partitions', payload)).rejects.toThrow(/content/)
  })

  test('a started worker makes the partitions of the coming week without being asked', async () => {
    const worker = await startWorker(workerDeps())
    workers.push(worker)
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')

    await vi.waitFor(
      async () => {
        const rows = await databaseOf().sql`
          SELECT relname FROM pg_class WHERE relname ~ '^request(s|_bodies)_2' AND relkind = 'r'`
        expect(rows.length).toBeGreaterThanOrEqual(16)
        expect(rows.map((row) => row.relname)).toContain(`requests_${today}`)
      },
      { timeout: 20_000 },
    )
  })

  test('two workers that schedule the same jobs leave one schedule of each', async () => {
    const deps = workerDeps()
    workers.push(await startWorker(deps), await startWorker(deps))

    const queue = backend.openQueue(() => undefined)

    const schedules = await queue.getJobSchedulers()
    expect(schedules.map(({ key }) => key).toSorted()).toEqual([
      'compare-windows',
      'deliver-alerts',
      'ensure-partitions',
      'log-alerts',
      'roll-up',
      'score-sentinels',
      'tidy-actions',
      'tidy-exports',
      'tidy-fine-tunes',
      'tidy-online',
      'tidy-retrieval',
      'tidy-rollups',
      'tidy-runs',
      'tidy-stores',
      'watch-promotions',
      'watch-series',
    ])
    await queue.close()
  })

  test('closing waits for the job that is running', async () => {
    let finished = false
    const began = Promise.withResolvers<void>()
    const worker = backend.openWorker(
      async () => {
        began.resolve()
        await new Promise((resolve) => setTimeout(resolve, 300))
        finished = true
      },
      { concurrency: 1 },
    )
    worker.on('error', () => undefined)
    await enqueuer.enqueue('ensure-partitions', {})
    await began.promise

    await worker.close()

    expect(finished).toBe(true)
  })

  /** Starts a worker that only notes what it was given. */
  function work(): string[] {
    const seen: string[] = []
    const worker = backend.openWorker(
      async (job) => {
        seen.push(job.name)
      },
      { concurrency: 1 },
    )
    worker.on('error', () => undefined)
    workers.push(worker)
    return seen
  }
}

test('the queue opens no second way to the store', () => {
  // The embedded address is understood by both, so that one setting names one database.
  expect(() => connectDatabase('unix:/tmp', { maxConnections: 1, applicationName: 'test' })).not.toThrow()
  expect(queueBackend({ redisUrl: null, databaseUrl: 'unix:/tmp' }).kind).toBe('postgres')
})
