/** All SQL of comparisons of windows: made, claimed, ended, and what each found, which is never changed. */

import type { Sql, TransactionSql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'
import type { Run } from '../../db/held-work.ts'
import type { Finding, FindingDetail } from './finding.ts'

export type CheckRow = {
  /** `dck_…` */
  id: string
  projectId: string
  route: string
  state: 'queued' | 'running' | 'done' | 'failed'
  /** [baselineFromMs, recentFromMs) and [recentFromMs, recentToMs), milliseconds. */
  baselineFromMs: number
  recentFromMs: number
  recentToMs: number
  /** The key that asked; null when it was due by itself. */
  askedBy: string | null
  askedByName: string | null
  attempts: number
  error: string | null
  createdAtMs: number
  finishedAtMs: number | null
}
export type NewCheck = Omit<CheckRow, 'state' | 'attempts' | 'error' | 'finishedAtMs'>

export const CHECKS = { table: 'data_checks', key: 'id', live: 'running', letsGo: true, dated: true } as const

const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const CHECK = `id, project_id AS "projectId", route, state, ${milliseconds('baseline_from')} AS "baselineFromMs",
  ${milliseconds('recent_from')} AS "recentFromMs", ${milliseconds('recent_to')} AS "recentToMs", asked_by AS "askedBy",
  asked_by_name AS "askedByName", attempts, error, ${milliseconds('created_at')} AS "createdAtMs",
  ${milliseconds('finished_at')} AS "finishedAtMs"`

/** False when one of the route waits already. */
export async function insertCheck(sql: Sql, check: NewCheck): Promise<boolean> {
  const made = instant(check.createdAtMs)
  const rows = await sql`
    INSERT INTO data_checks (id, project_id, route, state, baseline_from, recent_from, recent_to, asked_by, asked_by_name,
      created_at, updated_at)
    VALUES (${check.id}, ${check.projectId}, ${check.route}, 'queued', ${instant(check.baselineFromMs)}::timestamptz,
      ${instant(check.recentFromMs)}::timestamptz, ${instant(check.recentToMs)}::timestamptz, ${check.askedBy},
      ${check.askedByName}, ${made}::timestamptz, ${made}::timestamptz)
    ON CONFLICT (project_id, route) WHERE state = 'queued' DO NOTHING RETURNING id`
  return rows.length === 1
}

/** Routes with at least `least` requests of apps since `sinceMs`, and no comparison made since then but those that somebody asked for; the busiest first. */
export async function listDueRoutes(
  sql: Sql,
  { sinceMs, untilMs, least, limit }: { sinceMs: number; untilMs: number; least: number; limit: number },
): Promise<{ projectId: string; route: string }[]> {
  return await sql<{ projectId: string; route: string }[]>`
    SELECT r.project_id AS "projectId", r.route FROM requests r
    WHERE r.started_at >= ${instant(sinceMs)}::timestamptz AND r.started_at < ${instant(untilMs)}::timestamptz
      AND r.day >= ${instant(sinceMs).slice(0, 10)}::date AND r.day <= ${instant(untilMs).slice(0, 10)}::date
      AND r.project_id IS NOT NULL AND r.route IS NOT NULL AND r.shadow_of IS NULL AND r.replay_of IS NULL
      AND ${sql.unsafe(ASKED_BY_APPS)}
      AND NOT EXISTS (SELECT FROM data_checks c WHERE c.project_id = r.project_id AND c.route = r.route AND c.asked_by IS NULL
        AND c.created_at >= ${instant(sinceMs)}::timestamptz)
    GROUP BY r.project_id, r.route HAVING count(*) >= ${least} ORDER BY count(*) DESC, r.project_id, r.route LIMIT ${limit}`
}

/** Oldest first: those that wait, and those whose worker has not been heard of since `silentSinceMs`. */
export async function listOpenChecks(sql: Sql, silentSinceMs: number, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM data_checks
    WHERE state = 'queued' OR (state = 'running' AND updated_at < ${instant(silentSinceMs)}::timestamptz)
    ORDER BY id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

/** False while any other comparison is under way: one at a time, as each opens many bodies. */
export async function claimCheck(sql: Sql, { id, run }: Run, { now, alive }: { now: string; alive: string }) {
  const rows = await sql`
    UPDATE data_checks SET state = 'running', run = ${run}, attempts = attempts + 1, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND (state = 'queued' OR (state = 'running' AND updated_at < ${alive}::timestamptz))
      AND NOT EXISTS (SELECT FROM data_checks c
        WHERE c.state = 'running' AND c.id <> ${id} AND c.updated_at >= ${alive}::timestamptz)
    RETURNING id`
  return rows.length === 1
}

export async function findCheckById(sql: Sql, id: string): Promise<CheckRow | null> {
  const rows = await sql.unsafe<CheckRow[]>(`SELECT ${CHECK} FROM data_checks WHERE id = $1`, [id])
  return rows[0] ?? null
}

/** Of a route since an instant, the newest first. */
export async function listChecks(
  sql: Sql,
  { projectId, route, sinceMs, limit }: { projectId: string; route: string; sinceMs: number; limit: number },
): Promise<CheckRow[]> {
  return await sql.unsafe<CheckRow[]>(
    `SELECT ${CHECK} FROM data_checks WHERE project_id = $1 AND route = $2 AND created_at >= $3::timestamptz
     ORDER BY id DESC LIMIT $4`,
    [projectId, route, instant(sinceMs), limit],
  )
}

/** Part of the transaction that ends the comparison. */
export async function insertFindings(
  sql: TransactionSql,
  check: Pick<CheckRow, 'id' | 'projectId' | 'route'>,
  findings: readonly Finding[],
  now: string,
): Promise<void> {
  for (const finding of findings) {
    const { levels, reason, terms, left, print } = finding
    await sql`
      INSERT INTO data_findings (check_id, project_id, route, feature, method, recent_size, baseline_size, seed, statistic, p,
        adjusted_p, effect, bar, verdict, detail, found_at)
      VALUES (${check.id}, ${check.projectId}, ${check.route}, ${finding.feature}, ${finding.method}, ${finding.recentSize},
        ${finding.baselineSize}, ${finding.seed}, ${finding.statistic}, ${finding.p}, ${finding.adjustedP}, ${finding.effect},
        ${finding.bar}, ${finding.verdict}, ${JSON.stringify({ levels, reason, terms, left, print })}::text::jsonb, ${now}::timestamptz)`
  }
}

type FindingRow = Omit<Finding, keyof FindingDetail> & { detail: string; checkId: string }
const FINDING = `check_id AS "checkId", feature, method, recent_size AS "recentSize", baseline_size AS "baselineSize",
  seed::float8 AS seed, statistic, p, adjusted_p AS "adjustedP", effect, bar, verdict, detail::text AS detail`

/** By comparison, in the order of their names. */
export async function readFindings(
  sql: Sql,
  projectId: string,
  checkIds: readonly string[],
): Promise<Map<string, Finding[]>> {
  const found = new Map<string, Finding[]>()
  if (checkIds.length === 0) return found
  const rows = await sql.unsafe<FindingRow[]>(
    `SELECT ${FINDING} FROM data_findings WHERE project_id = $1
       AND check_id IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))
     ORDER BY check_id DESC, feature`,
    [projectId, JSON.stringify(checkIds)],
  )
  for (const row of rows) found.set(row.checkId, [...(found.get(row.checkId) ?? []), toFinding(row)])
  return found
}

/**
 * What a feature is held to: of the last hundred comparisons the oldest finding that is not unknown, from the last drift on. So a model
 * that moves in steps too small to be seen is seen by their sum. Null without one.
 */
export async function findHeldFinding(
  sql: Sql,
  { projectId, route }: Pick<CheckRow, 'projectId' | 'route'>,
  feature: string,
): Promise<Finding | null> {
  const rows = await sql.unsafe<FindingRow[]>(
    `WITH known AS (
       SELECT * FROM data_findings WHERE project_id = $1 AND feature = $3 AND verdict <> 'unknown'
         AND check_id IN (SELECT id FROM data_checks WHERE project_id = $1 AND route = $2 ORDER BY id DESC LIMIT 100))
     SELECT ${FINDING} FROM known
     WHERE check_id >= coalesce((SELECT max(check_id) FROM known WHERE verdict = 'drift'), '')
     ORDER BY check_id LIMIT 1`,
    [projectId, route, feature],
  )
  return rows[0] === undefined ? null : toFinding(rows[0])
}

function toFinding({ detail, checkId: _, ...row }: FindingRow): Finding {
  return { ...row, ...(JSON.parse(detail) as FindingDetail) }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
