/** Requests put straight into the log as a shipper would, and what they come to when plain SQL counts them again. */

import type { Sql } from 'postgres'
import { REQUEST_COLUMNS } from '../../src/audit/columns.ts'
import { CopyBuffer, encodeCopy } from '../../src/audit/copy-encoding.ts'
import type { ShipRow } from '../../src/audit/pairing.ts'
import type { CloseRecord, OpenRecord } from '../../src/audit/record.ts'
import { OUTCOMES } from '../../src/audit/record.ts'
import { copyIn } from '../../src/db/copy-in.ts'
import { SUM_COLUMNS } from '../../src/monitoring/rollups/columns.ts'
import { aClose, anOpen } from './audit-records.ts'

export type Shipped = { open?: Partial<OpenRecord>; close?: Partial<CloseRecord> }

/** `requests` as the next records of `writer`, two places each, with its cursor in the same transaction. */
export async function ship(sql: Sql, writer: string, requests: readonly Shipped[]): Promise<void> {
  await sql.begin(async (transaction) => {
    const [cursor] = await transaction<{ next: string }[]>`
      INSERT INTO ship_cursors (writer, next_seq, updated_at) VALUES (${writer}, ${requests.length * 2}, now())
      ON CONFLICT (writer) DO UPDATE SET next_seq = ship_cursors.next_seq + excluded.next_seq RETURNING next_seq::text AS next`
    const first = Number(cursor?.next) - requests.length * 2
    const rows = requests.map(({ open, close }, index) => {
      const opened = anOpen(open)
      return { open: opened, close: aClose(opened.id, close), seq: first + index * 2 + 1 } as ShipRow
    })
    const names = REQUEST_COLUMNS.map(({ name }) => name).join(', ')
    const bytes = encodeCopy(rows, writer, REQUEST_COLUMNS, new CopyBuffer())
    await copyIn(transaction, `COPY requests (${names}) FROM STDIN (FORMAT binary)`, bytes)
  })
}

type Unit = 'minute' | 'hour' | 'day'

/** The sums of each place and bucket as text, counted from all rows that are there; without sketches. */
export async function recount(sql: Sql, unit: Unit): Promise<string[]> {
  const rows = await sql.unsafe<{ row: string }[]>(`${recounted(unit)} ORDER BY 1`)
  return rows.map(({ row }) => row)
}

/** What the level says, in the form of `recount`. */
export async function sumsOf(sql: Sql, unit: Unit): Promise<string[]> {
  const rows = await sql.unsafe<{ row: string }[]>(`${summed(unit)} ORDER BY 1`)
  return rows.map(({ row }) => row)
}

/** How many places and buckets differ between the two, however many there are and however long it takes. */
export async function countDiffering(sql: Sql, unit: Unit): Promise<number> {
  return await sql.begin(async (transaction) => {
    await transaction`SET LOCAL statement_timeout = 0`
    const [found] = await transaction.unsafe<{ differing: string }[]>(`
      WITH counted AS MATERIALIZED (${recounted(unit)}), summed AS MATERIALIZED (${summed(unit)})
      SELECT count(*)::text AS differing FROM (
        (SELECT row FROM counted EXCEPT ALL SELECT row FROM summed)
        UNION ALL (SELECT row FROM summed EXCEPT ALL SELECT row FROM counted)) AS differing`)
    return Number(found?.differing)
  })
}

function recounted(unit: Unit): string {
  const outcomes = OUTCOMES.map(
    (outcome) => `coalesce(sum(occurrences) FILTER (WHERE outcome = '${outcome}'), 0)::bigint AS ${outcome}`,
  )
  return `
    SELECT json_build_array(project_id, origin, route, release_id, prompt, upstream, model, key_id, price, at,
      ${SUM_COLUMNS.join(', ')})::text AS row FROM (
      SELECT project_id, origin, route, release_id, prompt, upstream, model, key_id, price, to_json(at) AS at,
        sum(occurrences) AS requests, ${outcomes.join(', ')},
        count(*) FILTER (WHERE finish_reason = 'content_filter') AS filtered,
        count(*) FILTER (WHERE finish_reason = 'length') AS cut,
        count(*) FILTER (WHERE upstream IS NOT NULL AND input_tokens IS NOT NULL AND output IS NOT NULL) AS told,
        count(*) FILTER (WHERE upstream IS NOT NULL AND (input_tokens IS NULL OR output IS NULL)) AS untold,
        coalesce(sum(input_tokens) FILTER (WHERE is_told), 0) AS input_tokens,
        coalesce(sum(cached_input_tokens) FILTER (WHERE is_told), 0) AS cached_input_tokens,
        coalesce(sum(output) FILTER (WHERE is_told), 0) AS output_tokens,
        coalesce(sum(reasoning_tokens) FILTER (WHERE is_told), 0) AS reasoning_tokens,
        coalesce(sum(cost_micro_usd) FILTER (WHERE upstream IS NOT NULL), 0) AS cost_micro_usd,
        count(*) FILTER (WHERE upstream IS NOT NULL AND cost_micro_usd IS NOT NULL) AS priced,
        count(*) FILTER (WHERE upstream IS NOT NULL AND cost_micro_usd IS NULL) AS unpriced,
        count(*) FILTER (WHERE is_timed) AS timed,
        coalesce(sum(sent) FILTER (WHERE is_timed), 0) AS queue_us,
        coalesce(sum(first - sent) FILTER (WHERE is_timed), 0) AS first_token_us,
        coalesce(sum(whole - first) FILTER (WHERE is_timed), 0) AS generation_us,
        coalesce(sum(output_tokens) FILTER (WHERE is_timed), 0) AS timed_output_tokens
      FROM (
        SELECT *, upstream IS NOT NULL AND input_tokens IS NOT NULL AND output IS NOT NULL AS is_told,
          least(first_us, whole) AS first, least(sent_us, first_us, whole) AS sent
        FROM (
          SELECT *, date_trunc('${unit}', started_at, 'UTC') AS at,
            CASE WHEN shadow_of IS NOT NULL THEN 'shadow' WHEN key_id !~ '^(vk|cfg)_' THEN 'suite'
                 WHEN replay_of IS NOT NULL THEN 'replay' ELSE 'app' END AS origin,
            CASE WHEN operation = 'embeddings' THEN coalesce(output_tokens, 0) ELSE output_tokens END AS output,
            floor(duration_ms * 1000 + 0.5)::bigint AS whole, floor(ttft_ms * 1000 + 0.5)::bigint AS first_us,
            floor((attempts -> -1 -> 'startedMs')::float8 * 1000 + 0.5)::bigint AS sent_us,
            outcome = 'completed' AND stream AND ttft_ms IS NOT NULL AND output_tokens IS NOT NULL
              AND attempts -> -1 -> 'startedMs' IS NOT NULL AS is_timed
          FROM requests WHERE project_id IS NOT NULL) AS measured) AS split
      GROUP BY project_id, origin, route, release_id, prompt, upstream, model, key_id, price, at) AS counted`
}

function summed(unit: Unit): string {
  return `
    SELECT json_build_array(place.project_id, origin, route, release_id, prompt, upstream, model, key_id, price, to_json(at),
      ${SUM_COLUMNS.join(', ')})::text AS row
    FROM rollup_${unit}s AS cell JOIN rollup_places AS place ON place.id = cell.place`
}
