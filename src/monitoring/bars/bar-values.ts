/** What is held against bars: the value of a metric over the window of a bar, where enough was asked in it. Pure. */

import { METRICS } from '../../lib/watched-metrics.ts'
import type { AlertBar, Subject } from '../alerts/alert.ts'
import type { DataPoint } from '../data/data-points.ts'
import { BUCKET_MS } from '../watch/buckets.ts'
import { type MetricPoint, pointsOf } from '../watch/metrics.ts'
import { mergedSpans } from '../watch/recent-points.ts'
import { subjectKey, type Traffic } from '../watch/subjects.ts'
import type { WindowValue } from './bar.ts'

const RATE = 'requests_per_minute'

/** `added`: what others measure, such as scores, by the length of the window in milliseconds. */
export type Measured = {
  traffic: ReadonlyMap<string, Traffic>
  added: ReadonlyMap<number, readonly DataPoint[]>
}

/** Null where the window has too little of what the metric is about. Windows of one subject are summed up once. */
export function valuesOf({
  traffic,
  added,
}: Measured): (subject: Subject, bar: AlertBar) => WindowValue | null {
  // Where the whole project is silent nobody can tell silence from a log that is on its way.
  const isHeard = [...traffic.values()].some(({ buckets }) => buckets.has(0))
  const summed = new Map<string, ReturnType<typeof windowsOf>>()
  return (subject, { metric, overMs }) => {
    if (!Object.hasOwn(METRICS, metric)) {
      const isOwn = (point: DataPoint) => point.metric === metric && point.route === subject.name
      return subject.kind === 'route' ? heard(added.get(overMs)?.find(isOwn)?.value) : null
    }
    const key = subjectKey(subject)
    const windows = summed.get(key) ?? windowsOf(traffic.get(key)?.buckets ?? new Map())
    summed.set(key, windows)
    const { requests, points } = windows(overMs)
    // A rate is a count: fewer requests than a rate of the detectors needs are few, and no gap.
    if (metric === RATE) return isHeard ? { value: requests / (overMs / 60_000), heard: requests > 0 } : null
    return heard(points.find((point) => point.metric === metric)?.value)
  }
}

function heard(value: number | null | undefined): WindowValue | null {
  return value == null ? null : { value, heard: true }
}

function windowsOf(
  buckets: Traffic['buckets'],
): (overMs: number) => { requests: number; points: readonly MetricPoint[] } {
  const merged = mergedSpans(buckets)
  const known = new Map<number, { requests: number; points: readonly MetricPoint[] }>()
  return (overMs) => {
    const figures = merged(overMs / BUCKET_MS)
    const window = known.get(overMs) ?? { requests: figures.requests, points: pointsOf(figures, overMs) }
    known.set(overMs, window)
    return window
  }
}

/** Whoever had traffic in the last hour or is measured by others, those with the most requests first. */
export function subjectsOf({ traffic, added }: Measured): Subject[] {
  const routes = [...added.values()].flat().map(({ route }) => ({ kind: 'route' as const, name: route }))
  const all = [...[...traffic.values()].map(({ subject }) => subject), ...routes]
  const once = new Map(all.map((subject) => [subjectKey(subject), subject]))
  return [...once.values()].sort((one, other) => requestsOf(traffic, other) - requestsOf(traffic, one))
}

function requestsOf(traffic: Measured['traffic'], subject: Subject): number {
  const { buckets } = traffic.get(subjectKey(subject)) ?? { buckets: new Map() as Traffic['buckets'] }
  return [...buckets.values()].reduce((sum, { requests }) => sum + requests, 0)
}
