/** When the changes began that new alerts are about, from what the rollups hold of the two days before. */

import type { TransactionSql } from 'postgres'
import { METRICS, metricOf } from '../../lib/watched-metrics.ts'
import { BUCKET_MS, MAX_SPAN } from './buckets.ts'
import { changeBegan } from './change-point.ts'
import { deviationIn, type Judgement } from './judge-point.ts'
import { readSubjectPoints, type SubjectPoint } from './read-points.ts'
import type { Series } from './series.ts'
import { subjectKey } from './subjects.ts'

export type Noticed = { series: Series; judged: Judgement }

/** A change that is noticed began within so long before. */
const LOOK_BACK_MS = 2 * 86_400_000
/** Where everything changes at once the rest began when it was noticed, so that the transaction ends. */
const MAX_LOOKED_AT = 100

/**
 * Milliseconds for each of the series, that of the bucket's beginning where there are no points of the past. What is read is read once
 * for all metrics of a subject, and one subject after the other: two days of minutes with their sketches are much.
 */
export async function beganAt(
  transaction: TransactionSql,
  projectId: string,
  noticed: readonly Noticed[],
): Promise<ReadonlyMap<Series, number>> {
  const began = new Map(noticed.map(({ series }) => [series, noticedAt(series)]))
  const summedUp = noticed.filter(({ series }) => Object.hasOwn(METRICS, series.metric))
  const bySubject = Map.groupBy(
    summedUp.slice(0, MAX_LOOKED_AT),
    ({ series }) => `${spanOf(series)} ${subjectKey(series.subject)}`,
  )
  for (const members of bySubject.values()) {
    const [first] = members
    const points = first === undefined ? [] : await readPast(transaction, projectId, first.series)
    for (const one of members) began.set(one.series, beganOf(one, points))
  }
  return began
}

function beganOf({ series, judged }: Noticed, points: readonly SubjectPoint[]): number {
  const { detector, metric } = series
  const deviations = points
    .filter((point) => point.metric === metric)
    .map(({ atMs, value }) => ({
      timeMs: atMs,
      deviation: deviationIn(detector, metricOf(metric), { timeMs: atMs, value }),
    }))
  return Math.min(noticedAt(series), changeBegan(deviations, judged) ?? noticedAt(series))
}

async function readPast(
  transaction: TransactionSql,
  projectId: string,
  series: Series,
): Promise<SubjectPoint[]> {
  const toMs = series.newestMs ?? 0
  return await readSubjectPoints(transaction, {
    projectId,
    subject: series.subject,
    fromMs: toMs - LOOK_BACK_MS,
    toMs,
    level: 'minute',
    bucketMs: spanOf(series) * BUCKET_MS,
  })
}

/** In buckets: as far apart as the series' points are. */
function spanOf({ detector }: Series): number {
  return Math.max(1, Math.min(MAX_SPAN, Math.round(detector.intervalMs / BUCKET_MS)))
}

function noticedAt({ newestMs }: Series): number {
  return (newestMs ?? 0) - BUCKET_MS
}
