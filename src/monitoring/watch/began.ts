/** When the change began that an alert is about, from what the rollups hold of the two days before. */

import type { TransactionSql } from 'postgres'
import type { SeriesKey } from '../alerts/alert.ts'
import { BUCKET_MS, MAX_SPAN } from './buckets.ts'
import { changeBegan } from './change-point.ts'
import { deviationIn, type Judgement } from './judge-point.ts'
import { METRICS, metricOf } from './metrics.ts'
import { readSubjectPoints } from './read-points.ts'
import type { Series } from './series.ts'

/** A change that is noticed began within so long before. */
const LOOK_BACK_MS = 2 * 86_400_000

/** The beginning of the bucket where there are no points of the past. */
export async function beganAt(
  transaction: TransactionSql,
  { projectId, subject, metric }: SeriesKey,
  { detector, newestMs }: Series,
  { change, side }: Judgement,
): Promise<number> {
  const toMs = newestMs ?? 0
  const noticedMs = toMs - BUCKET_MS
  if (!Object.hasOwn(METRICS, metric)) return noticedMs
  const span = Math.max(1, Math.min(MAX_SPAN, Math.round(detector.intervalMs / BUCKET_MS)))
  const points = await readSubjectPoints(transaction, {
    projectId,
    subject,
    fromMs: toMs - LOOK_BACK_MS,
    toMs,
    level: 'minute',
    bucketMs: span * BUCKET_MS,
  })
  const deviations = points
    .filter((point) => point.metric === metric)
    .map(({ atMs, value }) => ({
      timeMs: atMs,
      deviation: deviationIn(detector, metricOf(metric), { timeMs: atMs, value }),
    }))
  return Math.min(noticedMs, changeBegan(deviations, { change, side }) ?? noticedMs)
}
