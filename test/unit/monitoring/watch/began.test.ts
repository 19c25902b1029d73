import type { TransactionSql } from 'postgres'
import { expect, test } from 'vitest'
import { METRICS, type MetricName } from '../../../../src/lib/watched-metrics.ts'
import { beganAt, type Noticed } from '../../../../src/monitoring/watch/began.ts'
import { BUCKET_MS } from '../../../../src/monitoring/watch/buckets.ts'
import { newSeries } from '../../../../src/monitoring/watch/series.ts'

const END = Date.UTC(2026, 2, 2, 12)

function noticed(route: string, metric: string): Noticed {
  const series = { ...newSeries({ kind: 'route', name: route }, metric, END), newestMs: END }
  const judged = { state: 'alert', usual: 1, change: 'jump', side: 'up', excess: 2, isHarm: true } as const
  return { series, judged }
}

/** A database without a row that counts what it is asked. */
function counting() {
  const asked = { reads: 0 }
  const unsafe = async () => {
    asked.reads += 1
    return []
  }
  return { asked, transaction: { unsafe } as unknown as TransactionSql }
}

test('reads the past of a route once, however many of its figures changed', async () => {
  const { asked, transaction } = counting()
  const metrics = Object.keys(METRICS) as MetricName[]
  const all = ['one', 'two'].flatMap((route) =>
    [...metrics, 'score:grounded'].map((metric) => noticed(route, metric)),
  )

  const began = await beganAt(transaction, 'prj_1', all)

  expect(asked.reads).toBe(2)
  expect([...began.values()]).toEqual(all.map(() => END - BUCKET_MS))
})

test('reads no more than a hundred pasts where everything changes at once', async () => {
  const { asked, transaction } = counting()
  const all = Array.from({ length: 130 }, (_, at) => noticed(`route-${at}`, 'latency_p50'))

  const began = await beganAt(transaction, 'prj_1', all)

  expect(asked.reads).toBe(100)
  expect(began.size).toBe(130)
})
