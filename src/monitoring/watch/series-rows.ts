/** All SQL of watched series and of how far each project's traffic was given to them. */

import type { Sql, TransactionSql } from 'postgres'
import type { Subject } from '../alerts/alert.ts'
import type { Detector } from '../detectors/detector.ts'
import type { Series } from './series.ts'

type Database = Sql | TransactionSql
type SeriesRow = Omit<Series, 'subject' | 'detector'> & Subject & { detector: string }

/** Of one project: its subjects times what is watched of each. */
const MAX_SERIES = 3_000
/** A series that was silent for so long is let go: whatever comes after is learnt anew. */
const FORGOTTEN_AFTER_MS = 28 * 86_400_000
const MAX_FORGOTTEN = 10_000
/** Rows of one statement; a detector is up to 20 kB of JSON. */
const ROWS_AT_ONCE = 200

const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const SERIES = `subject_kind AS kind, subject AS name, metric, detector::text AS detector, state,
  ${milliseconds('since')} AS "sinceMs", ${milliseconds('newest_at')} AS "newestMs", value, usual`

/** `silentSinceMs`: only those that have had no point since then, and are not `no_data` yet. */
type SeriesFilter = { subject?: Subject; metric?: string; silentSinceMs?: number }

/** The newest first, at most 3,000; `subject` and `metric`: of these alone. */
export async function readSeries(
  sql: Database,
  projectId: string,
  { subject, metric, silentSinceMs }: SeriesFilter = {},
): Promise<Series[]> {
  const rows = await sql.unsafe<SeriesRow[]>(
    `SELECT ${SERIES} FROM monitor_series
     WHERE project_id = $1 AND ($2::text IS NULL OR (subject_kind = $2 AND subject = $3)) AND ($4::text IS NULL OR metric = $4)
       AND ($5::timestamptz IS NULL OR (newest_at < $5 AND state <> 'no_data'))
     ORDER BY newest_at DESC NULLS LAST, subject_kind, subject, metric LIMIT ${MAX_SERIES}`,
    [
      projectId,
      subject?.kind ?? null,
      subject?.name ?? null,
      metric ?? null,
      silentSinceMs === undefined ? null : instant(silentSinceMs),
    ],
  )
  return rows.map(({ kind, name, detector, ...row }) => ({
    ...row,
    subject: { kind, name },
    detector: JSON.parse(detector) as Detector,
  }))
}

export async function writeSeries(
  sql: Database,
  projectId: string,
  series: readonly Series[],
  nowMs: number,
): Promise<void> {
  for (let at = 0; at < series.length; at += ROWS_AT_ONCE) {
    const rows = series.slice(at, at + ROWS_AT_ONCE).map((one) => ({
      ...one,
      kind: one.subject.kind,
      name: one.subject.name,
      since: instant(one.sinceMs),
      newest: one.newestMs === null ? null : instant(one.newestMs),
    }))
    await sql.unsafe(
      `INSERT INTO monitor_series (project_id, subject_kind, subject, metric, detector, state, since, newest_at, value, usual, updated_at)
       SELECT $1, kind, name, metric, detector, state, since, newest, value, usual, $3::timestamptz
       FROM jsonb_to_recordset($2::text::jsonb) AS row (kind text, name text, metric text, detector jsonb, state text,
         since timestamptz, newest timestamptz, value float8, usual float8)
       ON CONFLICT (project_id, subject_kind, subject, metric) DO UPDATE SET detector = excluded.detector, state = excluded.state,
         since = excluded.since, newest_at = excluded.newest_at, value = excluded.value, usual = excluded.usual,
         updated_at = excluded.updated_at`,
      [projectId, JSON.stringify(rows), instant(nowMs)],
    )
  }
}

/** How a series stands, without what it has learnt. */
export type SeriesStatus = Omit<Series, 'detector'> & { points: number }

/** Alerts first, then warnings, those that cannot say last; each by name. One more than `limit` when there are more. */
export async function listSeries(
  sql: Sql,
  projectId: string,
  { subject, limit }: { subject?: Subject; limit: number },
): Promise<SeriesStatus[]> {
  const rows = await sql.unsafe<(Omit<SeriesStatus, 'subject'> & Subject)[]>(
    `SELECT subject_kind AS kind, subject AS name, metric, state, ${milliseconds('since')} AS "sinceMs",
       ${milliseconds('newest_at')} AS "newestMs", value, usual, (detector -> 'baseline' ->> 'points')::integer AS points
     FROM monitor_series
     WHERE project_id = $1 AND ($2::text IS NULL OR (subject_kind = $2 AND subject = $3))
     ORDER BY array_position(ARRAY['alert', 'warn', 'ok', 'no_data'], state), subject_kind, subject, metric LIMIT $4`,
    [projectId, subject?.kind ?? null, subject?.name ?? null, limit + 1],
  )
  return rows.map(({ kind, name, ...row }) => ({ ...row, subject: { kind, name } }))
}

/** Of every project: series that had no point for four weeks before `nowMs`, and whose alerts have ended; at most 10,000 at once. */
export async function forgetSeries(sql: Database, nowMs: number): Promise<void> {
  const before = instant(nowMs - FORGOTTEN_AFTER_MS)
  await sql`
    DELETE FROM monitor_series WHERE newest_at < ${before}::timestamptz AND state = 'no_data' AND ctid = ANY(ARRAY(
      SELECT ctid FROM monitor_series WHERE newest_at < ${before}::timestamptz AND state = 'no_data' LIMIT ${MAX_FORGOTTEN}))`
}

/** Projects with a series that had no point since then and is not `no_data` yet, or a standing at a bar that was silent; at most `limit`. */
export async function listSilentProjects(sql: Sql, sinceMs: number, limit: number): Promise<string[]> {
  const found = await sql<{ project_id: string }[]>`
    SELECT DISTINCT project_id FROM monitor_series
    WHERE newest_at < ${instant(sinceMs)}::timestamptz AND state <> 'no_data'
    UNION SELECT project_id FROM monitor_bars WHERE heard_at < ${instant(sinceMs)}::timestamptz
    ORDER BY project_id LIMIT ${limit}`
  return found.map(({ project_id }) => project_id)
}

/** The beginning of the next bucket of a project; null before its first. */
export async function readCursor(sql: Database, projectId: string): Promise<number | null> {
  const rows = await sql.unsafe<{ nextMs: number }[]>(
    `SELECT ${milliseconds('next_at')} AS "nextMs" FROM monitor_cursors WHERE project_id = $1`,
    [projectId],
  )
  return rows[0]?.nextMs ?? null
}

/**
 * Moves the cursor of a project from where it was read, and holds it until the transaction ends. False when another process holds it or
 * has moved it: then its buckets are that one's.
 */
export async function moveCursor(
  sql: TransactionSql,
  projectId: string,
  fromMs: number | null,
  toMs: number,
): Promise<boolean> {
  const from = fromMs === null ? null : instant(fromMs)
  if (from === null) {
    const made = await sql`
      INSERT INTO monitor_cursors (project_id, next_at) VALUES (${projectId}, ${instant(toMs)}::timestamptz)
      ON CONFLICT (project_id) DO NOTHING RETURNING project_id`
    return made.length === 1
  }
  const moved = await sql`
    UPDATE monitor_cursors SET next_at = ${instant(toMs)}::timestamptz
    WHERE project_id = (SELECT project_id FROM monitor_cursors
      WHERE project_id = ${projectId} AND next_at = ${from}::timestamptz FOR UPDATE SKIP LOCKED)
    RETURNING project_id`
  return moved.length === 1
}

/** Waits for whoever feeds the project's series, and keeps others from it until the transaction ends. */
export async function holdCursor(sql: TransactionSql, projectId: string): Promise<void> {
  await sql`SELECT next_at FROM monitor_cursors WHERE project_id = ${projectId} FOR UPDATE`
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
