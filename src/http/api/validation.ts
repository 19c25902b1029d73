/** Turns what a route's schema refuses into the house's errors: the value's name, what is wrong, what to send. */

import { z } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { type ErrorCode, RequestError } from '../../errors.ts'
import { nearest } from '../../lib/nearest.ts'
import { parseDurationMs } from '../../lib/units.ts'

/** An object in which an unknown name is an error that suggests the nearest known one. `what` is "filter" or "field". */
export function strictShape<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined
      const name = issue.keys[0] ?? ''
      const meant = nearest(name, known)
      const hint = meant === null ? `Known: ${known.join(', ')}.` : `Did you mean "${meant}"?`
      return `Unknown ${what} "${name.slice(0, 60)}". ${hint}`
    },
  })
}

/** The `defaultHook` of every router: throws RequestError for the first issue, does nothing when all is well. */
export function refuseInvalid(result: { success: boolean; error?: unknown }): void {
  if (result.success || !(result.error instanceof z.ZodError)) return
  const issue = result.error.issues[0]
  if (issue === undefined) return
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const param = [...issue.path, ...(unknown === undefined ? [] : [unknown])].map(String).join('.')
  const where = unknown !== undefined || param === '' ? '' : `${param}: `
  throw new RequestError(codeOf(issue), `${where}${issue.message}`, { param: param === '' ? null : param })
}

/** What the framework itself throws before a schema is asked. Anything else is returned as it is. */
export function fromFramework(error: unknown): unknown {
  if (!(error instanceof HTTPException)) return error
  if (error.status === 415) {
    return new RequestError('unsupported_media_type', 'Send the body as "content-type: application/json".')
  }
  if (error.status === 400) {
    return new RequestError('invalid_json', 'The body is not valid JSON. Send one JSON object.')
  }
  return error
}

function codeOf(issue: z.core.$ZodIssue): ErrorCode {
  if (issue.code === 'unrecognized_keys') return 'unsupported_parameter'
  if (issue.code !== 'invalid_type') return 'invalid_value'
  return issue.message.includes('received undefined') ? 'missing_required_parameter' : 'invalid_type'
}

/** `24h`, `7d`, `0s`: becomes milliseconds. */
export const durationText = z
  .string()
  .max(20)
  .transform((text, context) => {
    const ms = parseDurationMs(text)
    if (ms !== null) return ms
    context.addIssue({ code: 'custom', message: `"${text}" is not a duration. Write 15m, 24h or 7d.` })
    return z.NEVER
  })
  .openapi({ type: 'string', example: '24h' })

export const LEAST_LENGTH_MS = 300_000
const MOST_LENGTH_MS = 31 * 86_400_000
/** The length of a window that is compared with another one. */
export const lengthText = durationText.refine((ms) => ms >= LEAST_LENGTH_MS && ms <= MOST_LENGTH_MS, {
  message: 'Write a length from 5m to 31d.',
})

/** An instant, or how long ago: `2026-11-23T13:00:00Z`, `2026-11-23`, `15m`, `7d`. */
export const instantText = z
  .string()
  .max(40)
  .refine((text) => parseDurationMs(text) !== null || isInstant(text), {
    message: 'Write an ISO 8601 time such as 2026-11-23T13:00:00Z, or how long ago: 15m, 7d.',
  })
  .openapi({ example: '7d' })

/** The instant an `instantText` means at `nowMs`. */
function toInstant(text: string | undefined, nowMs: number): Date | null {
  if (text === undefined) return null
  const agoMs = parseDurationMs(text)
  return new Date(agoMs === null ? Date.parse(text) : Math.max(0, nowMs - agoMs))
}

/** `since` and `until` in milliseconds. Throws RequestError when nothing can lie between them. */
export function toRange(
  query: { since?: string | undefined; until?: string | undefined },
  nowMs: number,
): { sinceMs: number | undefined; untilMs: number | undefined } {
  const since = toInstant(query.since, nowMs)
  const until = toInstant(query.until, nowMs)
  if (since !== null && until !== null && since > until) {
    throw new RequestError('invalid_value', 'since is later than until, so nothing can match. Swap them.', {
      param: 'since',
    })
  }
  return { sinceMs: since?.getTime(), untilMs: until?.getTime() }
}

/** Only whole ISO dates: Date.parse alone would take `5` for a month. A time without a zone is UTC only with a Z. */
function isInstant(text: string): boolean {
  const shape = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
  return shape.test(text) && !Number.isNaN(Date.parse(text))
}

/** Why somebody reads; it stands on the log beside the read. */
export const purposeText = z.string().trim().min(1).max(500).optional()

/** The filters as they were sent, without what was not. A searched text may hold anything, so only its length stays. */
export function written(filters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const sent = Object.entries(filters).filter(([field, value]) => value !== undefined && field !== 'cursor')
  return Object.fromEntries(
    sent.map(([field, value]) => {
      if (field === 'text') return [field, `${String(value).length} characters`]
      return [field, value instanceof Date ? value.toISOString() : value]
    }),
  )
}

/** The `{id}` of a path. */
export const idParam = z.object({
  id: z
    .string()
    .max(200)
    .openapi({ param: { name: 'id', in: 'path' } }),
})

/** Page size of every list. */
export const limitText = z.coerce
  .number({ error: 'Write a whole number from 1 to 200.' })
  .int()
  .min(1)
  .max(200)
  .default(50)

const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
    }),
  })
  .openapi('Error')

/** The error answers every route has, for the OpenAPI document. */
export const errorAnswers = {
  400: answer('The request is wrong; the message says what to change.', errorSchema),
  401: answer('No valid key. Unknown, expired, revoked and wrong keys get this one answer.', errorSchema),
  403: answer('The key lacks the role; the message names those that would do.', errorSchema),
}

export const conflictAnswer = answer('What stands in the way; the message says what to do.', errorSchema)

/** A JSON answer in a route's `responses`. */
export function answer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } }
}

/** A required JSON body in a route's `request`. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { body: { required: true, content: { 'application/json': { schema } } } } as const
}

/** The name of something in a path; that there is no such thing is said by whoever looks it up. */
export function pathName(example: string) {
  return z
    .string()
    .max(63)
    .openapi({ param: { name: 'name', in: 'path' }, example })
}

/** The database's own way of writing a moment, as ISO 8601 in UTC. */
export function isoTime(text: string): string {
  return new Date(text).toISOString()
}
