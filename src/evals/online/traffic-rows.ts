/** Reads of the request log by release, in the order in which requests began. */

import type { Sql, TransactionSql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'

/** What is known of a request without opening it. */
export type TrafficRow = {
  id: string
  releaseId: string
  /** ISO 8601, to the millisecond as the log keeps it. */
  startedAt: string
  day: string
  writer: string
  seq: string
  requestedModel: string | null
}
export type TrafficPlace = Pick<TrafficRow, 'startedAt' | 'id'>

/**
 * Of each release by itself, so that an index by time is read in its order and no further than the page. Planned anew for each
 * page: a plan for any time and any release sorts all that is left of a partition, 75 s over 200,000 rows in place of 4.5 s.
 */
const TRAFFIC = `
  SELECT q.id, q.release_id AS "releaseId", q.day::text AS day, q.writer::text AS writer, q.seq::text AS seq,
    q.requested_model AS "requestedModel",
    to_char(q.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "startedAt"
  FROM json_array_elements_text($2::json) AS wanted (release_id)
  CROSS JOIN LATERAL (
    SELECT r.id, r.release_id, r.day, r.writer, r.seq, r.requested_model, r.started_at FROM requests r
    WHERE r.project_id = $1 AND r.release_id = wanted.release_id
      AND r.started_at >= $3::timestamptz AND r.started_at < $4::timestamptz
      AND r.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date AND r.day <= ($4::timestamptz AT TIME ZONE 'UTC')::date
      AND (r.started_at, r.id) > ($3::timestamptz, $5)
      AND r.replay_of IS NULL AND r.shadow_of IS NULL AND ${ASKED_BY_APPS}
      AND ($7::text IS NULL OR r.requested_model IN (SELECT value FROM json_array_elements_text($7::json) AS m (value)))
    ORDER BY r.started_at, r.id LIMIT $6) AS q
  ORDER BY q.started_at, q.id LIMIT $6`

/**
 * Requests that began from `since` on and before `until`, behind `after`. Only what apps sent: requests of runs and of judges
 * go by ids of their own in place of a key's, and what was sent again was judged where it first came from. What a shadow
 * mirrored nobody was given. `models`: what apps asked for, a label's names for instance; null for all.
 */
export async function readTraffic(
  sql: Sql,
  {
    projectId,
    releaseIds,
    since,
    until,
    models,
  }: {
    projectId: string
    releaseIds: readonly string[]
    since: string
    until: string
    models: readonly string[] | null
  },
  after: TrafficPlace | null,
  limit: number,
): Promise<TrafficRow[]> {
  return await sql.unsafe<TrafficRow[]>(TRAFFIC, [
    projectId,
    JSON.stringify(releaseIds),
    after?.startedAt ?? since,
    until,
    after?.id ?? '',
    limit,
    models === null ? null : JSON.stringify(models),
  ])
}

/** Keeps the bodies of a request as they are until the transaction ends. False when they are gone. */
export async function holdBodies(
  sql: TransactionSql,
  { day, writer, seq }: Pick<TrafficRow, 'day' | 'writer' | 'seq'>,
): Promise<boolean> {
  const rows = await sql`
    SELECT seq FROM request_bodies
    WHERE day = ${day}::text::date AND writer = ${writer}::text::uuid AND seq = ${seq}::text::bigint
      AND num_nonnulls(request_text, request_raw, response_text, response_raw) > 0
    FOR SHARE`
  return rows.length === 1
}
