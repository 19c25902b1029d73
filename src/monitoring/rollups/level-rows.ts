/** Adds cells to the rows of a level. In the caller's transaction, which moves the cursors too. */

import type { TransactionSql } from 'postgres'
import type { Cell, CellPlace } from './aggregate.ts'
import { SKETCH_COLUMNS, type SketchColumn, SUM_COLUMNS } from './columns.ts'
import { LEVELS, type Level } from './levels.ts'
import { binsFromBytes, binsToBytes } from './sketch.ts'

/** A row whose sketches came to more bytes than this holds many one after another, which are written as one. */
const MAX_LOOSE_BYTES = 3000
/** Cells of one statement. */
const PAGE_CELLS = 5000

/** Writes down the places that are not known yet, and of each the newest day. */
export async function addPlaces(
  transaction: TransactionSql,
  places: ReadonlyMap<CellPlace, number>,
): Promise<void> {
  for (const page of pagesOf([...places])) {
    const given = page.map(([place, at]) => ({ ...place, lastDay: new Date(at).toISOString().slice(0, 10) }))
    await transaction`
      INSERT INTO rollup_places (id, project_id, origin, route, release_id, prompt, upstream, model, key_id, price, last_day)
      SELECT id, "projectId", origin, route, "releaseId", prompt, upstream, model, "keyId", price, "lastDay"
      FROM json_to_recordset(${JSON.stringify(given)}::text::json) AS given (
        id uuid, "projectId" text, origin text, route text, "releaseId" text, prompt text, upstream text, model text,
        "keyId" text, price text, "lastDay" date)
      ON CONFLICT (id) DO UPDATE SET last_day = excluded.last_day WHERE rollup_places.last_day < excluded.last_day`
  }
}

/** Adds up, and puts sketches behind those that are there: the bytes of two are those of their union. */
export async function addCells(
  transaction: TransactionSql,
  level: Level,
  cells: readonly Cell[],
): Promise<void> {
  for (const page of pagesOf(cells)) {
    const large = await transaction.unsafe<LooseRow[]>(MERGE[level], arraysOf(page))
    if (large.length > 0) await transaction.unsafe(TIGHTEN[level], tightened(large))
  }
}

type LooseRow = { projectId: string; at: string; place: string } & Record<SketchColumn, Buffer>

const COLUMNS = ['project_id', 'place', ...SUM_COLUMNS, ...SKETCH_COLUMNS]
const TYPES = [
  'float8',
  'text',
  'uuid',
  ...SUM_COLUMNS.map(() => 'bigint'),
  ...SKETCH_COLUMNS.map(() => 'bytea'),
]
const SIZE = SKETCH_COLUMNS.map((column) => `octet_length(${column})`).join(' + ')

export const MERGE = {
  minute: mergeStatement('minute'),
  hour: mergeStatement('hour'),
  day: mergeStatement('day'),
}
const TIGHTEN = {
  minute: tightenStatement('minute'),
  hour: tightenStatement('hour'),
  day: tightenStatement('day'),
}

/** Adds the cells, and gives back those whose sketches are many one after another. */
function mergeStatement(level: Level): string {
  const { table, key } = LEVELS[level]
  const names = COLUMNS.join(', ')
  const sums = SUM_COLUMNS.map((column) => `${column} = kept.${column} + excluded.${column}`)
  const sketches = SKETCH_COLUMNS.map((column) => `${column} = kept.${column} || excluded.${column}`)
  return `
    WITH added AS (
      INSERT INTO ${table} AS kept (day, at, ${names})
      SELECT (to_timestamp(seconds) AT TIME ZONE 'UTC')::date, to_timestamp(seconds), ${names}
      FROM ${given(TYPES)} AS given (seconds, ${names})
      ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${[...sums, ...sketches].join(', ')}
      RETURNING project_id, at, place, ${SKETCH_COLUMNS.join(', ')})
    SELECT project_id AS "projectId", to_json(at) #>> '{}' AS at, place::text, ${SKETCH_COLUMNS.join(', ')}
    FROM added WHERE ${SIZE} > ${MAX_LOOSE_BYTES}`
}

function tightenStatement(level: Level): string {
  const names = ['project_id', 'at', 'place', ...SKETCH_COLUMNS].join(', ')
  return `
    UPDATE ${LEVELS[level].table} AS kept SET ${SKETCH_COLUMNS.map((column) => `${column} = given.${column}`).join(', ')}
    FROM ${given(['text', 'timestamptz', 'uuid', 'bytea', 'bytea', 'bytea'])} AS given (${names})
    WHERE kept.day = (given.at AT TIME ZONE 'UTC')::date AND kept.project_id = given.project_id AND kept.at = given.at
      AND kept.place = given.place`
}

function given(types: readonly string[]): string {
  return `unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})`
}

/** An array literal for each column (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export function arraysOf(cells: readonly Cell[]): string[] {
  return [
    literal(cells.map(({ at }) => String(at / 1000))),
    literal(cells.map(({ place }) => quoted(place.projectId))),
    literal(cells.map(({ place }) => place.id)),
    ...SUM_COLUMNS.map((column) => literal(cells.map(({ sums }) => String(sums[column])))),
    ...SKETCH_COLUMNS.map((column) => literal(cells.map((cell) => hex(binsToBytes(cell[column]))))),
  ]
}

function tightened(rows: readonly LooseRow[]): string[] {
  return [
    literal(rows.map(({ projectId }) => quoted(projectId))),
    literal(rows.map(({ at }) => quoted(at))),
    literal(rows.map(({ place }) => place)),
    ...SKETCH_COLUMNS.map((column) =>
      literal(rows.map((row) => hex(binsToBytes(binsFromBytes(row[column]))))),
    ),
  ]
}

function literal(elements: readonly string[]): string {
  return `{${elements.join(',')}}`
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function hex(bytes: Buffer): string {
  return `"\\\\x${bytes.toString('hex')}"`
}

function* pagesOf<One>(all: readonly One[]): Generator<readonly One[]> {
  for (let from = 0; from < all.length; from += PAGE_CELLS) yield all.slice(from, from + PAGE_CELLS)
}
