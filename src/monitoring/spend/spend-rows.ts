/** Costs and tokens summed up by where requests belong, from the sums of days and hours: never from the log itself. */

import type { Sql } from 'postgres'
import { LEVELS } from '../rollups/levels.ts'
import type { KeptSince } from '../rollups/roll-up.ts'

export const SPEND_GROUPS = [
  'route',
  'model',
  'key',
  'release',
  'prompt',
  'upstream',
  'price',
  'origin',
  'day',
] as const
export type SpendGroup = (typeof SPEND_GROUPS)[number]
type SpendFilter = Exclude<SpendGroup, 'day'>

export type SpendQuery = {
  projectId: string
  groupBy: readonly SpendGroup[]
  where: Readonly<Partial<Record<SpendFilter, string>>>
  /** Milliseconds; the second is not included. */
  sinceMs: number
  untilMs: number
  kept: KeptSince
}

export type Spend = {
  requests: number
  /** Micro-USD of the requests that say what they cost; how many they are, and how many went to an upstream and do not say it. */
  cost: bigint
  priced: number
  unpriced: number
  /** Requests whose upstream told no tokens: the sums are without them. */
  untold: number
  inputTokens: number
  cachedInputTokens: number
  outputTokens: number
  reasoningTokens: number
}
/** A value for each group asked for; null where requests had none. */
export type SpendRow = Spend & { group: Readonly<Record<string, string | null>> }

const MAX_ROWS = 1000
/** A window at most so long is read by the hour while its hours are kept, others by the day. */
const BY_HOUR_MS = 3 * LEVELS.day.ms
const COLUMNS: Readonly<Record<SpendGroup, string>> = {
  route: 'place.route',
  model: 'place.model',
  key: 'place.key_id',
  release: 'place.release_id',
  prompt: 'place.prompt',
  upstream: 'place.upstream',
  price: 'place.price',
  origin: 'place.origin',
  day: 'cell.day::text',
}
const SUMS = `sum(requests)::text AS requests, sum(cost_micro_usd)::text AS cost, sum(priced)::text AS priced,
  sum(unpriced)::text AS unpriced, sum(untold)::text AS untold, sum(input_tokens)::text AS "inputTokens",
  sum(cached_input_tokens)::text AS "cachedInputTokens", sum(output_tokens)::text AS "outputTokens",
  sum(reasoning_tokens)::text AS "reasoningTokens"`

type Row = Readonly<Record<keyof Spend, string>>

/** The window that is really read: whole hours, or whole days (UTC), of which the first and the last one hold the instants asked for. */
export function spendWindow({ sinceMs, untilMs, kept }: Pick<SpendQuery, 'sinceMs' | 'untilMs' | 'kept'>) {
  const isByHour = untilMs - sinceMs <= BY_HOUR_MS && sinceMs >= kept.hour
  const level = isByHour ? ('hour' as const) : ('day' as const)
  const { ms } = LEVELS[level]
  return { level, sinceMs: Math.floor(sinceMs / ms) * ms, untilMs: Math.ceil(untilMs / ms) * ms }
}

/** The dearest first, at most 1,000; `more` when there are more. `total` is of all of them. Bounded by the statement timeout. */
export async function sumSpend(
  sql: Sql,
  query: SpendQuery,
): Promise<{ rows: SpendRow[]; total: Spend; more: boolean }> {
  const { from, values } = source(query)
  const groups = query.groupBy.map((group) => COLUMNS[group])
  const [whole] = await sql.unsafe<Row[]>(`SELECT ${SUMS} ${from}`, values)
  const total = spendOf(whole)
  if (groups.length === 0) return { rows: [], total, more: false }
  const found = await sql.unsafe<(Row & { values: string })[]>(
    `SELECT json_build_array(${groups.join(', ')})::text AS values, ${SUMS} ${from}
     GROUP BY ${groups.join(', ')} ORDER BY sum(cost_micro_usd) DESC, sum(requests) DESC, 1 LIMIT ${MAX_ROWS + 1}`,
    values,
  )
  const rows = found.slice(0, MAX_ROWS).map((row) => ({
    group: named(query.groupBy, JSON.parse(row.values) as (string | null)[]),
    ...spendOf(row),
  }))
  return { rows, total, more: found.length > MAX_ROWS }
}

/** Micro-USD of each day (UTC) in whole days from the first one with a sum to the end of the window; days without are 0. */
export async function dailyCosts(sql: Sql, query: Omit<SpendQuery, 'groupBy'>): Promise<number[]> {
  const { from, values } = source({ ...query, groupBy: [] }, 'day')
  const found = await sql.unsafe<{ day: string; cost: string }[]>(
    `SELECT cell.day::text AS day, sum(cost_micro_usd)::text AS cost ${from} GROUP BY cell.day ORDER BY cell.day`,
    values,
  )
  const costs = new Map(found.map(({ day, cost }) => [Date.parse(`${day}T00:00:00Z`), Number(cost)]))
  const [first = query.untilMs] = costs.keys()
  const days = Math.max(0, Math.ceil((query.untilMs - first) / LEVELS.day.ms))
  return Array.from({ length: days }, (_, index) => costs.get(first + index * LEVELS.day.ms) ?? 0)
}

/** Names come from the tables above: identifiers take no parameters. */
function source(query: SpendQuery, only?: 'day'): { from: string; values: string[] } {
  const { level, sinceMs, untilMs } = spendWindow(query)
  const values = [query.projectId, new Date(sinceMs).toISOString(), new Date(untilMs).toISOString()]
  const conditions = Object.entries(query.where).map(([filter, value]) => {
    values.push(value)
    return `AND ${COLUMNS[filter as SpendFilter]} = $${values.length}`
  })
  const from = `
    FROM ${LEVELS[only ?? level].table} AS cell JOIN rollup_places AS place ON place.id = cell.place
    WHERE cell.project_id = $1 AND cell.at >= $2::timestamptz AND cell.at < $3::timestamptz ${conditions.join(' ')}`
  return { from, values }
}

/** SQL's sum of nothing is null: no request cost nothing. */
function spendOf(row: Row | undefined): Spend {
  const count = (column: keyof Spend) => Number(row?.[column] ?? 0)
  return {
    requests: count('requests'),
    cost: BigInt(row?.cost ?? 0),
    priced: count('priced'),
    unpriced: count('unpriced'),
    untold: count('untold'),
    inputTokens: count('inputTokens'),
    cachedInputTokens: count('cachedInputTokens'),
    outputTokens: count('outputTokens'),
    reasoningTokens: count('reasoningTokens'),
  }
}

function named(groupBy: readonly SpendGroup[], values: readonly (string | null)[]): SpendRow['group'] {
  return Object.fromEntries(groupBy.map((group, index) => [group, values[index] ?? null]))
}
