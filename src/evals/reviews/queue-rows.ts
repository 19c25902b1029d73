/** All SQL of review queues, their tasks and the calibrations made of them; ratings stand in rating-rows.ts. */

import type { Sql, TransactionSql } from 'postgres'
import type { DatasetItem } from '../datasets/item.ts'
import type { Answered } from '../runs/judge-unit.ts'
import type { RunScorer } from '../runs/run-content.ts'
import type { ReviewScale } from './scale.ts'
import type { DecideBy } from './truth.ts'

type Made = { createdBy: string; createdByName: string | null; createdAt: string }
export type QueueRow = Made & {
  id: string
  projectId: string
  name: string
  runId: string
  content: string
  hash: string
  rulesHash: string
  reviewers: number
  tasks: number
}
/** What is fixed when a queue is made. */
export type QueueContent = {
  run: string
  dataset: { name: string; version: number; hash: string }
  /** The judge whose judgement people repeat. */
  judge: Pick<RunScorer, 'name' | 'kind' | 'version' | 'settings'>
  scale: ReviewScale
  /** What reviewers are asked of each answer. */
  question: string
  reviewers: number
  decide: DecideBy
  seed: number
  /** How many units of the run the tasks were drawn from. */
  drawnFrom: number
}
export type CalibrationRow = Made & {
  id: string
  queueId: string
  queue: string
  rulesHash: string
  content: string
  hash: string
  qualifies: boolean
}

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const made = (of: string) =>
  `${of}.created_by AS "createdBy", ${of}.created_by_name AS "createdByName", ${instant(`${of}.created_at`)} AS "createdAt"`
const QUEUE = `q.id, q.project_id AS "projectId", q.name, q.run_id AS "runId", q.content, q.hash, q.rules_hash AS "rulesHash",
  q.reviewers, q.tasks, ${made('q')}`
const CALIBRATION = `c.id, c.queue_id AS "queueId", q.name AS queue, c.rules_hash AS "rulesHash", c.content, c.hash,
  c.qualifies, ${made('c')}`

/** Places of the run's units that were answered and that the judge scored, in their order. */
export async function listJudgedUnits(
  sql: Sql,
  runId: string,
  scorer: string,
): Promise<{ position: number; repeat: number }[]> {
  return await sql<{ position: number; repeat: number }[]>`
    SELECT e.position, e.repeat FROM eval_results e
    JOIN eval_scores s ON s.run_id = e.run_id AND s.position = e.position AND s.repeat = e.repeat AND s.scorer = ${scorer}
    WHERE e.run_id = ${runId} AND e.outcome = 'answered' AND s.outcome = 'scored'
    ORDER BY e.position, e.repeat`
}

/** False when the project has a queue of that name. Tasks are numbered in the order given. */
export async function insertQueue(
  sql: TransactionSql,
  row: QueueRow,
  units: readonly { position: number; repeat: number }[],
): Promise<boolean> {
  const inserted = await sql`
    INSERT INTO review_queues (id, project_id, name, run_id, content, hash, rules_hash, reviewers, tasks, created_by,
      created_by_name, created_at)
    VALUES (${row.id}, ${row.projectId}, ${row.name}, ${row.runId}, ${row.content}, ${row.hash}, ${row.rulesHash},
      ${row.reviewers}, ${row.tasks}, ${row.createdBy}, ${row.createdByName}, ${row.createdAt}::timestamptz)
    ON CONFLICT (project_id, name) DO NOTHING RETURNING id`
  if (inserted.length === 0) return false
  const tasks = units.map(({ position, repeat }, at) => ({ number: at + 1, position, repeat }))
  await sql`
    INSERT INTO review_tasks (queue_id, number, run_id, position, repeat)
    SELECT ${row.id}, number, ${row.runId}, position, repeat
    FROM json_to_recordset(${JSON.stringify(tasks)}::json) AS given (number integer, position integer, repeat integer)`
  return true
}

export async function findQueue(sql: Sql, projectId: string, name: string): Promise<QueueRow | null> {
  const rows = await sql.unsafe<QueueRow[]>(
    `SELECT ${QUEUE} FROM review_queues q WHERE q.project_id = $1 AND q.name = $2`,
    [projectId, name],
  )
  return rows[0] ?? null
}

/** Newest first. `after` is the last id of the page before. */
export async function listQueues(
  sql: Sql,
  projectId: string,
  { after, limit }: { after: string | null; limit: number },
): Promise<QueueRow[]> {
  return await sql.unsafe<QueueRow[]>(
    `SELECT ${QUEUE} FROM review_queues q WHERE q.project_id = $1 AND ($2::text IS NULL OR q.id < $2)
     ORDER BY q.id DESC LIMIT $3`,
    [projectId, after, limit],
  )
}

/** Of a run's judge with these rules, newest first. */
export async function listQueuesOfRun(
  sql: Sql,
  runId: string,
  hashes: readonly string[],
): Promise<QueueRow[]> {
  return await sql.unsafe<QueueRow[]>(
    `SELECT ${QUEUE} FROM review_queues q WHERE q.run_id = $1
       AND q.rules_hash IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))
     ORDER BY q.id DESC LIMIT 200`,
    [runId, JSON.stringify(hashes)],
  )
}

/** What a reviewer is shown, and no judgement. */
export async function readTask(
  sql: Sql,
  { id, projectId }: Pick<QueueRow, 'id' | 'projectId'>,
  number: number,
): Promise<{ repeat: number; item: DatasetItem; result: Answered } | null> {
  const rows = await sql<(Answered & { repeat: number; item: string })[]>`
    SELECT t.repeat, i.content AS item, e.output, e.tool_calls AS "toolCalls", e.contexts, e.retrieved,
      e.finish_reason AS "finishReason", e.latency_ms AS "latencyMs", e.cost::text AS cost
    FROM review_tasks t JOIN eval_runs r ON r.id = t.run_id
    JOIN eval_results e ON e.run_id = t.run_id AND e.position = t.position AND e.repeat = t.repeat
    JOIN eval_run_items u ON u.run_id = t.run_id AND u.position = t.position
    JOIN dataset_version_items p ON p.dataset_id = r.dataset_id AND p.position = u.item
    JOIN dataset_items i ON i.project_id = ${projectId} AND i.hash = p.hash
    WHERE t.queue_id = ${id} AND t.number = ${number}`
  const [row] = rows
  if (row === undefined) return null
  const { item, repeat, ...result } = row
  return { repeat, item: JSON.parse(item) as DatasetItem, result }
}

export async function insertCalibration(
  sql: Sql,
  projectId: string,
  row: Omit<CalibrationRow, 'queue'>,
): Promise<void> {
  await sql`
    INSERT INTO review_calibrations (id, project_id, queue_id, rules_hash, content, hash, qualifies, created_by,
      created_by_name, created_at)
    VALUES (${row.id}, ${projectId}, ${row.queueId}, ${row.rulesHash}, ${row.content}, ${row.hash}, ${row.qualifies},
      ${row.createdBy}, ${row.createdByName}, ${row.createdAt}::timestamptz)`
}

/** The newest of each of these rules. */
export async function listNewestCalibrations(
  sql: Sql,
  projectId: string,
  hashes: readonly string[],
): Promise<CalibrationRow[]> {
  return await sql.unsafe<CalibrationRow[]>(
    `SELECT DISTINCT ON (c.rules_hash) ${CALIBRATION} FROM review_calibrations c JOIN review_queues q ON q.id = c.queue_id
     WHERE c.project_id = $1 AND c.rules_hash IN (SELECT value FROM json_array_elements_text($2::json) AS given (value))
     ORDER BY c.rules_hash, c.id DESC`,
    [projectId, JSON.stringify(hashes)],
  )
}

/** Newest first; of one queue where it is named. `after` is the last id of the page before. */
export async function listCalibrations(
  sql: Sql,
  projectId: string,
  { queue, after, limit }: { queue: string | null; after: string | null; limit: number },
): Promise<CalibrationRow[]> {
  return await sql.unsafe<CalibrationRow[]>(
    `SELECT ${CALIBRATION} FROM review_calibrations c JOIN review_queues q ON q.id = c.queue_id
     WHERE c.project_id = $1 AND ($2::text IS NULL OR q.name = $2) AND ($3::text IS NULL OR c.id < $3)
     ORDER BY c.id DESC LIMIT $4`,
    [projectId, queue, after, limit],
  )
}
