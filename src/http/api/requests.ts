/** /api/requests: reads the request log. For auditors and admins, of their own project alone; writes nothing. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { RequestDetail } from '../../audit/privacy/read-bodies.ts'
import { OUTCOMES } from '../../audit/record.ts'
import type { SearchPage } from '../../audit/search.ts'
import type { RequestFilter, RequestScope } from '../../audit/store.ts'
import { bodyToWire, rowToWire } from '../../audit/wire-row.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageOf, pageToWire } from './page.ts'
import type { Recorder } from './recorder.ts'
import { type Pseudonymizer, scopeOf, subjectOf } from './scope.ts'
import {
  answer,
  errorAnswers,
  idParam,
  instantText,
  limitText,
  purposeText,
  refuseInvalid,
  strictShape,
  toRange,
  written,
} from './validation.ts'

export type RequestsApiDeps = {
  clock: Clock
  record: Recorder
  pseudonym: Pseudonymizer
  listRequests(filter: RequestFilter & { text?: string | undefined }): Promise<SearchPage>
  countRequests(filter: RequestFilter): Promise<number>
  /** Null when the project has no such request. */
  findRequest(scope: RequestScope, id: string): Promise<RequestDetail | null>
}

const rowShape = {
  id: z.string(),
  key_id: z.string().nullable(),
  key_name: z.string().nullable(),
  method: z.string(),
  path: z.string(),
  operation: z.string(),
  requested_model: z.string().nullable(),
  route: z.string().nullable(),
  upstream: z.string().nullable(),
  model: z.string().nullable(),
  stream: z.boolean(),
  outcome: z.string(),
  status: z.number(),
  error_code: z.string().nullable(),
  finish_reason: z.string().nullable(),
  started_at: z.string(),
  duration_ms: z.number(),
  ttft_ms: z.number().nullable(),
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
  cached_input_tokens: z.number().nullable(),
  reasoning_tokens: z.number().nullable(),
  attempts: z.array(z.record(z.string(), z.unknown())),
  client_request_id: z.string().nullable(),
  subject: z.string().nullable(),
  request_bytes: z.number(),
  response_bytes: z.number(),
  truncated: z.boolean(),
  occurrences: z.number(),
  /** The request that this one sent again. */
  replay_of: z.string().nullable(),
  /** The request that this one mirrored to a candidate release. */
  shadow_of: z.string().nullable(),
  /** Of a request to a release: which, and its prompt version. */
  release_id: z.string().nullable(),
  prompt: z.string().nullable(),
  /** Unknown is null, never 0. */
  cost_micro_usd: z.number().nullable(),
  price: z.string().nullable(),
  /** Of a request whose release has an index: which, and what it gave. */
  index: z.string().nullable(),
  retrieval: z
    .object({
      contexts: z.array(
        z.object({
          chunk: z.number(),
          document: z.string(),
          hash: z.string(),
          score: z.number(),
          cosine: z.number().nullable(),
        }),
      ),
      without: z.enum(['vectors', 'words']).nullable(),
      duration_ms: z.number(),
    })
    .nullable(),
}
const rowSchema = z.object(rowShape).openapi('Request')
const body = z.string().nullable()
/** How many values of each kind were taken out of a body before it was kept; null for none. */
const redacted = z.record(z.string(), z.number()).nullable()
const detailSchema = z
  .object({
    ...rowShape,
    request_body: body,
    request_body_encoding: z.enum(['utf8', 'base64']),
    request_redacted: redacted,
    response_body: body,
    response_body_encoding: z.enum(['utf8', 'base64']),
    response_redacted: redacted,
    body_state: z.enum(['kept', 'erased', 'unreadable']),
  })
  .openapi('RequestDetail')

const name = z.string().min(1).max(300).optional()
/** What rows can be chosen by. */
export const requestFilters = {
  since: instantText.optional(),
  until: instantText.optional(),
  key: name,
  key_owner: name,
  model: name,
  route: name,
  /** The OpenAI `user` as apps send it, or the pseudonym that rows show. */
  subject: name,
  status: z
    .string()
    .regex(/^[1-5](?:\d\d|xx)$/, 'Write a status such as 429, or a class such as 5xx.')
    .optional(),
  outcome: z.enum(OUTCOMES).optional(),
  /** What was sent again for this request. */
  replay_of: z
    .string()
    .regex(/^req_[0-9a-hjkmnp-tv-z]{26}$/, 'Write the id of a request: req_ and 26 letters.')
    .optional(),
  /** What a shadow made of this request; and whether calls of shadows are wanted alone, or left out. */
  shadow_of: z
    .string()
    .regex(/^req_[0-9a-hjkmnp-tv-z]{26}$/, 'Write the id of a request: req_ and 26 letters.')
    .optional(),
  shadow: z.enum(['true', 'false']).optional(),
  /** Served by this release. */
  release: z
    .string()
    .regex(/^rel_[0-9a-hjkmnp-tv-z]{26}$/, 'Write the id of a release: rel_ and 26 letters.')
    .optional(),
  /** Whose release pins this index: one version of it, or any. */
  index: z
    .string()
    .regex(/^[a-z0-9-]{1,63}(?:@[1-9]\d{0,8})?$/, 'Write the name of an index, or a version: handbook@5.')
    .optional(),
  /** Of this upstream, also when another one answered after it failed. */
  upstream: name,
  /** `true`: every outcome but completed. */
  failed: z.enum(['true', 'false']).optional(),
  stream: z.enum(['true', 'false']).optional(),
}
const listQuery = strictShape('filter', {
  ...requestFilters,
  text: z.string().min(2).max(500).optional(),
  purpose: purposeText,
  limit: limitText,
  cursor: z.string().max(400).optional(),
})
const countQuery = strictShape('filter', requestFilters)
const showQuery = strictShape('filter', { purpose: purposeText })

const listRequestsRoute = createRoute({
  method: 'get',
  path: '/requests',
  middleware: requireRole('auditor', 'admin'),
  request: { query: listQuery },
  responses: {
    200: answer('Requests of this project, newest first.', pageOf(rowSchema)),
    ...errorAnswers,
  },
})
const countRequestsRoute = createRoute({
  method: 'get',
  path: '/requests/count',
  middleware: requireRole('auditor', 'admin'),
  request: { query: countQuery },
  responses: {
    200: answer('How many requests match.', z.object({ count: z.number() })),
    ...errorAnswers,
  },
})
const getRequestRoute = createRoute({
  method: 'get',
  path: '/requests/{id}',
  middleware: requireRole('auditor', 'admin'),
  request: {
    query: showQuery,
    params: idParam,
  },
  responses: {
    200: answer('The request with its bodies and every attempt.', detailSchema),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function requestsApi(deps: RequestsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(listRequestsRoute, async (c) => {
      const query = c.req.valid('query')
      const { purpose, ...filters } = query
      const filter = toFilter(deps, c.var.key.projectId, filters)
      const page = await deps.listRequests(filter)
      const detail = {
        filters: withPseudonym(filters, filter),
        rows: page.rows.length,
        searched: page.scanned,
      }
      await deps.record.access(c.var.key, { action: 'requests.list', purpose, detail })
      return c.json(pageToWire(page, rowToWire), 200)
    })
    .openapi(countRequestsRoute, async (c) => {
      const filters = c.req.valid('query')
      const filter = toFilter(deps, c.var.key.projectId, filters)
      const count = await deps.countRequests(filter)
      const detail = { filters: withPseudonym(filters, filter), count }
      await deps.record.access(c.var.key, { action: 'requests.count', detail })
      return c.json({ count }, 200)
    })
    .openapi(getRequestRoute, async (c) => {
      const { id } = c.req.valid('param')
      const found = await deps.findRequest(scopeOf(c.var.key.projectId), id)
      if (found === null) {
        throw new RequestError(
          'not_found',
          `This project's log has no request "${id}". A new one takes about a second to arrive.`,
        )
      }
      await deps.record.access(c.var.key, {
        action: 'requests.show',
        target: found.id,
        purpose: c.req.valid('query').purpose,
        detail: { bodies: found.bodyState },
      })
      const [request, response] = [bodyToWire(found.requestBody), bodyToWire(found.responseBody)]
      return c.json(
        {
          ...rowToWire(found),
          request_body: request.text,
          request_body_encoding: request.encoding,
          request_redacted: found.requestRedacted,
          response_body: response.text,
          response_body_encoding: response.encoding,
          response_redacted: found.responseRedacted,
          body_state: found.bodyState,
        },
        200,
      )
    })
}

/** What an app calls its user never comes on the log in clear, or an erasure would leave it there. */
function withPseudonym(filters: Readonly<Record<string, unknown>>, { subject }: RequestFilter) {
  return written({ ...filters, subject })
}

/** Filters as the store takes them: times absolute, subjects as pseudonyms. Throws RequestError for a span backwards. */
export function toFilter(
  { clock, pseudonym }: Pick<RequestsApiDeps, 'clock' | 'pseudonym'>,
  projectId: string,
  query: Partial<Omit<z.infer<typeof listQuery>, 'purpose'>>,
): RequestFilter & { text?: string | undefined } {
  const nowMs = clock.nowMs()
  return {
    scope: scopeOf(projectId),
    ...toRange(query, nowMs),
    keyId: query.key,
    keyName: query.key_owner,
    model: query.model,
    route: query.route,
    replayOf: query.replay_of,
    shadowOf: query.shadow_of,
    shadow: flag(query.shadow),
    releaseId: query.release,
    index: query.index,
    subject: query.subject === undefined ? undefined : subjectOf(query.subject, projectId, pseudonym),
    status: query.status === undefined ? undefined : statusRange(query.status),
    outcome: query.outcome,
    stream: flag(query.stream),
    upstream: query.upstream,
    failed: flag(query.failed),
    text: query.text,
    limit: query.limit,
    cursor: query.cursor,
  }
}

function flag(text: 'true' | 'false' | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true'
}

/** `429` is itself, `5xx` is 500 to 599. */
function statusRange(text: string): { from: number; to: number } {
  return { from: Number(text.replace('xx', '00')), to: Number(text.replace('xx', '99')) }
}
