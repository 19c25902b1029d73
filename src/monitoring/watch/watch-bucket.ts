/** Five minutes of a project's traffic given to its detectors and held against bars, exactly once: points, states, alerts and the cursor in one transaction. */

import type { Sql, TransactionSql } from 'postgres'
import type { Alert, SeriesKey } from '../alerts/alert.ts'
import { endAlert, listAlerts, openAlert, raiseExcess } from '../alerts/alert-rows.ts'
import type { BarRule } from '../bars/bar.ts'
import { barsOfProject, readMeasured, watchBars } from '../bars/watch-bars.ts'
import { type DataPoint, readRetrievalPoints, readScorePoints } from '../data/data-points.ts'
import { readRollups } from '../rollups/read.ts'
import { beganAt, type Noticed } from './began.ts'
import { BUCKET_MS, MAX_SPAN } from './buckets.ts'
import { pointsOfProject } from './project-points.ts'
import { type Series, seriesName, takePoint, takeSilence } from './series.ts'
import { moveCursor, readSeries, writeSeries } from './series-rows.ts'
import { type Traffic, trafficOf } from './subjects.ts'

/** `points`: that were new. `opened`: ids of alerts. */
export type Watched = { points: number; opened: string[]; ended: number }
/** `bars`: of all rules that have one; null where nobody knows them, and then none is judged or ended. */
export type Bucket = {
  projectId: string
  atMs: number
  cursorMs: number | null
  bars: readonly BarRule[] | null
}

const MAX_PLACES = 10_000
/** One of each series and one of each bar that somebody stands at. */
const MAX_OPEN = 4_000
/** Of what is sampled, such as scores, so many make a point. */
const LEAST_SAMPLED = 5

/** Null when another process has the project, or has read the bucket already. `nowMs`: when rows are changed. */
export async function watchBucket(sql: Sql, bucket: Bucket, nowMs: number): Promise<Watched | null> {
  const { projectId, atMs, cursorMs } = bucket
  const endMs = atMs + BUCKET_MS
  const traffic = await readTraffic(sql, projectId, endMs)
  const added = await readAdded(sql, { projectId, fromMs: atMs, toMs: endMs })
  const bars = bucket.bars === null ? null : barsOfProject(bucket.bars, projectId)
  const measured = await readMeasured(sql, { projectId, bars: bars ?? [] }, endMs)
  return await sql.begin(async (transaction) => {
    if (!(await moveCursor(transaction, projectId, cursorMs, endMs))) return null
    const project = await openProject(transaction, projectId)
    const judged = pointsOfProject(project.series, traffic, added, endMs).flatMap(({ series, point }) => {
      const alert = project.open.get(seriesName(series))
      const judgement = takePoint(series, point, atMs, alert !== undefined)
      return judgement === null ? [] : [{ series, judged: judgement, alert }]
    })
    const silent = project.series.filter((series) => takeSilence(series, endMs))
    const began = await beganAt(transaction, projectId, judged.filter(isNew))
    const barred =
      bars === null
        ? { opened: [], ended: 0 }
        : await watchBars(transaction, { projectId, atMs, bars, traffic, added: measured })
    const watched: Watched = { points: judged.length, ...barred }
    for (const one of judged) await tell(transaction, projectId, { ...one, began, watched })
    for (const series of silent) {
      if ((await endAlert(transaction, keyOf(projectId, series), endMs)) !== null) watched.ended += 1
    }
    const changed = new Set([...judged.map(({ series }) => series), ...silent])
    await writeSeries(transaction, projectId, [...changed], nowMs)
    return watched
  })
}

type Judged = Noticed & { alert: Alert | undefined }

function isNew({ alert, judged }: Judged): boolean {
  return alert === undefined && judged.isHarm
}

/** Open alerts by series, those alone that a detector opened: comparisons of windows and bars end elsewhere. */
type OpenAlerts = ReadonlyMap<string, Alert>

async function openProject(
  transaction: TransactionSql,
  projectId: string,
): Promise<{ series: Series[]; open: OpenAlerts }> {
  const series = await readSeries(transaction, projectId)
  const alerts = await listAlerts(transaction, { projectId, open: true, limit: MAX_OPEN })
  const own = alerts.filter(({ change, bar }) => change !== 'data' && bar === null)
  return { series, open: new Map(own.map((alert) => [seriesName(alert), alert])) }
}

async function readTraffic(sql: Sql, projectId: string, endMs: number): Promise<Map<string, Traffic>> {
  const { rows } = await readRollups(sql, {
    projectId,
    fromMs: endMs - MAX_SPAN * BUCKET_MS,
    toMs: endMs,
    level: 'minute',
    by: ['route', 'upstream', 'model'],
    bucketMs: BUCKET_MS,
    limit: MAX_PLACES,
  })
  return trafficOf(rows, endMs)
}

async function readAdded(
  sql: Sql,
  window: { projectId: string; fromMs: number; toMs: number },
): Promise<DataPoint[]> {
  const points = [...(await readScorePoints(sql, window)), ...(await readRetrievalPoints(sql, window))]
  return points.filter(({ value, count }) => value !== null && count >= LEAST_SAMPLED)
}

type Told = Judged & { began: ReadonlyMap<Series, number>; watched: Watched }

/** What becomes of the series' alert with the point. */
async function tell(transaction: TransactionSql, projectId: string, told: Told): Promise<void> {
  const { series, judged, alert, began, watched } = told
  const key = keyOf(projectId, series)
  const atMs = series.newestMs ?? 0
  if (alert !== undefined && judged.state !== 'alert') {
    if ((await endAlert(transaction, key, atMs)) !== null) watched.ended += 1
  } else if (alert !== undefined && judged.isHarm && judged.excess > alert.excess) {
    await raiseExcess(transaction, key, judged.excess)
  } else if (isNew(told)) {
    const { change, excess, usual } = judged
    const beganAtMs = began.get(series) ?? atMs - BUCKET_MS
    const opened = { change, beganAtMs, openedAtMs: atMs, value: series.value, usual, excess }
    const id = await openAlert(transaction, { ...key, ...opened })
    if (id !== null) watched.opened.push(id)
  }
}

function keyOf(projectId: string, { subject, metric }: Pick<Series, 'subject' | 'metric'>): SeriesKey {
  return { projectId, subject, metric }
}
