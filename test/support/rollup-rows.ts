/** Sums by the minute and the hour, written into the database as they were summed up. */

import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import type { PlaceRow } from '../../src/monitoring/explain/places.ts'
import { binsToBytes } from '../../src/monitoring/rollups/sketch.ts'

const EMPTY = binsToBytes(new Map())

/** The figures of the row, without its sketches, as if all of them began in the minute of `atMs`. */
export async function insertMinute(
  sql: Sql,
  projectId: string,
  atMs: number,
  { place, figures }: PlaceRow,
): Promise<void> {
  const id = randomUUID()
  const at = new Date(Math.floor(atMs / 60_000) * 60_000).toISOString()
  const [day, us] = [at.slice(0, 10), (ms: number) => Math.round(ms * 1000)]
  const { outcomes } = figures
  await sql`INSERT INTO rollup_places ${sql({
    id,
    project_id: projectId,
    origin: 'app',
    route: place.route ?? null,
    release_id: place.releaseId ?? null,
    prompt: place.prompt ?? null,
    upstream: place.upstream ?? null,
    model: place.model ?? null,
    key_id: place.keyId ?? null,
    price: place.price ?? null,
    last_day: day,
  })}`
  const sums = {
    day,
    project_id: projectId,
    place: id,
    requests: figures.requests,
    ...outcomes,
    filtered: figures.filtered,
    cut: figures.cut,
    told: figures.told,
    untold: figures.untold,
    input_tokens: figures.inputTokens,
    cached_input_tokens: figures.cachedInputTokens,
    output_tokens: figures.outputTokens,
    reasoning_tokens: figures.reasoningTokens,
    cost_micro_usd: String(figures.costMicroUsd),
    priced: figures.priced,
    unpriced: figures.unpriced,
    timed: figures.timed,
    queue_us: us(figures.queueMs),
    first_token_us: us(figures.firstTokenMs),
    generation_us: us(figures.generationMs),
    timed_output_tokens: figures.timedOutputTokens,
    latency: EMPTY,
    ttft: EMPTY,
    ms_per_output_token: EMPTY,
  }
  await sql`INSERT INTO rollup_minutes ${sql({ ...sums, at })}`
  await sql`INSERT INTO rollup_hours ${sql({ ...sums, at: `${at.slice(0, 13)}:00:00Z` })}`
}
