/** What has come into the log and is not summed up yet: which places of which writers, and what is read of their rows. */

import type { Sql, TransactionSql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'
import { LOG_DAYS } from '../../db/partitions.ts'
import type { LogRow } from './aggregate.ts'

/** Places of a writer's records that are to be summed up; the second is not included. */
export type Span = { writer: string; fromSeq: number; toSeq: number }

/** More have something at once only after a long while without a worker: the next batch has the others. */
const MAX_WRITERS = 500

/** `wholeTo`: what had come into the log by then is all in them, and in what was summed up before; null where they are a part of it. */
export type Found = { spans: Span[]; wholeTo: string | null }

/**
 * Spans that hold at most `maxRecords` records in all, hence no more rows. Those with the least come first and each has an even share
 * of what is left, so that a busy writer keeps no other one waiting. None when all is summed up. `ahead`
 * is being written: what follows it.
 */
export async function findSpans(sql: Sql, maxRecords: number, ahead: readonly Span[] = []): Promise<Found> {
  const found = await sql<{ seenAt: string; writer: string | null; fromSeq: string; records: string }[]>`
    WITH places AS (
      SELECT writer, shipped.next_seq, greatest(done.next_seq, ahead."toSeq", 0) AS from_seq
      FROM ship_cursors AS shipped LEFT JOIN rollup_cursors AS done USING (writer)
      LEFT JOIN json_to_recordset(${JSON.stringify(ahead)}::text::json) AS ahead (writer uuid, "toSeq" bigint) USING (writer)),
    behind AS (
      SELECT writer, from_seq, next_seq - from_seq AS records FROM places
      WHERE next_seq > from_seq ORDER BY records, writer LIMIT ${MAX_WRITERS + 1})
    SELECT now()::text AS "seenAt", writer::text, from_seq::text AS "fromSeq", records::text
    FROM (SELECT now()) AS moment LEFT JOIN behind ON true ORDER BY behind.records, writer`
  const behind = found.flatMap(({ writer, fromSeq, records }) =>
    writer === null ? [] : [{ writer, fromSeq: Number(fromSeq), records: Number(records) }],
  )
  let left = maxRecords
  const spans = behind.slice(0, MAX_WRITERS).map(({ writer, fromSeq, records }, index, all) => {
    const share = Math.min(records, Math.floor(left / (all.length - index)))
    left -= share
    return { writer, fromSeq, toSeq: fromSeq + share }
  })
  const isWhole = behind.every(({ records }, at) => {
    const span = spans[at]
    return span !== undefined && span.toSeq - span.fromSeq === records
  })
  return { spans, wholeTo: isWhole ? (found[0]?.seenAt ?? null) : null }
}

/** Never back: an instant of a look that took its time is older than what is known. */
export async function writeReach(sql: Sql | TransactionSql, wholeTo: string): Promise<void> {
  await sql`
    INSERT INTO rollup_reach (whole_to) VALUES (${wholeTo}::text::timestamptz)
    ON CONFLICT (single) DO UPDATE SET whole_to = greatest(rollup_reach.whole_to, excluded.whole_to)`
}

/** What had come into the log by then is summed up, milliseconds; null before it first was. */
export async function readReach(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ ms: number }[]>`
    SELECT (extract(epoch FROM whole_to) * 1000)::float8 AS ms FROM rollup_reach`
  return row?.ms ?? null
}

/**
 * The rows that stand at these places. A request that lasted over midnight, or came in late, is of an older day than its neighbours:
 * each day is looked up by itself, so that the primary key (day, writer, seq) leads to the rows. The days are those with a partition,
 * and those of rows without one. What retention took is not there, and what has no project is nobody's.
 */
export async function readLogRows(sql: Sql, spans: readonly Span[]): Promise<LogRow[]> {
  // As arrays: objects of so many columns cost the driver half as much again.
  const found = await sql.begin(async (transaction) => {
    // Many partitions make a plan look dear enough to be compiled, which takes longer than to run it.
    await transaction`SET LOCAL jit = off`
    return await transaction.unsafe(ROWS, [JSON.stringify(spans)]).values()
  })
  return (found as unknown as Values[]).map(rowOf)
}

const ROWS = `
  WITH days AS (${LOG_DAYS})
  SELECT picked.* FROM json_to_recordset($1::text::json) AS span (writer uuid, "fromSeq" bigint, "toSeq" bigint)
  CROSS JOIN days
  CROSS JOIN LATERAL (
    SELECT project_id, route, release_id, prompt, upstream, model, key_id, price,
      CASE WHEN shadow_of IS NOT NULL THEN 'shadow'
           WHEN NOT (${ASKED_BY_APPS}) THEN 'suite'
           WHEN replay_of IS NOT NULL THEN 'replay' ELSE 'app' END,
      date_part('epoch', started_at) * 1000, operation, outcome, stream, finish_reason, duration_ms, ttft_ms,
      (attempts -> -1 -> 'startedMs')::float8, input_tokens::float8, output_tokens::float8, cached_input_tokens::float8,
      reasoning_tokens::float8, cost_micro_usd::float8, occurrences
    FROM requests
    WHERE requests.day = days.day AND requests.writer = span.writer
      AND requests.seq >= span."fromSeq" AND requests.seq < span."toSeq" AND project_id IS NOT NULL
    OFFSET 0) AS picked`

type Values = [
  projectId: string,
  route: string | null,
  releaseId: string | null,
  prompt: string | null,
  upstream: string | null,
  model: string | null,
  keyId: string | null,
  price: string | null,
  origin: LogRow['origin'],
  startedAtMs: number,
  operation: string,
  outcome: LogRow['outcome'],
  stream: boolean,
  finishReason: string | null,
  durationMs: number,
  ttftMs: number | null,
  sentMs: number | null,
  inputTokens: number | null,
  outputTokens: number | null,
  cachedInputTokens: number | null,
  reasoningTokens: number | null,
  costMicroUsd: number | null,
  occurrences: number,
]

function rowOf(values: Values): LogRow {
  const [projectId, route, releaseId, prompt, upstream, model, keyId, price, origin, startedAtMs, ...rest] =
    values
  const [operation, outcome, stream, finishReason, durationMs, ttftMs, sentMs, inputTokens, ...more] = rest
  const [outputTokens, cachedInputTokens, reasoningTokens, costMicroUsd, occurrences] = more
  return {
    projectId,
    route,
    releaseId,
    prompt,
    upstream,
    model,
    keyId,
    price,
    origin,
    startedAtMs,
    operation,
    outcome,
    stream,
    finishReason,
    durationMs,
    ttftMs,
    sentMs,
    inputTokens,
    outputTokens,
    cachedInputTokens,
    reasoningTokens,
    costMicroUsd,
    occurrences,
  }
}
