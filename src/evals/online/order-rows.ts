/** All SQL of orders to score live traffic; the scores stand in score-rows.ts. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'
import type { Actor } from '../../registry/actor.ts'

type OrderState = 'queued' | 'running' | 'done' | 'stopped' | 'failed'
export type OrderRow = {
  id: string
  projectId: string
  route: string
  content: string
  hash: string
  state: OrderState
  /** Requests that began before it have been looked at. */
  lookedTo: string
  /** Micro-USD as text: the driver's bigint. */
  spent: string
  unpriced: number
  attempts: number
  error: string | null
  createdBy: string
  createdByName: string | null
  createdAt: string
  updatedAt: string
  finishedAt: string | null
}

export const ORDERS = {
  table: 'online_orders',
  key: 'id',
  live: 'running',
  letsGo: true,
  dated: true,
} as const

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const ORDER = `id, project_id AS "projectId", route, content, hash, state, ${instant('looked_to')} AS "lookedTo",
  spent::text AS spent, unpriced, attempts, error, created_by AS "createdBy", created_by_name AS "createdByName",
  ${instant('created_at')} AS "createdAt", ${instant('updated_at')} AS "updatedAt", ${instant('finished_at')} AS "finishedAt"`

export async function insertOrder(
  sql: Sql,
  row: Pick<OrderRow, 'id' | 'route' | 'content' | 'hash' | 'lookedTo'> & { author: Actor; now: string },
): Promise<void> {
  const { author, now } = row
  await sql`
    INSERT INTO online_orders (id, project_id, route, content, hash, state, looked_to, created_by, created_by_name,
      created_at, updated_at)
    VALUES (${row.id}, ${author.projectId}, ${row.route}, ${row.content}, ${row.hash}, 'queued',
      ${row.lookedTo}::timestamptz, ${author.id}, ${author.name}, ${now}::timestamptz, ${now}::timestamptz)`
}

export async function findOrder(sql: Sql, projectId: string, id: string): Promise<OrderRow | null> {
  const rows = await sql.unsafe<OrderRow[]>(
    `SELECT ${ORDER} FROM online_orders WHERE project_id = $1 AND id = $2`,
    [projectId, id],
  )
  return rows[0] ?? null
}

export async function findOrderById(sql: Sql, id: string): Promise<OrderRow | null> {
  const rows = await sql.unsafe<OrderRow[]>(`SELECT ${ORDER} FROM online_orders WHERE id = $1`, [id])
  return rows[0] ?? null
}

/** Newest first. `after` is the last id of the page before. */
export async function listOrders(
  sql: Sql,
  projectId: string,
  route: string | null,
  page: { after: string | null; limit: number },
): Promise<OrderRow[]> {
  return await sql.unsafe<OrderRow[]>(
    `SELECT ${ORDER} FROM online_orders
     WHERE project_id = $1 AND ($2::text IS NULL OR route = $2) AND ($3::text IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [projectId, route, page.after, page.limit],
  )
}

export async function countLive(sql: Sql, projectId: string): Promise<number> {
  const [row] = await sql<{ live: number }[]>`
    SELECT count(*)::integer AS live FROM online_orders
    WHERE project_id = ${projectId} AND state IN ('queued', 'running')`
  return row?.live ?? 0
}

/** A worker that has not been heard of since `alive` is dead; one that has is left alone. */
export async function claimOrder(
  sql: Sql,
  { id, run }: Run,
  { now, alive }: { now: string; alive: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE online_orders SET state = 'running', run = ${run}, attempts = attempts + 1, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND (state = 'queued' OR (state = 'running' AND updated_at < ${alive}::timestamptz)) RETURNING id`
  return rows.length === 1
}

/** False for one that has ended already. */
export async function stopOrder(sql: Sql, id: string, now: string): Promise<boolean> {
  const rows = await sql`
    UPDATE online_orders SET state = 'stopped', run = NULL, updated_at = ${now}::timestamptz,
      finished_at = ${now}::timestamptz
    WHERE id = ${id} AND state IN ('queued', 'running') RETURNING id`
  return rows.length === 1
}

/** `cost` in micro-USD; null for a judgement whose price is unknown. */
export async function chargeOrder(sql: TransactionSql, id: string, cost: string | null): Promise<void> {
  await sql`
    UPDATE online_orders SET spent = spent + coalesce(${cost}::bigint, 0),
      unpriced = unpriced + (${cost}::bigint IS NULL)::integer
    WHERE id = ${id}`
}

/** Says for what an order waits that no worker could begin. */
export async function noteWaitingOrder(sql: Sql, id: string, message: string): Promise<void> {
  await sql`UPDATE online_orders SET error = ${message} WHERE id = ${id} AND state = 'queued'`
}
