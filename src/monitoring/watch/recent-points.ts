/** One point for each metric of a subject, over as few of its newest buckets as have enough traffic. Pure. */

import { LEAST_REQUESTS, METRICS, type MetricName } from '../../lib/watched-metrics.ts'
import { addFigures, type Figures, newFigures } from '../rollups/figures.ts'
import { BUCKET_MS, MAX_SPAN } from './buckets.ts'
import { type MetricPoint, pointsOf } from './metrics.ts'

export type RecentTraffic = {
  /** By how many buckets each is older than the newest one, which is 0; a bucket without traffic is left out. */
  buckets: ReadonlyMap<number, Figures>
  /** Buckets since the last point of a metric; null for one that never had any. */
  since: (metric: MetricName) => number | null
  /** Requests in a minute that are usual now; null where nobody knows. */
  usualPerMinute: number | null
}

/**
 * A metric with too little traffic in the newest bucket waits: its next point is over all buckets since its last one, an hour at most.
 * No request at all is a point where so much is usual that this says something.
 */
export function recentPoints({ buckets, since, usualPerMinute }: RecentTraffic): MetricPoint[] {
  const bySpan = new Map<number, MetricPoint[]>()
  const merged = mergedSpans(buckets)
  const pointsOver = (span: number) => {
    const known = bySpan.get(span) ?? pointsOf(merged(span), span * BUCKET_MS)
    bySpan.set(span, known)
    return known
  }
  return (Object.keys(METRICS) as MetricName[]).flatMap((metric) => {
    const waited = since(metric)
    const span = Math.max(1, Math.min(waited ?? MAX_SPAN, MAX_SPAN))
    for (const tried of waited === null ? [1, span] : [span]) {
      const found = pointsOver(tried).find((point) => point.metric === metric)
      if (found !== undefined) return [found]
    }
    return metric === 'requests_per_minute' ? rateOf(merged(span), span, usualPerMinute) : []
  })
}

/** Fewer requests than a rate needs are one all the same where that many are usual in the time. */
function rateOf({ requests }: Figures, span: number, usualPerMinute: number | null): MetricPoint[] {
  const minutes = (span * BUCKET_MS) / 60_000
  if (usualPerMinute === null || usualPerMinute * minutes < LEAST_REQUESTS) return []
  return [{ metric: 'requests_per_minute', value: requests / minutes }]
}

/** The newest so many buckets together; each is added once. */
export function mergedSpans(buckets: ReadonlyMap<number, Figures>): (span: number) => Figures {
  const known = new Map<number, Figures>()
  return (span) => {
    const found = known.get(span)
    if (found !== undefined) return found
    const figures = newFigures()
    for (let age = 0; age < span; age += 1) {
      const bucket = buckets.get(age)
      if (bucket !== undefined) addFigures(figures, bucket)
    }
    known.set(span, figures)
    return figures
  }
}
