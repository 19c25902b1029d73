/** All SQL of a run's batches and their requests. Every change is made in a transaction that demands the run's hold. */

import type { Sql, TransactionSql } from 'postgres'
import type { DatasetItem } from '../../datasets/item.ts'
import type { Place } from '../result-rows.ts'
import type { RunRow } from '../run-rows.ts'

type BatchState = 'preparing' | 'prepared' | 'submitting' | 'submitted' | 'ended'
export type BatchRow = {
  id: string
  runId: string
  part: number
  upstream: string
  model: string
  state: BatchState
  requests: number
  bytes: number
  digest: string | null
  /** As the upstream calls the file and the batch. */
  fileId: string | null
  batchId: string | null
  /** ISO instants. */
  submittingAt: string | null
  deadline: string | null
  /** The upstream's last word, and how many requests it has answered and failed by it. */
  status: string | null
  completed: number | null
  failed: number | null
  /** Looks without an end since the state last changed. */
  looks: number
  cancelledAt: string | null
  note: string | null
  createdAt: string
  endedAt: string | null
}
export type NewRequest = Place & {
  line: number
  requestId: string
  body: string
  sentDigest: string
  /** JSON; null without an index. */
  retrieval: string | null
  /** Of the answer, as it was when the request was made; see `answerKey`. */
  answerKey: string | null
}
/** A request that is not settled, with its item. */
export type WaitingRequest = Omit<NewRequest, 'body'> & {
  item: DatasetItem
  tries: number
  /** Since when its row may be on the log: a worker was interrupted before it kept the result. */
  recordedAt: string | null
}

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const BATCH = `id, run_id AS "runId", part, upstream, model, state, requests, bytes::double precision AS bytes, digest,
  file_id AS "fileId", batch_id AS "batchId", ${instant('submitting_at')} AS "submittingAt", ${instant('deadline')} AS deadline,
  status, completed, failed, looks, ${instant('cancelled_at')} AS "cancelledAt", note, ${instant('created_at')} AS "createdAt",
  ${instant('ended_at')} AS "endedAt"`

/** The part of a run that has not ended; null when there is none. */
export async function findLiveBatch(sql: Sql, runId: string): Promise<BatchRow | null> {
  const rows = await sql.unsafe<BatchRow[]>(
    `SELECT ${BATCH} FROM eval_batches WHERE run_id = $1 AND state <> 'ended'`,
    [runId],
  )
  return rows[0] ?? null
}

/** The last part of a run, also one that has ended. */
export async function findNewestBatch(sql: Sql, runId: string): Promise<BatchRow | null> {
  const rows = await sql.unsafe<BatchRow[]>(
    `SELECT ${BATCH} FROM eval_batches WHERE run_id = $1 ORDER BY part DESC LIMIT 1`,
    [runId],
  )
  return rows[0] ?? null
}

export async function insertBatch(
  sql: TransactionSql,
  { id, runId, upstream, model }: Pick<BatchRow, 'id' | 'runId' | 'upstream' | 'model'>,
  now: string,
): Promise<void> {
  await sql`
    INSERT INTO eval_batches (id, run_id, part, upstream, model, state, created_at, updated_at)
    SELECT ${id}, ${runId}, coalesce(max(part), 0) + 1, ${upstream}, ${model}, 'preparing', ${now}::timestamptz, ${now}::timestamptz
    FROM eval_batches WHERE run_id = ${runId}`
}

/** Columns by their names in camelCase. A new state begins to count looks anew. */
export async function changeBatch(
  sql: TransactionSql,
  id: string,
  change: Partial<
    Pick<
      BatchRow,
      | 'state'
      | 'digest'
      | 'fileId'
      | 'batchId'
      | 'submittingAt'
      | 'deadline'
      | 'status'
      | 'completed'
      | 'failed'
      | 'looks'
      | 'cancelledAt'
      | 'note'
      | 'endedAt'
    >
  >,
  now: string,
): Promise<void> {
  const given = { ...(change.state !== undefined && { looks: 0 }), ...change }
  const entries = Object.entries(given)
  const set = entries.map(([name], at) => `, ${columnOf(name)} = $${at + 3}`).join('')
  await sql.unsafe(`UPDATE eval_batches SET updated_at = $2::timestamptz${set} WHERE id = $1`, [
    id,
    now,
    ...entries.map(([, value]) => value),
  ])
}

function columnOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Nothing of it was submitted. */
export async function deleteBatch(sql: TransactionSql, id: string): Promise<void> {
  await sql`DELETE FROM eval_batches WHERE id = ${id}`
}

/** A unit that went out before, and came back without an answer, counts its tries on. */
export async function addRequests(
  sql: TransactionSql,
  { id, runId }: Pick<BatchRow, 'id' | 'runId'>,
  requests: readonly NewRequest[],
  now: string,
): Promise<void> {
  await sql`
    WITH given AS (SELECT * FROM json_to_recordset(${JSON.stringify(requests)}::json) AS one (line integer, position integer,
      repeat integer, "requestId" text, body text, "sentDigest" text, retrieval text, "answerKey" text)),
    added AS (INSERT INTO eval_batch_requests
        (batch_id, line, position, repeat, request_id, body, sent_digest, retrieval, answer_key, tries)
      SELECT ${id}, g.line, g.position, g.repeat, g."requestId", g.body, g."sentDigest", g.retrieval, g."answerKey",
        1 + coalesce((SELECT max(q.tries) FROM eval_batches b JOIN eval_batch_requests q ON q.batch_id = b.id
          WHERE b.run_id = ${runId} AND q.position = g.position AND q.repeat = g.repeat AND q.state = 'again'), 0)
      FROM given g RETURNING body)
    UPDATE eval_batches SET requests = requests + (SELECT count(*) FROM added), updated_at = ${now}::timestamptz,
      bytes = bytes + (SELECT coalesce(sum(octet_length(body)), 0) FROM added) WHERE id = ${id}`
}

/** The place of the last request of a part, from which preparing it goes on; null when it has none. */
export async function findLastPlace(sql: Sql, batchId: string): Promise<(Place & { line: number }) | null> {
  const rows = await sql<(Place & { line: number })[]>`
    SELECT line, position, repeat FROM eval_batch_requests WHERE batch_id = ${batchId} ORDER BY line DESC LIMIT 1`
  return rows[0] ?? null
}

/** What is sent, in the order of the file, behind a line. */
export async function readBodies(
  sql: Sql,
  batchId: string,
  page: { after: number; limit: number },
): Promise<{ line: number; requestId: string; body: string }[]> {
  return await sql<{ line: number; requestId: string; body: string }[]>`
    SELECT line, request_id AS "requestId", coalesce(body, '') AS body FROM eval_batch_requests
    WHERE batch_id = ${batchId} AND line > ${page.after} ORDER BY line LIMIT ${page.limit}`
}

/** Requests that are not settled: those of these ids or lines, or with neither the first ones. */
export async function readWaiting(
  sql: Sql,
  { projectId, datasetId }: Pick<RunRow, 'projectId' | 'datasetId'>,
  batchId: string,
  wanted: { ids: readonly string[] } | { lines: readonly number[] } | { limit: number },
): Promise<WaitingRequest[]> {
  const ids = 'ids' in wanted ? JSON.stringify(wanted.ids) : null
  const lines = 'lines' in wanted ? JSON.stringify(wanted.lines) : null
  const limit = 'limit' in wanted ? wanted.limit : null
  const rows = await sql<(Omit<WaitingRequest, 'item'> & { content: string })[]>`
    SELECT q.line, q.position, q.repeat, q.request_id AS "requestId", q.sent_digest AS "sentDigest", q.retrieval, q.tries,
      q.answer_key AS "answerKey", i.content,
      to_char(q.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "recordedAt"
    FROM eval_batches b JOIN eval_batch_requests q ON q.batch_id = b.id
    JOIN eval_run_items u ON u.run_id = b.run_id AND u.position = q.position
    JOIN dataset_version_items p ON p.dataset_id = ${datasetId} AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${projectId} AND i.hash = p.hash
    WHERE b.id = ${batchId} AND q.state = 'waiting'
      AND (${ids}::json IS NULL OR q.request_id IN (SELECT value FROM json_array_elements_text(${ids}::json) AS given (value)))
      AND (${lines}::json IS NULL
        OR q.line IN (SELECT value::integer FROM json_array_elements_text(${lines}::json) AS given (value)))
    ORDER BY q.line LIMIT ${limit}`
  return rows.map(({ content, ...rest }) => ({ ...rest, item: JSON.parse(content) as DatasetItem }))
}

/** How many of these ids a part has. */
export async function countKnown(sql: Sql, batchId: string, ids: readonly string[]): Promise<number> {
  const [row] = await sql<{ known: number }[]>`
    SELECT count(*)::integer AS known FROM eval_batch_requests WHERE batch_id = ${batchId}
      AND request_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(ids)}::json) AS given (value))`
  return row?.known ?? 0
}

/** Of these batches of an upstream, those that another part has. */
export async function findOthers(
  sql: Sql,
  { id, upstream }: Pick<BatchRow, 'id' | 'upstream'>,
  batchIds: readonly string[],
): Promise<Set<string>> {
  const rows = await sql<{ batchId: string }[]>`
    SELECT DISTINCT batch_id AS "batchId" FROM eval_batches WHERE id <> ${id} AND upstream = ${upstream}
      AND batch_id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(batchIds)}::json) AS given (value))`
  return new Set(rows.map(({ batchId }) => batchId))
}

/** `taken`: its result is kept; `again`: it goes into the next part; `left`: the run was let go of. */
export async function settleRequests(
  sql: TransactionSql,
  batchId: string,
  settled: readonly { line: number; state: 'taken' | 'again' | 'left' }[],
): Promise<void> {
  await sql`
    UPDATE eval_batch_requests q SET state = given.state
    FROM json_to_recordset(${JSON.stringify(settled)}::json) AS given (line integer, state text)
    WHERE q.batch_id = ${batchId} AND q.line = given.line AND q.state = 'waiting'`
}

/** Bodies are in the result, or will be made again. */
export async function forgetBodies(sql: TransactionSql, batchId: string): Promise<void> {
  await sql`UPDATE eval_batch_requests SET body = NULL, retrieval = NULL WHERE batch_id = ${batchId}`
}

/** Their rows go to the log now, before their results are kept. */
export async function markRecorded(
  sql: TransactionSql,
  batchId: string,
  lines: readonly number[],
  now: string,
): Promise<void> {
  await sql`
    UPDATE eval_batch_requests SET recorded_at = ${now}::timestamptz WHERE batch_id = ${batchId}
      AND line IN (SELECT value::integer FROM json_array_elements_text(${JSON.stringify(lines)}::json) AS given (value))`
}

/** Of these requests, those that the log has by now. */
export async function findLogged(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    SELECT DISTINCT id FROM requests
    WHERE id IN (SELECT value FROM json_array_elements_text(${JSON.stringify(ids)}::json) AS given (value))`
  return new Set(rows.map(({ id }) => id))
}

/** Runs that ended while a part of them had not, and may be looked at by now. */
export async function listLeftBatches(sql: Sql, now: string, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT r.id FROM eval_batches b JOIN eval_runs r ON r.id = b.run_id
    WHERE b.state <> 'ended' AND r.state IN ('cancelled', 'failed', 'stopped')
      AND (r.wakes_at IS NULL OR r.wakes_at <= ${now}::timestamptz)
    ORDER BY r.id LIMIT ${limit}`
  return rows.map(({ id }) => id)
}
