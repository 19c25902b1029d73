/** Requests that the rollups hold, without a log. */

import type { Sql } from 'postgres'
import { seededRandom } from '../../src/lib/random.ts'
import { cellsOf, type LogRow, widen } from '../../src/monitoring/rollups/aggregate.ts'
import { addCells, addPlaces } from '../../src/monitoring/rollups/level-rows.ts'
import { LEVELS } from '../../src/monitoring/rollups/levels.ts'
import { writeReach } from '../../src/monitoring/rollups/log-rows.ts'
import { gaussian } from './simulated-traffic.ts'

export type Asked = {
  projectId: string
  route: string | null
  /** Of the first request; they are a second apart. */
  atMs: number
  requests: number
  latencyMs?: number
  errors?: number
  model?: string
}

/** Latencies are log-normal, seeded by time. */
function rowsOf({ latencyMs = 800, errors = 0, model = 'gpt-4o-mini', ...asked }: Asked): LogRow[] {
  const normal = gaussian(seededRandom(asked.atMs / 1000))
  return Array.from({ length: asked.requests }, (_, at) => ({
    projectId: asked.projectId,
    origin: 'app',
    route: asked.route,
    releaseId: null,
    prompt: null,
    upstream: 'openai',
    model,
    keyId: 'vk_1',
    price: null,
    startedAtMs: asked.atMs + at * 1000,
    operation: 'chat',
    outcome: at < errors ? 'upstream_error' : 'completed',
    stream: true,
    finishReason: 'stop',
    durationMs: latencyMs * Math.exp(0.3 * normal()),
    ttftMs: 200,
    sentMs: 2,
    inputTokens: 500,
    outputTokens: 100,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    costMicroUsd: 140,
    occurrences: 1,
  }))
}

export async function addTraffic(sql: Sql, asked: readonly Asked[]): Promise<void> {
  const cells = cellsOf(asked.flatMap(rowsOf))
  const places = new Map(cells.map(({ place, at }) => [place, at]))
  await sql.begin(async (transaction) => {
    await addPlaces(transaction, places)
    await addCells(transaction, 'minute', cells)
    const hours = widen(cells, LEVELS.hour.ms)
    await addCells(transaction, 'hour', hours)
    await addCells(transaction, 'day', widen(hours, LEVELS.day.ms))
    await writeReach(transaction, new Date().toISOString())
  })
}
