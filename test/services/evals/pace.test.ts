import { afterEach, expect, test } from 'vitest'
import { UpstreamError } from '../../../src/errors.ts'
import { createPace, type Leave, type SharedPace } from '../../../src/evals/runs/pace.ts'
import { waitsFor } from '../../../src/evals/runs/waits-for.ts'
import { readLoads } from '../../../src/gateway/load/load-rows.ts'
import { createLoads, type Load } from '../../../src/gateway/load/loads.ts'
import { type Publishing, publishLoads } from '../../../src/gateway/load/publish.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { describeDatabases } from '../../support/database.ts'

const UP = { name: 'up', baseUrl: 'https://up.example' }
/** Nothing is told or read but by `tell` and `look`. */
const NEVER_MS = 1_000_000

describeDatabases('the pace that gateways and workers share', (open) => {
  const closing: (() => Promise<void>)[] = []
  const problems: unknown[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
    await open().truncate()
    expect(problems.splice(0)).toEqual([])
  })

  function aGateway(): { load: Load; publishing: Publishing } {
    const loads = createLoads(systemClock)
    const publishing = publishLoads({ sql: open().sql, loads, everyMs: NEVER_MS }, (error) =>
      problems.push(error),
    )
    closing.push(() => publishing.stop())
    return { load: loads.of(UP), publishing }
  }

  /** `ask` wants a call under way; `under` are those that have begun and not ended. */
  function aWorker() {
    const loads = createLoads(systemClock)
    const pace: SharedPace = createPace(
      { sql: open().sql, clock: systemClock, loads, everyMs: NEVER_MS },
      (error) => problems.push(error),
    )
    const stop = new AbortController()
    const under: Leave[] = []
    const load = loads.of(UP)
    const ask = (runId: string, times = 1) => {
      for (let time = 0; time < times; time += 1) {
        pace.enter({ projectId: 'p', runId, model: 'up/m', signal: stop.signal }).then(
          (leave) => {
            load.began()
            under.push(leave)
          },
          () => undefined,
        )
      }
    }
    const end = async (count = under.length) => {
      for (const leave of under.splice(0, count)) {
        load.ended()
        load.answered += 1
        leave(UP.name)
      }
      await settled()
    }
    const look = async () => {
      await pace.look()
      await settled()
    }
    closing.push(async () => {
      stop.abort(new Error('The test has ended.'))
      await settled()
      await end()
      await pace.close()
    })
    return { ask, end, look, load, under }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const traffic = ({ load }: { load: Load }, calls: number) => {
    for (let call = 0; call < calls; call += 1) load.began()
  }

  test('lets the first call find its upstream, then half of what is wanted beside the traffic go', async () => {
    const gateway = aGateway()
    traffic(gateway, 18)
    await gateway.publishing.tell()
    const worker = aWorker()
    worker.ask('run_a', 9)
    await settled()
    const alone = worker.under.length
    await worker.end()
    await worker.look()

    expect([alone, worker.under.length]).toEqual([1, 4])
    expect(waitsFor(await readLoads(open().sql), 'run_a')).toBe(
      'waits for room at up: traffic has 18 under way',
    )
    expect(waitsFor(await readLoads(open().sql), 'run_b')).toBeNull()
  })

  test('is halved by what a gateway was told, and leaves a call at a time where traffic fills the upstream', async () => {
    const gateway = aGateway()
    traffic(gateway, 10)
    await gateway.publishing.tell()
    const worker = aWorker()
    worker.ask('run_a', 21)
    await settled()
    await worker.end()
    await worker.look()
    const before = worker.under.length
    gateway.load.failed(tooMuch())
    await gateway.publishing.tell()
    await worker.look()
    await worker.end(before)

    expect(before).toBe(10)
    // Half of 20 is what traffic alone has under way.
    expect(worker.under.length).toBe(1)
    await worker.end()
    expect(worker.under.length).toBe(1)
  })

  test('begins nothing while the upstream wants to be left alone, whoever it told', async () => {
    const gateway = aGateway()
    const worker = aWorker()
    worker.ask('run_a', 3)
    await settled()
    await worker.end()
    await worker.look()
    const before = worker.under.length
    gateway.load.failed(tooMuch({ 'retry-after': '40' }))
    await gateway.publishing.tell()
    await worker.look()
    await worker.end()

    expect([before, worker.under.length]).toEqual([1, 0])
    expect(waitsFor(await readLoads(open().sql), 'run_a')).toMatch(/^waits \d\d s, as up asked$/)
  })

  test('is shared by two workers alike, once the first has come down', async () => {
    const [first, second] = [aWorker(), aWorker()]
    for (const worker of [first, second]) {
      worker.ask('run_a', 17)
      await settled()
      await worker.end()
      await worker.look()
    }
    const early = [first.under.length, second.under.length]
    await first.look()
    for (let round = 0; round < 4; round += 1) {
      await first.end(4)
      first.ask('run_a', 4)
      await first.look()
      await second.look()
    }

    expect(early).toEqual([8, 1])
    expect(Math.abs(first.under.length - second.under.length)).toBeLessThanOrEqual(1)
    expect(second.under.length).toBeGreaterThanOrEqual(4)
  })

  test('forgets a gateway that was killed after five seconds of the database, and removes its row', async () => {
    const gateway = aGateway()
    traffic(gateway, 18)
    gateway.load.failed(tooMuch({ 'retry-after': '60' }))
    await gateway.publishing.tell()
    const { sql } = open()
    const told = (await readLoads(sql)).length
    await sql`UPDATE upstream_loads SET seen_at = now() - interval '5.1 seconds'`
    const after = (await readLoads(sql)).length
    const worker = aWorker()
    worker.ask('run_a', 5)
    await settled()
    await worker.end()
    await worker.look()
    const free = worker.under.length
    await sql`UPDATE upstream_loads SET seen_at = now() - interval '2 minutes' WHERE kind = 'traffic'`
    await worker.look()
    const kinds = await sql<{ kind: string }[]>`SELECT kind FROM upstream_loads`

    expect([told, after, free]).toEqual([1, 0, 2])
    expect([...kinds]).toEqual([{ kind: 'runs' }])
  })

  test('costs nothing while there is nothing to say', async () => {
    const gateway = aGateway()
    const worker = aWorker()
    await gateway.publishing.tell()
    await worker.look()

    expect(await readLoads(open().sql)).toEqual([])
  })
})

function tooMuch(headers: Record<string, string> = {}): UpstreamError {
  return new UpstreamError('upstream_rate_limited', 'Slower.', {
    retryable: true,
    upstreamStatus: 429,
    headers,
  })
}
