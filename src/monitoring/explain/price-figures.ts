/** The figures behind the price versions that stand on the log. */

import type { Sql } from 'postgres'
import type { Price } from '../../registry/prices/price.ts'
import { listedPriceOf } from '../../registry/prices/price-list.ts'
import type { FiguresOf } from './model-cost.ts'

/** Far more than two windows of one route have. */
const VERSIONS_MAX = 500

type Row = Record<'input' | 'cached_input' | 'cache_write' | 'output' | 'reasoning', string | null> &
  Record<'per_image' | 'per_request', string | null> & { id: string; source: string; valid_from_ms: number }

/** Own prices from their rows, listed ones from the list that ships with this version; others are unknown. */
export async function readFigures(
  sql: Sql,
  projectId: string,
  versions: readonly string[],
): Promise<FiguresOf> {
  const wanted = [...new Set(versions)].slice(0, VERSIONS_MAX)
  const rows = await sql<Row[]>`
    SELECT id, source, (extract(epoch FROM valid_from) * 1000)::float8 AS valid_from_ms, input, cached_input, cache_write, output,
      reasoning, per_image, per_request
    FROM prices WHERE project_id = ${projectId} AND id = ANY(${wanted}) LIMIT ${VERSIONS_MAX}`
  const own = new Map(rows.map((row) => [row.id, toPrice(row)]))
  const known = new Map(wanted.map((version) => [version, own.get(version) ?? listedPriceOf(version)]))
  return (version) => known.get(version) ?? null
}

function toPrice(row: Row): Price {
  const figure = (text: string | null) => (text === null ? null : BigInt(text))
  return {
    id: row.id,
    source: row.source,
    validFromMs: row.valid_from_ms,
    input: figure(row.input),
    cachedInput: figure(row.cached_input),
    cacheWrite: figure(row.cache_write),
    output: figure(row.output),
    reasoning: figure(row.reasoning),
    perImage: figure(row.per_image),
    perRequest: figure(row.per_request),
    tiers: [],
  }
}
