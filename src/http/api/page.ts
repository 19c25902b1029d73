/** What every list under /api has in common: how a page is asked for, and what it looks like. */

import { z } from '@hono/zod-openapi'
import { limitText, strictShape } from './validation.ts'

/** Of a list without filters of its own. */
export const pageQuery = strictShape('filter', { limit: limitText, cursor: z.string().max(200).optional() })

/** `next_cursor` is null on the last page. */
export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), next_cursor: z.string().nullable() })
}

/** Roles that may look at what everybody works with: versions, releases, sources, indexes. */
export const registryReaders = ['admin', 'engineer', 'approver', 'auditor'] as const

/** A page of rows of which the store was asked for one more than `limit`: that one says that there are others. */
export function pageFrom<Row, Wire>(
  rows: readonly Row[],
  limit: number,
  { cursorOf, toWire }: { cursorOf: (row: Row) => string; toWire: (row: Row) => Wire },
): { data: Wire[]; next_cursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return { data: shown.map((row) => toWire(row)), next_cursor: last === undefined ? null : cursorOf(last) }
}

/** A page of a store, as the wire has it. */
export function pageToWire<Row, Wire>(
  { rows, nextCursor }: { rows: readonly Row[]; nextCursor: string | null },
  toWire: (row: Row) => Wire,
): { data: Wire[]; next_cursor: string | null } {
  return { data: rows.map((row) => toWire(row)), next_cursor: nextCursor }
}
