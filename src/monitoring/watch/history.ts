/** How one watched figure went: its points over a window, as fine as a few hundred of them allow, and its alerts. */

import type { Sql } from 'postgres'
import { METRICS } from '../../lib/watched-metrics.ts'
import type { Alert, Subject } from '../alerts/alert.ts'
import { listAlerts } from '../alerts/alert-rows.ts'
import { type DataPoint, readRetrievalPoints, readScorePoints } from '../data/data-points.ts'
import type { Level } from '../rollups/levels.ts'
import type { KeptSince } from '../rollups/roll-up.ts'
import { BUCKET_MS } from './buckets.ts'
import { readSubjectPoints } from './read-points.ts'

export type HistoryQuery = {
  projectId: string
  subject: Subject
  metric: string
  fromMs: number
  toMs: number
  nowMs: number
  kept: KeptSince
}
/** `requests`: what the value is over. Oldest first; `alerts` newest first. */
export type History = {
  bucketMs: number
  points: { atMs: number; value: number; requests: number }[]
  alerts: Alert[]
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
type Step = { upToMs: number; level: Level; bucketMs: number }
/** Windows up to so long whose level is still kept, with that level and the width of a point; others are read by the day. */
const STEPS: readonly Step[] = [
  { upToMs: 2 * DAY_MS, level: 'minute', bucketMs: BUCKET_MS },
  { upToMs: 30 * DAY_MS, level: 'hour', bucketMs: HOUR_MS },
]
const BY_DAY: Step = { upToMs: Number.POSITIVE_INFINITY, level: 'day', bucketMs: DAY_MS }
const MAX_ALERTS = 100
/** Scores and retrieval are read from their rows, which are many. */
const MAX_ADDED_MS = 7 * DAY_MS

/** Pure. */
export function historyStep({ fromMs, toMs, kept }: Pick<HistoryQuery, 'fromMs' | 'toMs' | 'kept'>): Step {
  return STEPS.find(({ upToMs, level }) => toMs - fromMs <= upToMs && fromMs >= kept[level]) ?? BY_DAY
}

/** Every bucket that the window touches and that is over: half of one says less than the others. */
export async function readHistory(sql: Sql, query: HistoryQuery): Promise<History> {
  const { projectId, subject, metric, fromMs, toMs } = query
  const opened = { sinceMs: fromMs, untilMs: toMs }
  const alerts = await listAlerts(sql, { projectId, subject, metric, ...opened, limit: MAX_ALERTS })
  if (!Object.hasOwn(METRICS, metric)) {
    return { bucketMs: BUCKET_MS, points: await readAdded(sql, query), alerts }
  }
  const { level, bucketMs } = historyStep(query)
  const window = { fromMs: wholeBefore(fromMs, bucketMs), toMs: endOf(query, bucketMs) }
  const points = await readSubjectPoints(sql, { projectId, subject, ...window, level, bucketMs })
  return { bucketMs, points: points.filter((point) => point.metric === metric), alerts }
}

function wholeBefore(ms: number, bucketMs: number): number {
  return Math.floor(ms / bucketMs) * bucketMs
}

/** The end of the last bucket that the window touches and that is over. */
function endOf({ toMs, nowMs }: Pick<HistoryQuery, 'toMs' | 'nowMs'>, bucketMs: number): number {
  return Math.min(Math.ceil(toMs / bucketMs) * bucketMs, wholeBefore(nowMs, bucketMs))
}

async function readAdded(sql: Sql, query: HistoryQuery): Promise<History['points']> {
  const { projectId, subject, metric, fromMs } = query
  const toMs = endOf(query, BUCKET_MS)
  const window = {
    projectId,
    fromMs: wholeBefore(Math.max(fromMs, toMs - MAX_ADDED_MS), BUCKET_MS),
    toMs,
  }
  const read = metric.startsWith('retrieval') ? readRetrievalPoints : readScorePoints
  const points = await read(sql, window)
  return points.flatMap((point: DataPoint) =>
    point.route === subject.name && point.metric === metric && point.value !== null
      ? [{ atMs: point.atMs, value: point.value, requests: point.count }]
      : [],
  )
}
