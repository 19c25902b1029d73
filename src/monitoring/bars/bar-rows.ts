/** All SQL of how routes and upstreams stand at the bars of rules. */

import type { Sql, TransactionSql } from 'postgres'
import type { AlertBar, Subject } from '../alerts/alert.ts'
import type { BarState, Standing } from './bar.ts'

type Database = Sql | TransactionSql

/** Of one project: bars times whoever is held against them. */
export const MAX_STANDINGS = 1_000

const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const STANDING = `subject_kind AS kind, subject AS name, bar::text AS bar, state, ${milliseconds('since')} AS "sinceMs",
  ${milliseconds('turning_at')} AS "turningMs", ${milliseconds('newest_at')} AS "newestMs", value,
  ${milliseconds('heard_at')} AS "heardMs"`
type StandingRow = Subject & { bar: string; state: BarState } & Pick<
    Standing,
    'sinceMs' | 'turningMs' | 'newestMs' | 'value' | 'heardMs'
  >

/** By rule and name, at most 1,000. */
export async function readStandings(sql: Database, projectId: string): Promise<Standing[]> {
  const rows = await sql.unsafe<StandingRow[]>(
    `SELECT ${STANDING} FROM monitor_bars WHERE project_id = $1 ORDER BY rule, subject_kind, subject LIMIT ${MAX_STANDINGS}`,
    [projectId],
  )
  return rows.map(({ kind, name, bar, ...row }) => ({
    ...row,
    subject: { kind, name },
    bar: JSON.parse(bar) as AlertBar,
  }))
}

export async function writeStandings(
  sql: Database,
  projectId: string,
  standings: readonly Standing[],
): Promise<void> {
  if (standings.length === 0) return
  const rows = standings.map(({ subject, bar, state, sinceMs, turningMs, newestMs, value, heardMs }) => ({
    rule: bar.rule,
    kind: subject.kind,
    name: subject.name,
    bar,
    state,
    since: instant(sinceMs),
    turning: turningMs === null ? null : instant(turningMs),
    newest: instant(newestMs),
    value,
    heard: instant(heardMs),
  }))
  await sql.unsafe(
    `INSERT INTO monitor_bars (project_id, rule, subject_kind, subject, bar, state, since, turning_at, newest_at, value, heard_at)
     SELECT $1, rule, kind, name, bar, state, since, turning, newest, value, heard
     FROM jsonb_to_recordset($2::text::jsonb) AS row (rule text, kind text, name text, bar jsonb, state text, since timestamptz,
       turning timestamptz, newest timestamptz, value float8, heard timestamptz)
     ON CONFLICT (project_id, rule, subject_kind, subject) DO UPDATE SET bar = excluded.bar, state = excluded.state,
       since = excluded.since, turning_at = excluded.turning_at, newest_at = excluded.newest_at, value = excluded.value,
       heard_at = excluded.heard_at`,
    [projectId, JSON.stringify(rows)],
  )
}

export async function deleteStandings(
  sql: Database,
  projectId: string,
  standings: readonly Standing[],
): Promise<void> {
  if (standings.length === 0) return
  const rows = standings.map(({ subject, bar }) => ({
    rule: bar.rule,
    kind: subject.kind,
    name: subject.name,
  }))
  await sql.unsafe(
    `DELETE FROM monitor_bars USING jsonb_to_recordset($2::text::jsonb) AS row (rule text, kind text, name text)
     WHERE monitor_bars.project_id = $1 AND monitor_bars.rule = row.rule AND monitor_bars.subject_kind = row.kind
       AND monitor_bars.subject = row.name`,
    [projectId, JSON.stringify(rows)],
  )
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
