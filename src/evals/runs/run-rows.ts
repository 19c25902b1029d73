/** All SQL of runs themselves; results and scores stand in result-rows.ts. */

import type { Sql, TransactionSql } from 'postgres'
import type { Run } from '../../db/held-work.ts'

export type RunState = 'queued' | 'running' | 'done' | 'stopped' | 'cancelled' | 'failed'
export type RunRow = {
  id: string
  projectId: string
  suite: string
  content: string
  hash: string
  measureHash: string
  datasetId: string
  subject: string
  releaseId: string | null
  items: number
  repeats: number
  scorers: number
  /** Micro-USD as text: the driver's bigint. */
  budget: string | null
  state: RunState
  attempts: number
  error: string | null
  tags: string
  note: string | null
  gitCommit: string | null
  /** Until when it rests while a batch is under way; null while it does not. */
  wakesAt: string | null
  createdBy: string
  createdByName: string | null
  createdAt: string
  updatedAt: string
  finishedAt: string | null
}

export const RUNS = {
  table: 'eval_runs',
  key: 'id',
  live: 'running',
  letsGo: true,
  dated: true,
  rests: true,
} as const
/** States from which a run goes on when it is asked to. */
export const RESUMABLE: readonly RunState[] = ['stopped', 'cancelled', 'failed']

const instant = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const RUN = `id, project_id AS "projectId", suite, content, hash, measure_hash AS "measureHash", dataset_id AS "datasetId",
  subject, release_id AS "releaseId", items, repeats, scorers, budget::text AS budget, state, attempts, error,
  tags::text AS tags, note, git_commit AS "gitCommit", created_by AS "createdBy", created_by_name AS "createdByName",
  ${instant('wakes_at')} AS "wakesAt", ${instant('created_at')} AS "createdAt", ${instant('updated_at')} AS "updatedAt", ${instant('finished_at')} AS "finishedAt"`

export type NewRun = Pick<
  RunRow,
  | 'id'
  | 'projectId'
  | 'suite'
  | 'content'
  | 'hash'
  | 'measureHash'
  | 'datasetId'
  | 'subject'
  | 'releaseId'
  | 'repeats'
  | 'scorers'
  | 'budget'
  | 'tags'
  | 'note'
  | 'gitCommit'
  | 'createdBy'
  | 'createdByName'
> & { idempotencyKey: string | null; now: string }

/**
 * Inserts a run and its items: those of the dataset's version, or of one split of it. Gives how many, which its plan has
 * counted before (a version never changes); null when the key was used before.
 */
export async function insertRun(
  sql: TransactionSql,
  row: NewRun,
  split: string | null,
): Promise<number | null> {
  const inserted = await sql`
    INSERT INTO eval_runs (id, project_id, suite, content, hash, measure_hash, dataset_id, subject, release_id, items, repeats,
      scorers, budget, state, tags, note, git_commit, idempotency_key, created_by, created_by_name, created_at, updated_at)
    VALUES (${row.id}, ${row.projectId}, ${row.suite}, ${row.content}, ${row.hash}, ${row.measureHash}, ${row.datasetId},
      ${row.subject}, ${row.releaseId}, 0, ${row.repeats}, ${row.scorers}, ${row.budget}::bigint, 'queued',
      ${row.tags}::jsonb, ${row.note}, ${row.gitCommit}, ${row.idempotencyKey}, ${row.createdBy}, ${row.createdByName},
      ${row.now}::timestamptz, ${row.now}::timestamptz)
    ON CONFLICT (project_id, idempotency_key) DO NOTHING RETURNING id`
  if (inserted.length === 0) return null
  const items = await sql`
    INSERT INTO eval_run_items (run_id, position, item)
    SELECT ${row.id}, (row_number() OVER (ORDER BY p.position) - 1)::integer, p.position
    FROM dataset_version_items p
    JOIN dataset_items i ON i.project_id = ${row.projectId} AND i.hash = p.hash
    WHERE p.dataset_id = ${row.datasetId}
      AND (${split}::text IS NULL OR i.content::jsonb ->> 'split' = ${split})`
  await sql`UPDATE eval_runs SET items = ${items.count} WHERE id = ${row.id}`
  return items.count
}

export async function findRun(sql: Sql, projectId: string, id: string): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(`SELECT ${RUN} FROM eval_runs WHERE project_id = $1 AND id = $2`, [
    projectId,
    id,
  ])
  return rows[0] ?? null
}

export async function findRunById(sql: Sql, id: string): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(`SELECT ${RUN} FROM eval_runs WHERE id = $1`, [id])
  return rows[0] ?? null
}

export async function findRunByKey(sql: Sql, projectId: string, key: string): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM eval_runs WHERE project_id = $1 AND idempotency_key = $2`,
    [projectId, key],
  )
  return rows[0] ?? null
}

/**
 * The newest finished run of this subject that was measured in the same way. With `hash` one that was decided in the same way
 * too: gates and what else a verdict rests on are part of a run's content.
 */
export async function findAlike(
  sql: Sql,
  {
    projectId,
    measureHash,
    subject,
    hash = null,
  }: Pick<RunRow, 'projectId' | 'measureHash' | 'subject'> & { hash?: string | null },
): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM eval_runs WHERE project_id = $1 AND measure_hash = $2 AND subject = $3 AND state = 'done'
       AND ($4::text IS NULL OR hash = $4)
     ORDER BY id DESC LIMIT 1`,
    [projectId, measureHash, subject, hash],
  )
  return rows[0] ?? null
}

/**
 * The first run that was begun since a moment and answered anything, of this subject, measured in the same way and with the same
 * patience, whatever became of it: whoever runs a suite again and again, or lets go of runs that go badly, until chance is kind,
 * is held to the first figures all the same. A run is as old as the oldest answer or judgement that it took over: one that rests on
 * older ones is none of them.
 */
export async function findFirstAlike(
  sql: Sql,
  {
    projectId,
    measureHash,
    subject,
    timeoutMs,
  }: Pick<RunRow, 'projectId' | 'measureHash' | 'subject'> & { timeoutMs: number },
  since: string,
): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM eval_runs r WHERE project_id = $1 AND measure_hash = $2 AND subject = $3
       AND (content::jsonb ->> 'timeoutMs')::numeric = $5 AND coalesce(finished_at, updated_at) >= $4::timestamptz
       AND (state = 'done' OR EXISTS (SELECT FROM eval_results e WHERE e.run_id = r.id))
       AND NOT EXISTS (SELECT FROM eval_results e WHERE e.run_id = r.id AND e.cached_at < $4::timestamptz)
       AND NOT EXISTS (SELECT FROM eval_scores s WHERE s.run_id = r.id AND s.cached_at < $4::timestamptz)
     ORDER BY id LIMIT 1`,
    [projectId, measureHash, subject, since, timeoutMs],
  )
  return rows[0] ?? null
}

/**
 * The newest run of a subject, measured in the same way and with a tag, that is under way or was begun since a moment; none that failed
 * or was let go of.
 */
export async function findTagged(
  sql: Sql,
  {
    projectId,
    measureHash,
    subject,
    tag,
  }: Pick<RunRow, 'projectId' | 'measureHash' | 'subject'> & { tag: string },
  since: string,
): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM eval_runs r WHERE project_id = $1 AND measure_hash = $2 AND subject = $3 AND tags ? $4
       AND (state IN ('queued', 'running') OR (state IN ('done', 'stopped') AND created_at >= $5::timestamptz))
     ORDER BY id DESC LIMIT 1`,
    [projectId, measureHash, subject, tag, since],
  )
  return rows[0] ?? null
}

/** Newest first. `after` is the last id of the page before. */
export async function listRuns(
  sql: Sql,
  projectId: string,
  filter: { suite: string | null; subject: string | null; tag: string | null },
  page: { after: string | null; limit: number },
): Promise<RunRow[]> {
  return await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM eval_runs
     WHERE project_id = $1 AND ($2::text IS NULL OR suite = $2) AND ($3::text IS NULL OR subject = $3)
       AND ($4::text IS NULL OR tags ? $4) AND ($5::text IS NULL OR id < $5)
     ORDER BY id DESC LIMIT $6`,
    [projectId, filter.suite, filter.subject, filter.tag, page.after, page.limit],
  )
}

/** The newest finished run of a route's releases that a judge took part in, of the newest thousand. */
export async function findNewestJudged(sql: Sql, projectId: string, route: string): Promise<RunRow | null> {
  const rows = await sql.unsafe<RunRow[]>(
    `SELECT ${RUN} FROM (SELECT * FROM eval_runs WHERE project_id = $1 ORDER BY id DESC LIMIT 1000) AS newest
     WHERE state = 'done' AND content::jsonb -> 'subject' ->> 'route' = $2
       AND content::jsonb @? '$.scorers[*] ? (@.judge == true)'
     ORDER BY id DESC LIMIT 1`,
    [projectId, route],
  )
  return rows[0] ?? null
}

/** A worker that has not been heard of since `alive` is dead; one that has is left alone. */
export async function claimRun(
  sql: Sql,
  { id, run }: Run,
  { now, alive }: { now: string; alive: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE eval_runs SET state = 'running', run = ${run}, attempts = attempts + 1, wakes_at = NULL, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND ((state = 'queued' AND (wakes_at IS NULL OR wakes_at <= ${now}::timestamptz)) OR (state = 'running' AND updated_at < ${alive}::timestamptz)) RETURNING id`
  return rows.length === 1
}

/**
 * Of a run that has ended, while something of it is cleared up. False when it has gone on, rests, or another worker is at it that has
 * been heard of since `alive`.
 */
export async function claimEndedRun(
  sql: Sql,
  { id, run }: Run,
  { state, now, alive }: { state: RunState; now: string; alive: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE eval_runs SET run = ${run}, wakes_at = NULL, updated_at = ${now}::timestamptz
    WHERE id = ${id} AND state = ${state} AND (wakes_at IS NULL OR wakes_at <= ${now}::timestamptz)
      AND (run IS NULL OR updated_at < ${alive}::timestamptz) RETURNING id`
  return rows.length === 1
}

/** False when the run is not one that can be moved from these states. */
export async function moveRun(
  sql: Sql | TransactionSql,
  id: string,
  { from, to, budget }: { from: readonly RunState[]; to: RunState; budget?: string | null },
  now: string,
): Promise<boolean> {
  const rows = await sql.unsafe(
    `UPDATE eval_runs SET state = $2, run = NULL, error = NULL, attempts = 0, wakes_at = NULL, updated_at = $3::timestamptz,
       finished_at = CASE WHEN $2 = 'cancelled' THEN $3::timestamptz END,
       budget = CASE WHEN $5 THEN $6::bigint ELSE budget END
     WHERE id = $1 AND state IN (SELECT value FROM json_array_elements_text($4::json) AS given (value)) RETURNING id`,
    [id, to, now, JSON.stringify(from), budget !== undefined, budget ?? null],
  )
  return rows.length === 1
}

/** Says for what a run waits that no worker could begin. */
export async function noteWaitingRun(sql: Sql, id: string, message: string): Promise<void> {
  await sql`UPDATE eval_runs SET error = ${message} WHERE id = ${id} AND state = 'queued'`
}

/** What people add to a run afterwards. */
export async function annotateRun(
  sql: Sql,
  id: string,
  { tags, note }: { tags: string | null; note: string | null },
): Promise<void> {
  await sql`
    UPDATE eval_runs SET tags = coalesce(${tags}::jsonb, tags), note = coalesce(${note}, note) WHERE id = ${id}`
}
