/** The series of one subject learnt anew from what the rollups still hold: after a change that is here to stay, or a clock that was wrong. */

import type { Sql } from 'postgres'
import { metricOf } from '../../lib/watched-metrics.ts'
import type { SeriesKey, Subject } from '../alerts/alert.ts'
import { endAlert } from '../alerts/alert-rows.ts'
import type { SeriesState } from '../detectors/episodes.ts'
import type { Figures } from '../rollups/figures.ts'
import { readRollups } from '../rollups/read.ts'
import { BUCKET_MS, MAX_SPAN, settledTo } from './buckets.ts'
import { usualValue } from './judge-point.ts'
import { placeOfSubject } from './place-of-subject.ts'
import { spanSince } from './project-points.ts'
import { recentPoints } from './recent-points.ts'
import { newSeries, type Series, takePoint } from './series.ts'
import { holdCursor, readSeries, writeSeries } from './series-rows.ts'

export type Calibration = { projectId: string; subject: Subject; sinceMs: number }
/** `usual`: now, in the metric's unit; null where nothing was known. `ended`: the alert that is over with it. */
export type Calibrated = {
  metric: string
  points: number
  usual: { before: number | null; now: number | null }
  state: { before: SeriesState | null; now: SeriesState }
  ended: string | null
}

/** What is read and learnt in one turn, so that nobody else waits for it. */
const PART_MS = 6 * 3_600_000

/**
 * Metrics of the rollups alone: scores keep what they have learnt. Those without a point in the time keep it too. `[]` when there were no
 * requests. An alert is over where the series is in no episode any more; none is opened.
 */
export async function calibrateSubject(sql: Sql, wanted: Calibration, nowMs: number): Promise<Calibrated[]> {
  const { projectId, subject } = wanted
  const learnt = await learnAnew(sql, wanted, settledTo(nowMs))
  if (learnt.length === 0) return []
  return await sql.begin(async (transaction) => {
    await holdCursor(transaction, projectId)
    const before = new Map(
      (await readSeries(transaction, projectId, { subject })).map((one) => [one.metric, one]),
    )
    await writeSeries(transaction, projectId, learnt, nowMs)
    const all: Calibrated[] = []
    for (const series of learnt) {
      const key: SeriesKey = { projectId, subject, metric: series.metric }
      const ended = series.state === 'alert' ? null : await endAlert(transaction, key, nowMs)
      all.push({ ...compare(before.get(series.metric), series, nowMs), ended })
    }
    return all
  })
}

function compare(before: Series | undefined, now: Series, nowMs: number): Omit<Calibrated, 'ended'> {
  const usual = (series: Series) => usualValue(series.detector, metricOf(series.metric), nowMs)
  return {
    metric: now.metric,
    points: now.detector.baseline.points,
    usual: { before: before === undefined ? null : usual(before), now: usual(now) },
    state: { before: before?.state ?? null, now: now.state },
  }
}

async function learnAnew(
  sql: Sql,
  { projectId, subject, sinceMs }: Calibration,
  toMs: number,
): Promise<Series[]> {
  const series = new Map<string, Series>()
  const figures = new Map<number, Figures>()
  const fromMs = Math.floor(sinceMs / BUCKET_MS) * BUCKET_MS
  for (let partMs = fromMs; partMs < toMs; partMs += PART_MS) {
    const endMs = Math.min(partMs + PART_MS, toMs)
    const { rows } = await readRollups(sql, {
      projectId,
      fromMs: partMs,
      toMs: endMs,
      level: 'minute',
      by: [],
      where: placeOfSubject(subject),
      bucketMs: BUCKET_MS,
      limit: PART_MS / BUCKET_MS,
    })
    for (const row of rows) if (row.atMs !== null) figures.set(row.atMs, row.figures)
    for (let atMs = partMs; atMs < endMs; atMs += BUCKET_MS) {
      learnBucket(series, subject, figures, atMs)
      figures.delete(atMs - MAX_SPAN * BUCKET_MS)
    }
  }
  return [...series.values()]
}

function learnBucket(
  series: Map<string, Series>,
  subject: Subject,
  figures: ReadonlyMap<number, Figures>,
  atMs: number,
): void {
  if (!figures.has(atMs)) return
  const endMs = atMs + BUCKET_MS
  const ages = Array.from({ length: MAX_SPAN }, (_, age) => age)
  const buckets = new Map(
    ages.flatMap((age) => {
      const found = figures.get(atMs - age * BUCKET_MS)
      return found === undefined ? [] : [[age, found] as const]
    }),
  )
  const since = (metric: string) => spanSince(series.get(metric), endMs)
  for (const point of recentPoints({ buckets, since, usualPerMinute: null })) {
    const one = series.get(point.metric) ?? newSeries(subject, point.metric, endMs)
    series.set(point.metric, one)
    takePoint(one, point, atMs, false)
  }
}
