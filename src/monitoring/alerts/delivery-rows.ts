/** All SQL of what alerts are told to whom: events once for each channel, and the messages that carry them. */

import type { Sql, TransactionSql } from 'postgres'
import type { Due, Told } from './due.ts'
import type { AlertMessage } from './message.ts'

type Database = Sql | TransactionSql
const milliseconds = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

/** Of these alerts; at most about 20 for each of a rule's channels. */
export async function readTold(sql: Database, alertIds: readonly string[]): Promise<Told[]> {
  if (alertIds.length === 0) return []
  return await sql<Told[]>`
    SELECT alert_id AS "alertId", event, nth, channel, silence_id IS NOT NULL AS silenced FROM alert_deliveries
    WHERE alert_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(alertIds)}::json) AS given (value))`
}

/** Where an event goes: into a message, or nowhere because of a silence. */
export type Destination = { messageId: string } | { silenceId: string }

/**
 * True when nobody noted the event before, or when a silence kept it quiet and it now goes out. What another transaction is noting
 * at the same time is waited for.
 */
export async function noteDue(
  sql: TransactionSql,
  projectId: string,
  { alertId, event, nth, channel }: Due,
  destination: Destination,
  atMs: number,
): Promise<boolean> {
  const messageId = 'messageId' in destination ? destination.messageId : null
  const silenceId = 'silenceId' in destination ? destination.silenceId : null
  const rows = await sql`
    INSERT INTO alert_deliveries (alert_id, event, nth, channel, project_id, message_id, silence_id, at)
    VALUES (${alertId}, ${event}, ${nth}, ${channel}, ${projectId}, ${messageId}, ${silenceId}, ${instant(atMs)}::timestamptz)
    ON CONFLICT (alert_id, event, nth, channel) DO UPDATE
      SET message_id = EXCLUDED.message_id, silence_id = NULL, at = EXCLUDED.at
      WHERE alert_deliveries.silence_id IS NOT NULL AND EXCLUDED.message_id IS NOT NULL
    RETURNING alert_id`
  return rows.length === 1
}

export async function insertMessage(
  sql: TransactionSql,
  id: string,
  projectId: string,
  content: AlertMessage,
  atMs: number,
): Promise<void> {
  const at = instant(atMs)
  await sql`
    INSERT INTO alert_messages (id, project_id, channel, content, state, tries, next_try_at, created_at)
    VALUES (${id}, ${projectId}, ${content.data.channel}, ${JSON.stringify(content)}, 'waiting', 0, ${at}::timestamptz, ${at}::timestamptz)`
}

/** A message that `run` may send; `tries` counts this one. */
export type HeldMessage = {
  id: string
  channel: string
  content: AlertMessage
  tries: number
  createdAtMs: number
}

/** Due messages that nobody is sending, those that wait longest first; they are `run`'s until `untilMs`. */
export async function holdMessages(
  sql: Sql,
  run: string,
  { nowMs, untilMs, limit }: { nowMs: number; untilMs: number; limit: number },
): Promise<HeldMessage[]> {
  const rows = await sql<(Omit<HeldMessage, 'content'> & { content: string })[]>`
    UPDATE alert_messages SET run = ${run}, held_until = ${instant(untilMs)}::timestamptz, tries = tries + 1
    WHERE id IN (
      SELECT id FROM alert_messages
      WHERE state = 'waiting' AND next_try_at <= ${instant(nowMs)}::timestamptz
        AND (held_until IS NULL OR held_until <= ${instant(nowMs)}::timestamptz)
      ORDER BY next_try_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING id, channel, content, tries, (extract(epoch FROM created_at) * 1000)::float8 AS "createdAtMs"`
  return rows.map((row) => ({ ...row, content: JSON.parse(row.content) as AlertMessage }))
}

/** What became of a try. Does nothing when another run holds the message by now. */
export async function noteTry(
  sql: Sql,
  { id, run }: { id: string; run: string },
  came:
    | { state: 'sent' | 'failed'; note: string | null }
    | { state: 'waiting'; note: string; nextMs: number },
  nowMs: number,
): Promise<void> {
  const next = came.state === 'waiting' ? came.nextMs : nowMs
  const finished = came.state === 'waiting' ? null : instant(nowMs)
  await sql`
    UPDATE alert_messages SET state = ${came.state}, note = ${came.note}, run = NULL, held_until = NULL,
      next_try_at = ${instant(next)}::timestamptz, finished_at = ${finished}::timestamptz
    WHERE id = ${id} AND run = ${run} AND state = 'waiting'`
}

/** An event of an alert and how far its message is; `state` is `silenced` without one. */
export type DeliveryRow = {
  event: Due['event']
  nth: number
  channel: string
  silenceId: string | null
  messageId: string | null
  state: 'silenced' | 'waiting' | 'sent' | 'failed'
  tries: number
  note: string | null
  atMs: number
  nextTryAtMs: number | null
  finishedAtMs: number | null
}

const MAX_DELIVERIES = 200

/** Of one alert, oldest first. */
export async function listDeliveries(sql: Sql, projectId: string, alertId: string): Promise<DeliveryRow[]> {
  return await sql.unsafe<DeliveryRow[]>(
    `SELECT d.event, d.nth, d.channel, d.silence_id AS "silenceId", d.message_id AS "messageId",
       coalesce(m.state, 'silenced') AS state, coalesce(m.tries, 0) AS tries, m.note, ${milliseconds('d.at')} AS "atMs",
       CASE WHEN m.state = 'waiting' THEN ${milliseconds('m.next_try_at')} END AS "nextTryAtMs",
       ${milliseconds('m.finished_at')} AS "finishedAtMs"
     FROM alert_deliveries d LEFT JOIN alert_messages m ON m.id = d.message_id
     WHERE d.project_id = $1 AND d.alert_id = $2
     ORDER BY d.at, d.nth, d.event DESC, d.channel LIMIT $3`,
    [projectId, alertId, MAX_DELIVERIES],
  )
}

/** Of these alerts, those whose beginning a silence keeps from a channel: the silence's id by the alert's. */
export async function readKeptQuiet(
  sql: Sql,
  projectId: string,
  alertIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql<{ alertId: string; silenceId: string }[]>`
    SELECT alert_id AS "alertId", max(silence_id) AS "silenceId" FROM alert_deliveries
    WHERE project_id = ${projectId} AND silence_id IS NOT NULL
      AND alert_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(alertIds)}::json) AS given (value))
    GROUP BY alert_id`
  return new Map(rows.map(({ alertId, silenceId }) => [alertId, silenceId]))
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
