/** All SQL of which events of alerts are on the log. */

import type { Sql, TransactionSql } from 'postgres'
import type { Alert } from './alert.ts'
import { readAlert } from './alert-rows.ts'

/** The newest of an alert's events that is on the log. */
export type Logged = 'none' | 'opened' | 'ended'

/** Of every project, the oldest first: alerts of which something is not on the log yet. */
export async function listUnlogged(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT id FROM alerts WHERE logged <> 'ended' AND (logged = 'none' OR ended_at IS NOT NULL) ORDER BY id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}

/** Keeps others from the alert until the transaction ends; null where another process has it, or nothing of it is left to be logged. */
export async function holdUnlogged(
  transaction: TransactionSql,
  id: string,
): Promise<{ alert: Alert; logged: Logged } | null> {
  const [row] = await transaction<{ projectId: string; logged: Logged }[]>`
    SELECT project_id AS "projectId", logged FROM alerts
    WHERE id = ${id} AND logged <> 'ended' FOR UPDATE SKIP LOCKED`
  if (row === undefined) return null
  const alert = await readAlert(transaction, row.projectId, id)
  return alert === null ? null : { alert, logged: row.logged }
}

export async function markLogged(
  transaction: TransactionSql,
  id: string,
  logged: Exclude<Logged, 'none'>,
): Promise<void> {
  await transaction`UPDATE alerts SET logged = ${logged} WHERE id = ${id}`
}
