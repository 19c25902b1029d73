import { expect, test } from 'vitest'
import type { Round, Sample } from '../../../bench/measure.ts'
import { readOptions } from '../../../bench/options.ts'
import { asObject, comparedFigures, holdsBar, portkeyFigures, table } from '../../../bench/report.ts'

function round(changes: Partial<Sample>): Round {
  const sample: Sample = {
    requestsPerSecond: 1_000,
    completed: 1_000,
    failed: 0,
    firstFailure: null,
    cpuUs: 100,
    mainThreadCpuUs: 80,
    childrenCpuUs: 0,
    p50Us: 200,
    p99Us: 400,
    firstByteP50Us: 100,
    firstByteP99Us: 300,
    chunkP50Us: 50,
    maxUs: 500,
    cliffShare: 0,
    peakRssMb: 100,
    rssMb: 90,
    ...changes,
  }
  return { c64: sample, c16: sample, c1: sample, split: sample, burst: sample, paced: sample }
}

test('each round is compared with the reference of the same round, and the median counts', () => {
  const reference = [round({}), round({ requestsPerSecond: 500, cpuUs: 200 }), round({})]
  const aval = [
    round({ requestsPerSecond: 700, cpuUs: 140 }),
    round({ requestsPerSecond: 350, cpuUs: 280 }),
    round({ requestsPerSecond: 100, cpuUs: 900 }),
  ]

  const object = asObject(comparedFigures(reference, aval))

  expect(object).toMatchObject({ throughput_ratio: 0.7, cpu_ratio: 1.4, added_p50_ms: 0, rss_mb: 100 })
})

test('a value on the bar passes, one beyond it misses, and the table says so', () => {
  const figures = comparedFigures(
    [round({})],
    [round({ requestsPerSecond: 650, p50Us: 551, cliffShare: 0.02 })],
  )
  const verdicts = Object.fromEntries(figures.map((figure) => [figure.key, holdsBar(figure)]))

  expect(verdicts).toMatchObject({
    throughput_ratio: true,
    added_p50_ms: false,
    cliff_share: false,
    p99_ratio: null,
  })
  expect(table(figures)).toMatch(/latency added p50\s+0\.351\s+ms\s+<= 0\.35\s+MISS/)
})

test('four times the throughput of Portkey in the same round is the bar', () => {
  const portkey = [round({}), round({ requestsPerSecond: 500 }), round({ requestsPerSecond: 2_000 })]
  const aval = [5_000, 2_000, 4_000].map((requestsPerSecond) => round({ requestsPerSecond }))
  const slower = aval.map(({ c64 }) => round({ requestsPerSecond: c64.requestsPerSecond - 1 }))

  const figures = portkeyFigures(portkey, aval)

  expect(asObject(figures)).toEqual({ portkey_throughput_ratio: 4 })
  expect(figures.map(holdsBar)).toEqual([true])
  expect(portkeyFigures(portkey, slower).map(holdsBar)).toEqual([false])
})

test('wrong options are refused by name, and --quick changes the defaults', () => {
  expect(readOptions(['--quick'], {})).toMatchObject({ rounds: 2, seconds: 1, only: 'both', json: false })
  expect(readOptions(['--quick', '--rounds', '7'], {})?.rounds).toBe(7)
  expect(readOptions([], { DATABASE_URL: 'postgres://x' })?.database).toBe('postgres://x')
  expect(readOptions(['--against', 'portkey'], {})).toMatchObject({ only: 'both', against: 'portkey' })
  expect(readOptions([], {})?.against).toBeNull()
  expect(readOptions(['--help'], {})).toBeNull()
  expect(() => readOptions(['--rounds', 'many'], {})).toThrow(/--rounds.*"many"/)
  expect(() => readOptions(['--only', 'portkey'], {})).toThrow(/--only.*"portkey"/)
  expect(() => readOptions(['--against', 'kong'], {})).toThrow(/--against.*"kong"/)
  expect(() => readOptions(['--against', 'portkey', '--only', 'reference'], {})).toThrow(/--only reference/)
})
