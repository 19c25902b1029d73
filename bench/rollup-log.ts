/** A day of made-up traffic straight into the tables of the log: who asks what is skewed, and most is the case most of the time. */

import type { Sql } from 'postgres'
import { ensurePartitions } from '../src/db/partitions.ts'

const WRITERS = [1, 2, 3, 4].map((one) => `01a21301-6d10-7295-861d-be7c3a36d5${one}0`)
/** Records of a request: OPEN and CLOSE. */
const RECORDS = 2
const CHUNK = 50_000

/**
 * `rows` requests of one project in the 24 hours from `day` (`YYYY-MM-DD`), by four writers: 20 routes, 8 models, 50 keys. Later calls
 * with the same `seed` make the same rows.
 */
export async function makeTraffic(
  sql: Sql,
  { rows, day, seed }: { rows: number; day: string; seed: number },
): Promise<void> {
  await ensurePartitions(sql, { fromDay: day, days: 1 })
  for (let from = 0; from < rows; from += CHUNK) {
    const to = Math.min(rows, from + CHUNK)
    await sql.begin(async (transaction) => {
      await transaction`SELECT setseed(${((seed + from) % 1000) / 1000}::float8)`
      await transaction.unsafe(INSERT, [rows, from, to, `${day}T00:00:00Z`])
      for (const [index, writer] of WRITERS.entries()) {
        const next = RECORDS * (Math.floor((to - 1 - index) / WRITERS.length) + 1)
        await transaction`
          INSERT INTO ship_cursors (writer, next_seq, updated_at) VALUES (${writer}, ${next}, now())
          ON CONFLICT (writer) DO UPDATE SET next_seq = excluded.next_seq`
      }
    })
  }
  await sql`ANALYZE requests`
}

/** 3 % of requests fail, 1 % are refused, 2 % are mirrored, 1 % a suite asks; one model in eight has no price, 1 % no usage. */
const INSERT = `
  INSERT INTO requests (day, writer, seq, id, project_id, key_id, key_name, method, path, operation, requested_model, route,
    upstream, model, stream, outcome, status, finish_reason, started_at, duration_ms, ttft_ms, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, attempts, request_bytes, response_bytes, truncated, occurrences, open_record,
    close_record, trail, shadow_of, release_id, prompt, cost_micro_usd, price)
  SELECT ($4::timestamptz AT TIME ZONE 'UTC')::date, ('{${WRITERS.join(',')}}'::uuid[])[i % 4 + 1], (i / 4) * 2 + 1,
    'req_' || lpad(i::text, 26, '0'), 'prj_default', CASE WHEN kind < 0.01 THEN 'run_' ELSE 'vk_' END || lpad(key::text, 26, '0'),
    'key-' || key, 'POST', '/v1/chat/completions', 'chat', 'route-' || route, 'route-' || route,
    CASE WHEN fate >= 0.01 THEN 'upstream-' || model % 3 END, CASE WHEN fate >= 0.01 THEN 'model-' || model END, stream,
    CASE WHEN fate < 0.01 THEN 'rejected' WHEN fate < 0.03 THEN 'upstream_error' WHEN fate < 0.04 THEN 'client_abort' ELSE 'completed' END,
    200, CASE WHEN fate > 0.9 THEN 'length' ELSE 'stop' END,
    $4::timestamptz + i * interval '1 day' / $1::float8 + a * interval '1 second', 50 + ttft + 9 * output * (0.8 + 0.4 * b),
    CASE WHEN stream AND fate >= 0.01 THEN ttft END, CASE WHEN fate >= 0.05 THEN input END,
    CASE WHEN fate >= 0.05 THEN output END, CASE WHEN fate >= 0.05 THEN input / 3 END, CASE WHEN fate >= 0.05 THEN 0 END,
    CASE WHEN fate < 0.01 THEN '[]'::jsonb ELSE jsonb_build_array(jsonb_build_object('upstream', 'upstream-' || model % 3,
      'model', 'model-' || model, 'startedMs', 0.4 + b, 'durationMs', ttft, 'status', 200, 'error', null, 'detail', null,
      'upstreamRequestId', 'chatcmpl-' || i, 'sentDigest', repeat('ab', 32))) END,
    900, 1200, false, 1, repeat('o', 700), repeat('c', 600), decode(repeat('ab', 150), 'hex'),
    CASE WHEN kind > 0.98 THEN 'req_' || lpad(i::text, 26, '1') END, 'rel_' || route || '_' || (kind > 0.85)::int,
    'prompt-' || route || '@14', CASE WHEN model < 7 AND fate >= 0.05 THEN (input + 4 * output) / 8 END,
    CASE WHEN model < 7 AND fate >= 0.05 THEN 'list/2026-11/model-' || model END
  FROM (
    SELECT i, a, b, kind, fate, route, key, stream, 120 + 4000 * b * b AS ttft, 1 + (400 * c * c)::int AS output,
      20 + (3000 * d)::int AS input, ((route + CASE WHEN a > 0.8 THEN 3 ELSE 0 END) % 8) AS model
    FROM (
      SELECT i, random() AS a, random() AS b, random() AS c, random() AS d, random() AS kind, random() AS fate,
        floor(20 * random() ^ 2)::int AS route, floor(50 * random() ^ 2)::int AS key, random() < 0.7 AS stream
      FROM generate_series($2::int, $3::int - 1) AS i) AS drawn) AS made`
