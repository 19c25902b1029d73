/** Lists as OpenAI's clients page through them: by the id of the last or the first row they have. */

import { z } from 'zod'
import { strictShape } from '../api/validation.ts'

const id = z.string().min(1).max(200)
const order = z.enum(['asc', 'desc']).default('desc')

/** `limit` from a query string. */
function limitUpTo(most: number, usual: number) {
  const error = `Write a whole number from 1 to ${most}.`
  return z.coerce.number({ error }).int(error).min(1, error).max(most, error).default(usual)
}

/** The query of a list of vector stores or their files, with members of its own. */
export function listQuery<Shape extends z.core.$ZodLooseShape>(more: Shape) {
  return strictShape('filter', {
    limit: limitUpTo(100, 20),
    order,
    after: id.optional(),
    before: id.optional(),
    ...more,
  })
}

export const fileListQuery = strictShape('filter', {
  limit: limitUpTo(10_000, 10_000),
  order,
  after: id.optional(),
  purpose: z.string().max(40).optional(),
})

/** `rows` has one more than `limit` when there are more: the one that is farthest from where the page began. */
export function toList<Row, Wire extends { id: string }>(
  rows: readonly Row[],
  { limit, before }: { limit: number; before: string | null },
  toWire: (row: Row) => Wire,
) {
  const shown = before === null ? rows.slice(0, limit) : rows.slice(-limit)
  const data = shown.map((row) => toWire(row))
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: rows.length > limit,
  }
}
