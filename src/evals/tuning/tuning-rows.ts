/** All SQL of models in training. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'

export type TuningState = 'queued' | 'running' | 'done' | 'cancelled' | 'failed'
type TuningPhase = 'prepared' | 'submitting' | 'submitted'
/** Instants as ISO text. */
export type TuningRow = {
  id: string
  projectId: string
  name: string
  upstream: string
  model: string
  content: string
  datasetId: string
  validationId: string | null
  purpose: string
  items: number
  tokens: number
  phase: TuningPhase
  trainingFile: string | null
  trainingDigest: string | null
  trainingItems: number | null
  validationFile: string | null
  validationDigest: string | null
  validationItems: number | null
  submittingAt: string | null
  jobId: string | null
  deadline: string | null
  status: string | null
  said: string | null
  tunedModel: string | null
  trainedTokens: number | null
  estimatedFinish: string | null
  looks: number
  wakesAt: string | null
  cancellingAt: string | null
  modelVersion: number | null
  state: TuningState
  attempts: number
  error: string | null
  createdBy: string
  createdByName: string | null
  createdByPerson: string
  createdAt: string
  updatedAt: string
  finishedAt: string | null
}

export const TUNINGS = { table: 'fine_tunes', key: 'id', live: 'running', letsGo: true, dated: true } as const

const instant = (column: string, name: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "${name}"`
const ROW = `id, project_id AS "projectId", name, upstream, model, content, dataset_id AS "datasetId",
  validation_id AS "validationId", purpose, items, tokens::float8 AS tokens, phase, training_file AS "trainingFile",
  training_digest AS "trainingDigest", training_items AS "trainingItems", validation_file AS "validationFile",
  validation_digest AS "validationDigest", validation_items AS "validationItems", job_id AS "jobId", status, said,
  tuned_model AS "tunedModel", trained_tokens::float8 AS "trainedTokens", looks, model_version AS "modelVersion", state, attempts,
  error, created_by AS "createdBy", created_by_name AS "createdByName", created_by_person AS "createdByPerson",
  ${instant('submitting_at', 'submittingAt')}, ${instant('deadline', 'deadline')},
  ${instant('estimated_finish', 'estimatedFinish')}, ${instant('wakes_at', 'wakesAt')},
  ${instant('cancelling_at', 'cancellingAt')}, ${instant('created_at', 'createdAt')},
  ${instant('updated_at', 'updatedAt')}, ${instant('finished_at', 'finishedAt')}`

export type NewTuning = Pick<
  TuningRow,
  | 'id'
  | 'projectId'
  | 'name'
  | 'upstream'
  | 'model'
  | 'content'
  | 'datasetId'
  | 'validationId'
  | 'purpose'
  | 'items'
  | 'tokens'
  | 'createdBy'
  | 'createdByName'
  | 'createdByPerson'
> & { idempotencyKey: string | null; now: string }

/** False when the key was used before. */
export async function insertTuning(sql: Sql, row: NewTuning): Promise<boolean> {
  const inserted = await sql`
    INSERT INTO fine_tunes (id, project_id, name, upstream, model, content, dataset_id, validation_id, purpose, items, tokens,
      phase, state, idempotency_key, created_by, created_by_name, created_by_person, created_at, updated_at)
    VALUES (${row.id}, ${row.projectId}, ${row.name}, ${row.upstream}, ${row.model}, ${row.content}, ${row.datasetId},
      ${row.validationId}, ${row.purpose}, ${row.items}, ${row.tokens}, 'prepared', 'queued', ${row.idempotencyKey},
      ${row.createdBy}, ${row.createdByName}, ${row.createdByPerson}, ${row.now}::timestamptz, ${row.now}::timestamptz)
    ON CONFLICT (project_id, idempotency_key) DO NOTHING RETURNING id`
  return inserted.length === 1
}

export async function findTuning(sql: Sql, projectId: string, id: string): Promise<TuningRow | null> {
  const rows = await sql.unsafe<TuningRow[]>(
    `SELECT ${ROW} FROM fine_tunes WHERE project_id = $1 AND id = $2`,
    [projectId, id],
  )
  return rows[0] ?? null
}

export async function findTuningById(sql: Sql | TransactionSql, id: string): Promise<TuningRow | null> {
  const rows = await sql.unsafe<TuningRow[]>(`SELECT ${ROW} FROM fine_tunes WHERE id = $1`, [id])
  return rows[0] ?? null
}

export async function findTuningByKey(sql: Sql, projectId: string, key: string): Promise<TuningRow | null> {
  const rows = await sql.unsafe<TuningRow[]>(
    `SELECT ${ROW} FROM fine_tunes WHERE project_id = $1 AND idempotency_key = $2`,
    [projectId, key],
  )
  return rows[0] ?? null
}

/** Newest first. `after` is the last id of the page before. */
export async function listTunings(
  sql: Sql,
  projectId: string,
  filter: { name: string | null; state: TuningState | null },
  page: { after: string | null; limit: number },
): Promise<TuningRow[]> {
  return await sql.unsafe<TuningRow[]>(
    `SELECT ${ROW} FROM fine_tunes
     WHERE project_id = $1 AND ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR state = $3)
       AND ($4::text IS NULL OR id < $4)
     ORDER BY id DESC LIMIT $5`,
    [projectId, filter.name, filter.state, page.after, page.limit],
  )
}

/** A worker that has not been heard of since `alive` is dead; a row that sleeps is left alone. */
export async function claimTuning(
  sql: Sql,
  { id, run }: Run,
  { now, alive }: { now: string; alive: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE fine_tunes SET state = 'running', run = ${run}, attempts = attempts + 1, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND ((state = 'queued' AND (wakes_at IS NULL OR wakes_at <= ${now}::timestamptz))
      OR (state = 'running' AND updated_at < ${alive}::timestamptz)) RETURNING id`
  return rows.length === 1
}

/** Those that are due and nobody has begun since `queued`, and those whose process has not been heard of since `running`. */
export async function listDueTunings(
  sql: Sql,
  { now, queued, running }: { now: Date; queued: Date; running: Date },
  limit: number,
): Promise<string[]> {
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT id FROM fine_tunes
     WHERE (state = 'queued' AND (wakes_at <= $1::timestamptz OR (wakes_at IS NULL AND updated_at < $2::timestamptz)))
       OR (state = 'running' AND updated_at < $3::timestamptz)
     ORDER BY updated_at, id LIMIT $4`,
    [now.toISOString(), queued.toISOString(), running.toISOString(), limit],
  )
  return rows.map(({ id }) => id)
}

/**
 * One that no worker is at and of which nothing was sent ends here; any other one wakes and is told to stop. False for one that has
 * ended.
 */
export async function cancelTuning(sql: Sql, id: string, now: string): Promise<boolean> {
  const rows = await sql`
    UPDATE fine_tunes SET cancelling_at = coalesce(cancelling_at, ${now}::timestamptz), wakes_at = NULL,
      state = CASE WHEN state = 'queued' AND phase = 'prepared' THEN 'cancelled' ELSE state END,
      finished_at = CASE WHEN state = 'queued' AND phase = 'prepared' THEN ${now}::timestamptz END
    WHERE id = ${id} AND state IN ('queued', 'running') RETURNING id`
  return rows.length === 1
}

/** Says for what one waits that no worker could begin. */
export async function noteWaitingTuning(sql: Sql, id: string, message: string): Promise<void> {
  await sql`UPDATE fine_tunes SET error = ${message} WHERE id = ${id} AND state = 'queued'`
}
