/** JSON bodies and queries of routes that stand under OpenAI's names: read, held to a schema, refused in the house's words. */

import type { Context } from 'hono'
import type { z } from 'zod'
import { RequestError } from '../../errors.ts'
import { refuseInvalid } from '../api/validation.ts'

/** A body that is not there is an empty object. Throws RequestError for the first thing that is wrong. */
export async function readJson<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await c.req.text()
  let value: unknown
  try {
    value = text.trim() === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new RequestError('invalid_json', 'The body is not valid JSON. Send one JSON object.', { cause })
  }
  return hold(schema, value)
}

/** Throws RequestError as `readJson`. */
export function readQuery<Schema extends z.ZodType>(c: Context, schema: Schema): z.output<Schema> {
  return hold(schema, c.req.query())
}

function hold<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  refuseInvalid(result)
  return result.data as z.output<Schema>
}
