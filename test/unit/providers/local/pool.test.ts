import { afterEach, expect, test } from 'vitest'
import type { UpstreamError } from '../../../../src/errors.ts'
import { type PoolEvent, WorkerPool } from '../../../../src/providers/local/pool.ts'
import type { LocalModel } from '../../../../src/providers/local/protocol.ts'

const pools: WorkerPool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

function poolOf(
  more: { maxQueue?: number; maxLoaded?: number; idleMs?: number; events?: PoolEvent[] } = {},
): WorkerPool {
  const pool = new WorkerPool({
    workerUrl: new URL('./fixtures/scripted-worker.mjs', import.meta.url),
    threads: 1,
    maxQueue: more.maxQueue ?? 10,
    maxLoaded: more.maxLoaded ?? 2,
    idleMs: more.idleMs ?? 60_000,
    cancelMs: 5000,
    loadMs: 20_000,
    onEvent: (event) => more.events?.push(event),
  })
  pools.push(pool)
  return pool
}

function model(name: string): LocalModel {
  return {
    name,
    folder: `/models/${name}`,
    task: 'embedding',
    dtype: 'q8',
    dimensions: 1,
    contextTokens: 9,
    pooling: 'mean',
    truncatable: false,
    sizeBytes: 1,
  }
}

function run(pool: WorkerPool, name: string, text: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const cancel = pool.submit(
    model(name),
    { kind: 'embed', inputs: [text] },
    {
      onText: () => undefined,
      onDone: () => resolve('done'),
      onError: (error: UpstreamError) => reject(error),
    },
  )
  return { promise, cancel }
}

test('a full queue refuses the next call with 503 and when to come back', async () => {
  const pool = poolOf({ maxQueue: 2 })
  const busy = run(pool, 'a', 'wait')
  const waiting = run(pool, 'a', 'x')

  const attempt = () => run(pool, 'a', 'y')

  expect(attempt).toThrowError(
    expect.objectContaining({
      code: 'local_queue_full',
      status: 503,
      headers: { 'retry-after': '1', 'retry-after-ms': '1000' },
    }),
  )
  busy.cancel()
  expect(await waiting.promise).toBe('done')
})

test('a crashed worker fails its call as retryable and serves the ones behind it from a new thread', async () => {
  const events: PoolEvent[] = []
  const pool = poolOf({ events })

  const crash = run(pool, 'a', 'crash')
  const behind = run(pool, 'a', 'x')

  await expect(crash.promise).rejects.toMatchObject({ code: 'upstream_unavailable', retryable: true })
  expect(await behind.promise).toBe('done')
  expect(events.map(({ type }) => type)).toContain('crashed')
})

test('a call given up while it waits is never run', async () => {
  const pool = poolOf()
  const busy = run(pool, 'a', 'wait')
  const doomed = run(pool, 'a', 'crash')

  doomed.cancel()
  busy.cancel()

  expect(await run(pool, 'a', 'x').promise).toBe('done')
})

test('at the bound of loaded models the one used longest ago makes room', async () => {
  const events: PoolEvent[] = []
  const pool = poolOf({ maxLoaded: 2, events })

  for (const name of ['a', 'b', 'a', 'c']) await run(pool, name, 'x').promise

  expect(events.filter(({ type }) => type === 'evicted')).toEqual([
    { type: 'evicted', name: 'b', why: 'room' },
  ])
  expect(pool.loadedNames.sort()).toEqual(['a', 'c'])
})

test('a model waits for room while all loaded ones are busy', async () => {
  const pool = poolOf({ maxLoaded: 1 })
  const busy = run(pool, 'a', 'wait')
  const other = run(pool, 'b', 'x')

  busy.cancel()

  expect(await other.promise).toBe('done')
})

test('an idle model is let go', async () => {
  const events: PoolEvent[] = []
  const pool = poolOf({ idleMs: 20, events })

  await run(pool, 'a', 'x').promise
  await expect.poll(() => events).toContainEqual({ type: 'evicted', name: 'a', why: 'idle' })

  expect(pool.loadedNames).toEqual([])
})

test('closing fails what is under way as retryable', async () => {
  const pool = poolOf()
  const busy = run(pool, 'a', 'wait')
  const failed = expect(busy.promise).rejects.toMatchObject({ retryable: true })

  await pool.close()

  await failed
})
