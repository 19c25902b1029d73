/** What each series of a project is given of five minutes: whoever is watched, their traffic, and what others add. Pure but for the series given. */

import { METRICS } from '../../lib/watched-metrics.ts'
import type { Subject } from '../alerts/alert.ts'
import type { DataPoint } from '../data/data-points.ts'
import { BUCKET_MS } from './buckets.ts'
import { usualValue } from './judge-point.ts'
import type { MetricPoint } from './metrics.ts'
import { recentPoints } from './recent-points.ts'
import { newSeries, type Series, seriesName } from './series.ts'
import { chooseSubjects, subjectKey, type Traffic } from './subjects.ts'

const RATE = 'requests_per_minute'
const DAY_MS = 86_400_000
/** Series of one subject that other readers of the traffic may add. */
const MAX_ADDED = 40

type Taken = { series: Series; point: MetricPoint }

/** What each series of whoever is watched is given; series that are new are added to `known`. */
export function pointsOfProject(
  known: Series[],
  traffic: ReadonlyMap<string, Traffic>,
  added: readonly DataPoint[],
  endMs: number,
): Taken[] {
  const bySeries = new Map(known.map((series) => [seriesName(series), series]))
  const seriesOf = (subject: Subject, metric: string) => {
    const name = seriesName({ subject, metric })
    const found = bySeries.get(name) ?? newSeries(subject, metric, endMs)
    if (!bySeries.has(name)) known.push(found)
    bySeries.set(name, found)
    return found
  }
  const heard = known.filter(({ newestMs }) => newestMs !== null && newestMs >= endMs - DAY_MS)
  const watched = [...new Map(heard.map(({ subject }) => [subjectKey(subject), subject])).values()]
  const isHeard = [...traffic.values()].some(({ buckets }) => buckets.has(0))
  return chooseSubjects(watched, traffic).flatMap((subject) => {
    const points = recentPoints({
      buckets: traffic.get(subjectKey(subject))?.buckets ?? new Map(),
      since: (metric) => spanSince(bySeries.get(seriesName({ subject, metric })), endMs),
      // Where the whole project is silent nobody can tell silence from a log that is on its way.
      usualPerMinute: isHeard ? usualRate(bySeries.get(seriesName({ subject, metric: RATE })), endMs) : null,
    })
    const sampled = subject.kind === 'route' ? added.filter(({ route }) => route === subject.name) : []
    const more = sampled.slice(0, MAX_ADDED).map(({ metric, value }) => ({ metric, value: value ?? 0 }))
    return [...points, ...more].map((point) => ({ series: seriesOf(subject, point.metric), point }))
  })
}

/** Buckets since a series' newest point; null before its first. */
export function spanSince(series: Series | undefined, endMs: number): number | null {
  const newestMs = series?.newestMs ?? null
  return newestMs === null ? null : Math.round((endMs - newestMs) / BUCKET_MS)
}

/** Null until there are as many points as a judgement needs. */
function usualRate(series: Series | undefined, endMs: number): number | null {
  if (series === undefined || series.state === 'no_data') return null
  return usualValue(series.detector, METRICS[RATE], endMs - BUCKET_MS)
}
