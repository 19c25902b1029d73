/** What requests came to in a window of time, by where they belong. Reads sums alone, never a row of the log. */

import type { Sql, TransactionSql } from 'postgres'
import { type FigureRow, figuresOf, SKETCH_COLUMNS, SUM_COLUMNS } from './columns.ts'
import type { Figures, Place } from './figures.ts'
import { LEVELS, type Level } from './levels.ts'

export type Dimension = Exclude<keyof Place, 'projectId'>

export type RollupQuery = {
  projectId: string
  /** Rows of the level that begin in this window, milliseconds; the second is not included. */
  fromMs: number
  toMs: number
  level: Level
  by: readonly Dimension[]
  /** Only requests with exactly these values; null is one: those without a route, for instance. */
  where?: Partial<Place>
  /** Buckets count from 1970-01-01T00:00:00Z; null merges the whole window. */
  bucketMs: number | null
  limit: number
}

/** `atMs`: the beginning of the bucket. `place` has `by` alone. */
export type Rollup = { atMs: number | null; place: Partial<Place>; figures: Figures }

const COLUMNS: Readonly<Record<Dimension, string>> = {
  route: 'route',
  releaseId: 'release_id',
  prompt: 'prompt',
  upstream: 'upstream',
  model: 'model',
  keyId: 'key_id',
  price: 'price',
}
const MAX_ROLLUPS = 10_000

/**
 * Apps' own requests, the most requests first, at most `limit` (10,000); `more` when there are more. The sketches are merged here, so
 * the memory this takes is that of `limit` rows. Bounded by the statement timeout.
 */
export async function readRollups(
  sql: Sql | TransactionSql,
  query: RollupQuery,
): Promise<{ rows: Rollup[]; more: boolean }> {
  const limit = Math.min(query.limit, MAX_ROLLUPS)
  const { text, values } = statement(query, limit)
  const found = await sql.unsafe<(FigureRow & { at: string | null; place: string })[]>(text, values)
  const rows = found.slice(0, limit).map((row) => ({
    atMs: row.at === null ? null : Number(row.at),
    place: placeOf(query.by, JSON.parse(row.place) as (string | null)[]),
    figures: figuresOf(row),
  }))
  return { rows, more: found.length > limit }
}

/** Names come from the tables above: identifiers take no parameters. */
function statement(
  { projectId, fromMs, toMs, level, by, where = {}, bucketMs }: RollupQuery,
  limit: number,
): { text: string; values: (string | number | null)[] } {
  const values: (string | number | null)[] = [projectId, instant(fromMs), instant(toMs), bucketMs, limit + 1]
  const conditions = (Object.keys(COLUMNS) as Dimension[])
    .filter((dimension) => where[dimension] !== undefined)
    .map((dimension) => {
      values.push(where[dimension] ?? null)
      return `AND place.${COLUMNS[dimension]} IS NOT DISTINCT FROM $${values.length}::text`
    })
  const text = `
    SELECT (floor(date_part('epoch', cell.at) * 1000 / $4::float8) * $4::float8)::bigint::text AS at,
      json_build_array(${by.map((dimension) => `place.${COLUMNS[dimension]}`).join(', ')})::text AS place,
      ${SUM_COLUMNS.map((column) => `sum(cell.${column})::text AS ${column}`).join(', ')},
      ${SKETCH_COLUMNS.map((column) => `string_agg(cell.${column}, ''::bytea) AS ${column}`).join(', ')}
    FROM ${LEVELS[level].table} AS cell JOIN rollup_places AS place ON place.id = cell.place
    WHERE cell.project_id = $1 AND cell.at >= $2::timestamptz AND cell.at < $3::timestamptz
      AND cell.day >= ($2::timestamptz AT TIME ZONE 'UTC')::date AND cell.day <= ($3::timestamptz AT TIME ZONE 'UTC')::date
      AND place.origin = 'app' ${conditions.join(' ')}
    GROUP BY 1${by.map((dimension) => `, place.${COLUMNS[dimension]}`).join('')}
    ORDER BY sum(cell.requests) DESC, 1, 2 LIMIT $5`
  return { text, values }
}

/**
 * Projects with traffic of their apps in the window, those with the most requests first, at most `limit`. From whole hours, of which the
 * first one holds `fromMs`: they are summed up with the minutes, and are few.
 */
export async function listBusyProjects(
  sql: Sql,
  fromMs: number,
  toMs: number,
  limit: number,
): Promise<string[]> {
  const from = instant(Math.floor(fromMs / LEVELS.hour.ms) * LEVELS.hour.ms)
  const found = await sql<{ project_id: string }[]>`
    SELECT known.project_id FROM (
      SELECT DISTINCT project_id FROM rollup_places
      WHERE origin = 'app' AND last_day >= (${from}::timestamptz AT TIME ZONE 'UTC')::date) AS known
    CROSS JOIN LATERAL (
      SELECT sum(requests) AS requests FROM rollup_hours
      WHERE project_id = known.project_id AND at >= ${from}::timestamptz AND at < ${instant(toMs)}::timestamptz) AS busy
    WHERE busy.requests > 0 ORDER BY busy.requests DESC, known.project_id LIMIT ${limit}`
  return found.map(({ project_id }) => project_id)
}

function placeOf(by: readonly Dimension[], values: readonly (string | null)[]): Partial<Place> {
  return Object.fromEntries(by.map((dimension, index) => [dimension, values[index] ?? null]))
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
