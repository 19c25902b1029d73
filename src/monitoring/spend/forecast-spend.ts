/** The forecast of a project's month, from the sums of its days. */

import type { Sql } from 'postgres'
import { namedRandom } from '../../lib/random.ts'
import { LEVELS } from '../rollups/levels.ts'
import { type Forecast, forecastMonth, MAX_FORECAST_DAYS } from './forecast.ts'
import { dailyCosts, type SpendQuery, sumSpend } from './spend-rows.ts'

/** A calendar month, UTC: its text and its instants in milliseconds. */
export type Month = { text: string; startMs: number; endMs: number }

/** The month of `2026-11`, or the one that an instant is in. */
export function monthOf(when: string | number): Month {
  const text = typeof when === 'string' ? when : new Date(when).toISOString().slice(0, 7)
  const startMs = Date.parse(`${text}-01T00:00:00Z`)
  const start = new Date(startMs)
  return { text, startMs, endMs: Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1) }
}

/** The same question on the same day draws the same numbers. */
export async function forecastSpend(
  sql: Sql,
  { projectId, where, kept }: Pick<SpendQuery, 'projectId' | 'where' | 'kept'>,
  month: Month,
  nowMs: number,
): Promise<Forecast> {
  if (nowMs >= month.endMs) return { kind: 'refused', reason: 'over' }
  const todayMs = Math.floor(nowMs / LEVELS.day.ms) * LEVELS.day.ms
  const sinceMs = todayMs - MAX_FORECAST_DAYS * LEVELS.day.ms
  const days = await dailyCosts(sql, { projectId, where, kept, sinceMs, untilMs: todayMs })
  const { total } = await sumSpend(sql, {
    projectId,
    where,
    kept,
    groupBy: [],
    sinceMs: month.startMs,
    untilMs: Math.max(month.startMs + 1, nowMs),
  })
  const random = namedRandom(`${projectId} ${todayMs}`)
  return forecastMonth({ days, nowMs, endMs: month.endMs, spent: total.cost, random })
}
