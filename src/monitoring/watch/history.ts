/** How one watched figure went: its points over a window, as fine as a few hundred of them allow, and its alerts. */

import type { Sql } from 'postgres'
import type { Alert, Subject } from '../alerts/alert.ts'
import { listAlerts } from '../alerts/alert-rows.ts'
import { type DataPoint, readRetrievalPoints, readScorePoints } from '../data/data-points.ts'
import type { Level } from '../rollups/levels.ts'
import { BUCKET_MS } from './buckets.ts'
import { METRICS } from './metrics.ts'
import { readSubjectPoints } from './read-points.ts'

export type HistoryQuery = {
  projectId: string
  subject: Subject
  metric: string
  fromMs: number
  toMs: number
}
/** `requests`: what the value is over. Oldest first; `alerts` newest first. */
export type History = {
  bucketMs: number
  points: { atMs: number; value: number; requests: number }[]
  alerts: Alert[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Windows up to so long, with the level that is read for them and the width of a point. */
const STEPS: readonly { upToMs: number; level: Level; bucketMs: number }[] = [
  { upToMs: 2 * DAY_MS, level: 'minute', bucketMs: BUCKET_MS },
  { upToMs: 30 * DAY_MS, level: 'hour', bucketMs: HOUR_MS },
  { upToMs: Number.POSITIVE_INFINITY, level: 'day', bucketMs: DAY_MS },
]
const MAX_ALERTS = 100
/** Scores and retrieval are read from their rows, which are many. */
const MAX_ADDED_MS = 7 * DAY_MS

export async function readHistory(sql: Sql, query: HistoryQuery): Promise<History> {
  const { projectId, subject, metric, fromMs, toMs } = query
  const alerts = await listAlerts(sql, { projectId, subject, metric, sinceMs: fromMs, limit: MAX_ALERTS })
  if (!Object.hasOwn(METRICS, metric)) {
    return { bucketMs: BUCKET_MS, points: await readAdded(sql, query), alerts }
  }
  const step = STEPS.find(({ upToMs }) => toMs - fromMs <= upToMs)
  const { level, bucketMs } = step ?? { level: 'day' as const, bucketMs: DAY_MS }
  const from = Math.floor(fromMs / bucketMs) * bucketMs
  const points = await readSubjectPoints(sql, { projectId, subject, fromMs: from, toMs, level, bucketMs })
  return { bucketMs, points: points.filter((point) => point.metric === metric), alerts }
}

async function readAdded(
  sql: Sql,
  { projectId, subject, metric, fromMs, toMs }: HistoryQuery,
): Promise<History['points']> {
  const window = { projectId, fromMs: Math.max(fromMs, toMs - MAX_ADDED_MS), toMs }
  const read = metric.startsWith('retrieval') ? readRetrievalPoints : readScorePoints
  const points = await read(sql, window)
  return points.flatMap((point: DataPoint) =>
    point.route === subject.name && point.metric === metric && point.value !== null
      ? [{ atMs: point.atMs, value: point.value, requests: point.count }]
      : [],
  )
}
