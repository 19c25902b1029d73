/**
 * `node bench/monitoring.ts [--weeks 100] [--seeds 40] [--route chat] [--json]`: false episodes of quiet weeks of made-up traffic, and how soon injected
 * changes are noticed, each on which metric. No database: traffic begins where the rollups end.
 */

import { parseArgs } from 'node:util'
import { quantile } from '../src/lib/quantile.ts'
import { seededRandom } from '../src/lib/random.ts'
import { METRICS, type MetricName } from '../src/lib/watched-metrics.ts'
import type { Figures } from '../src/monitoring/rollups/figures.ts'
import { BUCKET_MS, MAX_SPAN } from '../src/monitoring/watch/buckets.ts'
import { recentPoints } from '../src/monitoring/watch/recent-points.ts'
import { newSeries, type Series, takePoint } from '../src/monitoring/watch/series.ts'
import {
  type Effect,
  MONDAY_MS,
  NO_EFFECT,
  SHAPES,
  simulateTraffic,
  type TrafficShape,
} from '../test/support/simulated-traffic.ts'

const WEEK = 2016
const DAY = 288
const LEARNT_WEEKS = 3
const WATCHED_DAYS = 3

/** `metrics`: those that ought to notice it. `at`: buckets since it began. */
type Change = { name: string; metrics: readonly MetricName[]; effect: (at: number) => Effect }
const SLOW = ['latency_p50', 'latency_p95', 'ttft_p50', 'ttft_p95', 'ms_per_output_token_p50'] as const
const CHANGES: readonly Change[] = [
  { name: 'latency × 1.5', metrics: SLOW, effect: () => ({ ...NO_EFFECT, times: 1.5 }) },
  {
    // Two thirds of the cost are output here, so that this is about 20 % more.
    name: 'cost + 20 % by longer outputs',
    metrics: ['cost_per_request', 'output_tokens'],
    effect: () => ({ ...NO_EFFECT, outputTokens: 1.31 }),
  },
  { name: 'errors 1 → 5 %', metrics: ['error_rate'], effect: () => ({ ...NO_EFFECT, errors: 0.05 }) },
  {
    name: 'latency creeps + 30 % in 2 days',
    metrics: SLOW,
    effect: (at) => ({ ...NO_EFFECT, times: 1 + 0.3 * Math.min(1, at / (2 * DAY)) }),
  },
  {
    name: 'half of the requests',
    metrics: ['requests_per_minute'],
    effect: () => ({ ...NO_EFFECT, requests: 0.5 }),
  },
]

/** A route's series and the traffic of its last hour. */
type Watched = { series: Map<MetricName, Series>; open: Set<string>; recent: Figures[] }

function newWatched(): Watched {
  return { series: new Map(), open: new Set(), recent: [] }
}

/** Changes `watched` by a bucket: the metrics on which an alert opens with it. */
function watch(watched: Watched, route: string, figures: Figures, atMs: number): MetricName[] {
  const { series, open, recent } = watched
  recent.unshift(figures)
  recent.splice(MAX_SPAN)
  const sinceOf = (metric: MetricName) => {
    const newestMs = series.get(metric)?.newestMs ?? null
    return newestMs === null ? null : Math.round((atMs + BUCKET_MS - newestMs) / BUCKET_MS)
  }
  const points = recentPoints({ buckets: new Map(recent.entries()), since: sinceOf, usualPerMinute: null })
  return points.flatMap((point) => {
    const metric = point.metric as MetricName
    const one = series.get(metric) ?? newSeries({ kind: 'route', name: route }, metric, atMs)
    series.set(metric, one)
    const judged = takePoint(one, point, atMs, open.has(metric))
    const wasOpen = open.has(metric)
    if (judged?.state !== 'alert') open.delete(metric)
    else if (judged.isHarm) open.add(metric)
    return open.has(metric) && !wasOpen ? [metric] : []
  })
}

/** Alerts of each metric in as many weeks without any change. */
function quietWeeks(shape: TrafficShape, weeks: number): Record<string, number> {
  const next = simulateTraffic(shape, 1)
  const watched = newWatched()
  const alerts: Record<string, number> = Object.fromEntries(Object.keys(METRICS).map((metric) => [metric, 0]))
  for (let bucket = 0; bucket < weeks * WEEK; bucket += 1) {
    const atMs = MONDAY_MS + bucket * BUCKET_MS
    for (const metric of watch(watched, shape.route, next(atMs), atMs))
      alerts[metric] = (alerts[metric] ?? 0) + 1
  }
  return alerts
}

/** Buckets from each change to the first alert on a metric that ought to notice it, and that metric; null where none does in three days. */
function injected(shape: TrafficShape, seed: number): ({ metric: MetricName; after: number } | null)[] {
  const changeAt = LEARNT_WEEKS * WEEK + Math.floor(seededRandom(seed + 1000)() * WEEK)
  const quiet = newWatched()
  const before = simulateTraffic(shape, seed)
  for (let bucket = 0; bucket < changeAt; bucket += 1) {
    const atMs = MONDAY_MS + bucket * BUCKET_MS
    watch(quiet, shape.route, before(atMs), atMs)
  }
  return CHANGES.map(({ metrics, effect }) => {
    const next = simulateTraffic(shape, seed + 100_000)
    const watched = {
      ...structuredClone({ series: quiet.series, open: quiet.open }),
      recent: [...quiet.recent],
    }
    for (let after = 0; after < WATCHED_DAYS * DAY; after += 1) {
      const atMs = MONDAY_MS + (changeAt + after) * BUCKET_MS
      const opened = watch(watched, shape.route, next(atMs, effect(after)), atMs)
      const metric = opened.find((one) => metrics.includes(one))
      if (metric !== undefined) return { metric, after: after + 1 }
    }
    return null
  })
}

function delaysOf(shape: TrafficShape, seeds: number) {
  const all = Array.from({ length: seeds }, (_, seed) => injected(shape, seed + 1))
  return CHANGES.map(({ name }, at) => {
    const found = all.flatMap((one) => one[at] ?? [])
    const hours = found.map(({ after }) => (after * BUCKET_MS) / 3_600_000)
    const counts = new Map<string, number>()
    for (const { metric } of found) counts.set(metric, (counts.get(metric) ?? 0) + 1)
    const [first] = [...counts].sort((one, other) => other[1] - one[1])
    return {
      route: shape.route,
      change: name,
      found: found.length,
      of: seeds,
      medianHours: quantile(hours, 0.5),
      p90Hours: quantile(hours, 0.9),
      first: first?.[0] ?? null,
    }
  })
}

const { values } = parseArgs({
  options: {
    weeks: { type: 'string', default: '100' },
    seeds: { type: 'string', default: '40' },
    route: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const weeks = Number(values.weeks)
const shapes = SHAPES.filter(({ route }) => values.route === undefined || values.route === route)
const quiet = shapes.map((shape) => ({ route: shape.route, alerts: quietWeeks(shape, weeks) }))
const worst = Math.max(...quiet.flatMap(({ alerts }) => Object.values(alerts))) / weeks
const changes = shapes.flatMap((shape) => delaysOf(shape, Number(values.seeds)))

if (values.json) console.log(JSON.stringify({ weeks, quiet, worstPerWeek: worst, changes }))
else {
  console.log(
    `Alerts in ${weeks} quiet weeks; the bar is one for each series and week, the worst has ${worst}.\n`,
  )
  console.log(['metric'.padEnd(26), ...quiet.map(({ route }) => route.padStart(8))].join(''))
  for (const metric of Object.keys(METRICS)) {
    console.log(
      [metric.padEnd(26), ...quiet.map(({ alerts }) => String(alerts[metric]).padStart(8))].join(''),
    )
  }
  console.log(
    '\nInjected changes, noticed within three days: how many, after how many hours, on which metric first.\n',
  )
  const hours = (value: number | null) => (value === null ? '-' : value.toFixed(1)).padStart(8)
  for (const { route, change, found, of, medianHours, p90Hours, first } of changes) {
    console.log(
      `${route.padEnd(9)}${change.padEnd(33)}${`${found}/${of}`.padStart(6)}${hours(medianHours)}${hours(p90Hours)}  ${first ?? '-'}`,
    )
  }
}
if (worst > 1) process.exitCode = 1
