/** All SQL of alerts: one row for each episode of a series, opened once, ended once. */

import type { Sql, TransactionSql } from 'postgres'
import { newId } from '../../lib/ids.ts'
import type { Alert, AlertBar, AlertChange, Explanation, SeriesKey, Subject } from './alert.ts'

/** Without a bar for what a detector or a comparison found. */
export type NewAlert = Omit<Alert, 'id' | 'endedAtMs' | 'explanation' | 'acked' | 'bar'> & { bar?: AlertBar }
/** `rule`: of the alert that this rule's bar opened; without it, of the one that nobody's bar did. */
export type AlertKey = SeriesKey & { rule?: string }
type Database = Sql | TransactionSql

/** Every member of an alert's key is compared, the project first. */
const OF_SERIES = `project_id = $1 AND subject_kind = $2 AND subject = $3 AND metric = $4 AND coalesce(bar ->> 'rule', '') = $5`
const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const ALERT = `id, project_id AS "projectId", subject_kind AS "kind", subject AS "name", metric, change,
  ${milliseconds('began_at')} AS "beganAtMs", ${milliseconds('opened_at')} AS "openedAtMs", ${milliseconds('ended_at')} AS "endedAtMs",
  value, usual, excess, bar::text AS bar, explanation::text AS explanation,
  ${milliseconds('acked_at')} AS "ackedAtMs", acked_by AS "ackedBy", acked_by_name AS "ackedByName", note`

/** The new alert's id; null when the series, or the bar, has one open already, which stays as it is. Part of the transaction that is given. */
export async function openAlert(sql: Database, alert: NewAlert): Promise<string | null> {
  const id = newId('alr', alert.openedAtMs)
  const rows = await sql<{ id: string }[]>`
    INSERT INTO alerts (id, project_id, subject_kind, subject, metric, change, began_at, opened_at, value, usual, excess, bar)
    VALUES (${id}, ${alert.projectId}, ${alert.subject.kind}, ${alert.subject.name}, ${alert.metric}, ${alert.change},
      ${instant(alert.beganAtMs)}::timestamptz, ${instant(alert.openedAtMs)}::timestamptz, ${alert.value}, ${alert.usual}, ${alert.excess},
      ${alert.bar === undefined ? null : JSON.stringify(alert.bar)}::text::jsonb)
    ON CONFLICT (project_id, subject_kind, subject, metric, coalesce(bar ->> 'rule', '')) WHERE ended_at IS NULL DO NOTHING
    RETURNING id`
  return rows[0]?.id ?? null
}

/** Keeps the highest excess of the series' open alert; does nothing without one. */
export async function raiseExcess(sql: Database, key: AlertKey, excess: number): Promise<void> {
  await sql.unsafe(
    `UPDATE alerts SET excess = $6 WHERE ${OF_SERIES} AND ended_at IS NULL AND excess < $6::float8`,
    [...members(key), excess],
  )
}

/** The id of the alert that ends with it, at the earliest when it was opened; null when none is open. */
export async function endAlert(sql: Database, key: AlertKey, atMs: number): Promise<string | null> {
  const rows = await sql.unsafe<{ id: string }[]>(
    `UPDATE alerts SET ended_at = greatest(opened_at, $6::timestamptz) WHERE ${OF_SERIES} AND ended_at IS NULL RETURNING id`,
    [...members(key), instant(atMs)],
  )
  return rows[0]?.id ?? null
}

/** Ends those of a subject that no bar opened and whose metric begins with one of `prefixes` and is none of `but`. */
export async function endOtherAlerts(
  sql: Database,
  { projectId, subject }: Omit<SeriesKey, 'metric'>,
  { prefixes, but }: { prefixes: readonly string[]; but: readonly string[] },
  atMs: number,
): Promise<void> {
  await sql`
    UPDATE alerts SET ended_at = greatest(opened_at, ${instant(atMs)}::timestamptz)
    WHERE project_id = ${projectId} AND subject_kind = ${subject.kind} AND subject = ${subject.name} AND ended_at IS NULL AND bar IS NULL
      AND EXISTS (SELECT FROM json_array_elements_text(${JSON.stringify(prefixes)}::text::json) AS prefix
        WHERE starts_with(metric, prefix))
      AND metric NOT IN (SELECT json_array_elements_text(${JSON.stringify(but)}::text::json))`
}

/** Null for an id of another project too. */
export async function readAlert(sql: Database, projectId: string, id: string): Promise<Alert | null> {
  const rows = await sql.unsafe<AlertRow[]>(`SELECT ${ALERT} FROM alerts WHERE project_id = $1 AND id = $2`, [
    projectId,
    id,
  ])
  return rows[0] === undefined ? null : toAlert(rows[0])
}

export type AlertQuery = {
  projectId: string
  /** Only those that last, or only those that are over. */
  open?: boolean
  subject?: Subject
  metric?: string
  /** Opened from the first on and before the second, milliseconds. */
  sinceMs?: number
  untilMs?: number
  /** The id before which the page begins: the last one of the page before. */
  before?: string
  limit: number
}

/** Newest first. */
export async function listAlerts(sql: Database, query: AlertQuery): Promise<Alert[]> {
  const { projectId, open, subject, metric, sinceMs, untilMs, before, limit } = query
  const rows = await sql.unsafe<AlertRow[]>(
    `SELECT ${ALERT} FROM alerts
     WHERE project_id = $1
       AND ($2::boolean IS NULL OR (ended_at IS NULL) = $2)
       AND ($3::text IS NULL OR (subject_kind = $3 AND subject = $4))
       AND ($5::text IS NULL OR metric = $5)
       AND ($6::timestamptz IS NULL OR opened_at >= $6)
       AND ($7::text IS NULL OR id < $7)
       AND ($9::timestamptz IS NULL OR opened_at < $9)
     ORDER BY id DESC LIMIT $8`,
    [
      projectId,
      open ?? null,
      subject?.kind ?? null,
      subject?.name ?? null,
      metric ?? null,
      sinceMs === undefined ? null : instant(sinceMs),
      before ?? null,
      limit,
      untilMs === undefined ? null : instant(untilMs),
    ],
  )
  return rows.map(toAlert)
}

/** Of every project, in the order of their ids: those that last, and those that were over no earlier than `overSinceMs`. */
export async function listTellable(
  sql: Database,
  { overSinceMs, after, limit }: { overSinceMs: number; after: string | null; limit: number },
): Promise<Alert[]> {
  const rows = await sql.unsafe<AlertRow[]>(
    `SELECT ${ALERT} FROM alerts
     WHERE (ended_at IS NULL OR ended_at >= $1::timestamptz) AND id > $2 ORDER BY id LIMIT $3`,
    [instant(overSinceMs), after ?? '', limit],
  )
  return rows.map(toAlert)
}

/** Of every project, opened from `sinceMs` on, the newest first. */
export async function listUnexplained(
  sql: Database,
  { sinceMs, limit }: { sinceMs: number; limit: number },
): Promise<Alert[]> {
  const rows = await sql.unsafe<AlertRow[]>(
    `SELECT ${ALERT} FROM alerts WHERE explanation IS NULL AND opened_at >= $1::timestamptz ORDER BY id DESC LIMIT $2`,
    [instant(sinceMs), limit],
  )
  return rows.map(toAlert)
}

export async function setExplanation(
  sql: Database,
  { projectId, id }: Pick<Alert, 'projectId' | 'id'>,
  explanation: Explanation,
): Promise<void> {
  await sql`
    UPDATE alerts SET explanation = ${JSON.stringify(explanation)}::text::jsonb
    WHERE project_id = ${projectId} AND id = ${id}`
}

/** False when there is no such alert in the project. Somebody who acknowledges again takes it over, with their note. */
export async function ackAlert(
  sql: Database,
  { projectId, id }: Pick<Alert, 'projectId' | 'id'>,
  acked: NonNullable<Alert['acked']>,
): Promise<boolean> {
  const rows = await sql`
    UPDATE alerts SET acked_at = ${instant(acked.atMs)}::timestamptz, acked_by = ${acked.by}, acked_by_name = ${acked.byName},
      note = ${acked.note}
    WHERE project_id = ${projectId} AND id = ${id} RETURNING id`
  return rows.length === 1
}

type AlertRow = Omit<Alert, 'subject' | 'change' | 'explanation' | 'acked' | 'bar'> &
  Subject & {
    change: AlertChange
    bar: string | null
    explanation: string | null
    ackedAtMs: number | null
    ackedBy: string | null
    ackedByName: string | null
    note: string | null
  }

function toAlert({
  kind,
  name,
  bar,
  explanation,
  ackedAtMs,
  ackedBy,
  ackedByName,
  note,
  ...alert
}: AlertRow): Alert {
  return {
    ...alert,
    subject: { kind, name },
    bar: bar === null ? null : (JSON.parse(bar) as AlertBar),
    explanation: explanation === null ? null : (JSON.parse(explanation) as Explanation),
    acked:
      ackedAtMs === null || ackedBy === null
        ? null
        : { atMs: ackedAtMs, by: ackedBy, byName: ackedByName, note },
  }
}

function members({ projectId, subject, metric, rule = '' }: AlertKey): string[] {
  return [projectId, subject.kind, subject.name, metric, rule]
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
