/** What people and the system changed near the moment at which a metric began to change. */

import type { Sql } from 'postgres'
import type { NearbyChange, Subject } from '../alerts/alert.ts'

/** The beginning of a change is an estimate, so what came a little later may be its cause all the same. */
const BEFORE_MS = 24 * 3_600_000
const AFTER_MS = 30 * 60_000
const CHANGES_MAX = 10

export type NearbyQuery = {
  projectId: string
  subject: Subject
  beganAtMs: number
  /** Those that served the traffic of either window: a price of another model changed nothing. */
  models: readonly { upstream: string; model: string }[]
}

type Row = { at_ms: number; target: string; text: string }

/** Nearest first, at most ten, from a day before to half an hour after. `more`: changes that were found elsewhere. */
export async function readNearbyChanges(
  sql: Sql,
  query: NearbyQuery,
  more: readonly NearbyChange[],
): Promise<NearbyChange[]> {
  const found = await Promise.all([
    read('release', labelMoves(sql, query)),
    read('price', newPrices(sql, query)),
    read('index', newIndexes(sql, query)),
    read('config', reloads(sql, query)),
  ])
  const distance = ({ atMs }: NearbyChange) => Math.abs(atMs - query.beganAtMs)
  return [...found.flat(), ...more.filter((change) => isNear(change, query.beganAtMs))]
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, CHANGES_MAX)
}

function isNear({ atMs }: NearbyChange, beganAtMs: number): boolean {
  return atMs >= beganAtMs - BEFORE_MS && atMs <= beganAtMs + AFTER_MS
}

async function read(kind: NearbyChange['kind'], rows: Promise<Row[]>): Promise<NearbyChange[]> {
  return (await rows).map(({ at_ms: atMs, target, text }) => ({ kind, atMs: Number(atMs), target, text }))
}

/** Of all routes for an upstream: any of them may have moved traffic to it. */
function labelMoves(sql: Sql, { projectId, subject, beganAtMs }: NearbyQuery): Promise<Row[]> {
  const ofRoute = subject.kind === 'route' ? sql`AND decision.route = ${subject.name}` : sql``
  return sql<Row[]>`
    SELECT ${ms(sql, 'decided_at')} AS at_ms, decision.route || '@r' || served.number AS target,
      CASE WHEN canary.id IS NULL THEN decision.label || ' moved to r' || served.number
        ELSE decision.label || ' gave ' || trim_scale(decision.canary_weight / 100.0) || ' % to r' || served.number END AS text
    FROM decisions AS decision
    LEFT JOIN releases AS canary ON canary.id = decision.canary_release_id
    JOIN releases AS served ON served.id = coalesce(decision.canary_release_id, decision.to_release_id)
    WHERE decision.project_id = ${projectId} ${ofRoute} AND ${near(sql, 'decided_at', beganAtMs)}
    ${nearestFirst(sql, 'decided_at', beganAtMs)}`
}

function newPrices(sql: Sql, { projectId, models, beganAtMs }: NearbyQuery): Promise<Row[]> {
  const [upstreams, names] = [models.map(({ upstream }) => upstream), models.map(({ model }) => model)]
  return sql<Row[]>`
    SELECT ${ms(sql, 'valid_from')} AS at_ms, id AS target, 'new price of ' || upstream || '/' || model AS text
    FROM prices
    WHERE project_id = ${projectId} AND ${near(sql, 'valid_from', beganAtMs)}
      AND (upstream, model) IN (SELECT * FROM unnest(${upstreams}::text[], ${names}::text[]))
    ${nearestFirst(sql, 'valid_from', beganAtMs)}`
}

/** Versions of the indexes that any release of the route pins; of all of them for an upstream. */
function newIndexes(sql: Sql, { projectId, subject, beganAtMs }: NearbyQuery): Promise<Row[]> {
  const ofRoute =
    subject.kind === 'route'
      ? sql`AND name IN (SELECT content::json #>> '{index,name}' FROM releases
          WHERE project_id = ${projectId} AND route = ${subject.name})`
      : sql``
  return sql<Row[]>`
    SELECT ${ms(sql, 'created_at')} AS at_ms, name || '@' || version AS target, name || '@' || version || ' was made' AS text
    FROM index_versions
    WHERE project_id = ${projectId} ${ofRoute} AND ${near(sql, 'created_at', beganAtMs)}
    ${nearestFirst(sql, 'created_at', beganAtMs)}`
}

/** Asked for through /api; the event says that it was asked. */
function reloads(sql: Sql, { projectId, beganAtMs }: NearbyQuery): Promise<Row[]> {
  return sql<Row[]>`
    SELECT ${ms(sql, 'at')} AS at_ms, id AS target, 'aval.yaml was read anew' AS text
    FROM audit_events
    WHERE project_id = ${projectId} AND action = 'config.reload' AND ${near(sql, 'at', beganAtMs)}
    ${nearestFirst(sql, 'at', beganAtMs)}`
}

function ms(sql: Sql, column: string) {
  return sql`(extract(epoch FROM ${sql(column)}) * 1000)::float8`
}

function near(sql: Sql, column: string, beganAtMs: number) {
  return sql`${sql(column)} BETWEEN ${instant(beganAtMs - BEFORE_MS)}::timestamptz AND ${instant(beganAtMs + AFTER_MS)}::timestamptz`
}

function nearestFirst(sql: Sql, column: string, beganAtMs: number) {
  return sql`ORDER BY abs(extract(epoch FROM ${sql(column)} - ${instant(beganAtMs)}::timestamptz)), ${sql(column)} DESC
    LIMIT ${CHANGES_MAX}`
}

function instant(at: number): string {
  return new Date(at).toISOString()
}
