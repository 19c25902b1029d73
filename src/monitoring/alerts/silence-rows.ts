/** All SQL of silences: inserted, ended once. */

import type { Sql, TransactionSql } from 'postgres'
import type { Subject } from './alert.ts'
import type { Silence } from './silence.ts'

type Database = Sql | TransactionSql
const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const SILENCE = `id, project_id AS "projectId", subject_kind AS "kind", subject AS "name", metric, reason,
  created_by AS "createdBy", created_by_name AS "createdByName", ${milliseconds('created_at')} AS "createdAtMs",
  ${milliseconds('until')} AS "untilMs", ${milliseconds('ended_at')} AS "endedAtMs", ended_by AS "endedBy", ended_by_name AS "endedByName"`
/** In force at the moment `$1`. */
const IN_FORCE = `created_at <= $1::timestamptz AND until > $1::timestamptz AND ended_at IS NULL`

export async function insertSilence(sql: Database, silence: Omit<Silence, 'ended'>): Promise<void> {
  const { id, projectId, subject, metric, reason, createdBy, createdByName, createdAtMs, untilMs } = silence
  await sql`
    INSERT INTO silences (id, project_id, subject_kind, subject, metric, reason, created_by, created_by_name, created_at, until)
    VALUES (${id}, ${projectId}, ${subject?.kind ?? null}, ${subject?.name ?? null}, ${metric}, ${reason}, ${createdBy},
      ${createdByName}, ${instant(createdAtMs)}::timestamptz, ${instant(untilMs)}::timestamptz)`
}

/** False when there is none in the project that could be ended. */
export async function endSilence(
  sql: Database,
  { projectId, id }: Pick<Silence, 'projectId' | 'id'>,
  { atMs, by, byName }: NonNullable<Silence['ended']>,
): Promise<boolean> {
  const rows = await sql`
    UPDATE silences SET ended_at = ${instant(atMs)}::timestamptz, ended_by = ${by}, ended_by_name = ${byName}
    WHERE project_id = ${projectId} AND id = ${id} AND ended_at IS NULL AND until > ${instant(atMs)}::timestamptz
    RETURNING id`
  return rows.length === 1
}

/** Null for an id of another project too. */
export async function readSilence(sql: Database, projectId: string, id: string): Promise<Silence | null> {
  const rows = await sql.unsafe<SilenceRow[]>(
    `SELECT ${SILENCE} FROM silences WHERE project_id = $1 AND id = $2`,
    [projectId, id],
  )
  return rows[0] === undefined ? null : toSilence(rows[0])
}

/** Newest first; `inForceAtMs` for those in force then alone. */
export async function listSilences(
  sql: Database,
  {
    projectId,
    inForceAtMs,
    before,
    limit,
  }: { projectId: string; inForceAtMs: number | null; before: string | null; limit: number },
): Promise<Silence[]> {
  const rows = await sql.unsafe<SilenceRow[]>(
    `SELECT ${SILENCE} FROM silences
     WHERE project_id = $2 AND ($3::text IS NULL OR id < $3) AND ($1::timestamptz IS NULL OR (${IN_FORCE}))
     ORDER BY id DESC LIMIT $4`,
    [inForceAtMs === null ? null : instant(inForceAtMs), projectId, before, limit],
  )
  return rows.map(toSilence)
}

type SilenceRow = Omit<Silence, 'subject' | 'ended'> & {
  kind: Subject['kind'] | null
  name: string | null
  endedAtMs: number | null
  endedBy: string | null
  endedByName: string | null
}

function toSilence({ kind, name, endedAtMs, endedBy, endedByName, ...silence }: SilenceRow): Silence {
  return {
    ...silence,
    subject: kind === null || name === null ? null : { kind, name },
    ended:
      endedAtMs === null || endedBy === null ? null : { atMs: endedAtMs, by: endedBy, byName: endedByName },
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
