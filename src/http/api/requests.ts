/** /api/requests: reads the request log. For auditors and admins, of their own project alone; writes nothing. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { OUTCOMES } from '../../audit/record.ts'
import type {
  RequestDetail,
  RequestFilter,
  RequestPage,
  RequestRow,
  RequestScope,
} from '../../audit/store.ts'
import { RequestError } from '../../errors.ts'
import { DEFAULT_PROJECT, projectIdOf } from '../../keys/project.ts'
import type { Clock } from '../../lib/clock.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  answer,
  errorAnswers,
  instantText,
  limitText,
  refuseInvalid,
  strictShape,
  toInstant,
} from './validation.ts'

export type RequestsApiDeps = {
  clock: Clock
  listRequests(filter: RequestFilter): Promise<RequestPage>
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
  end_user: z.string().nullable(),
  request_bytes: z.number(),
  response_bytes: z.number(),
  truncated: z.boolean(),
  occurrences: z.number(),
}
const rowSchema = z.object(rowShape).openapi('Request')
const body = z.string().nullable()
const detailSchema = z
  .object({
    ...rowShape,
    request_body: body,
    request_body_encoding: z.enum(['utf8', 'base64']),
    response_body: body,
    response_body_encoding: z.enum(['utf8', 'base64']),
  })
  .openapi('RequestDetail')

const name = z.string().min(1).max(300).optional()
const filters = {
  since: instantText.optional(),
  until: instantText.optional(),
  key: name,
  key_owner: name,
  model: name,
  route: name,
  status: z
    .string()
    .regex(/^[1-5](?:\d\d|xx)$/, 'Write a status such as 429, or a class such as 5xx.')
    .optional(),
  outcome: z.enum(OUTCOMES).optional(),
  stream: z.enum(['true', 'false']).optional(),
}
const listQuery = strictShape('filter', {
  ...filters,
  text: z.string().min(2).max(500).optional(),
  limit: limitText,
  cursor: z.string().max(400).optional(),
})
const countQuery = strictShape('filter', filters)

const listRequestsRoute = createRoute({
  method: 'get',
  path: '/requests',
  middleware: requireRole('auditor', 'admin'),
  request: { query: listQuery },
  responses: {
    200: answer(
      'Requests of this project, newest first.',
      z.object({ data: z.array(rowSchema), next_cursor: z.string().nullable() }),
    ),
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
    params: z.object({
      id: z
        .string()
        .max(200)
        .openapi({ param: { name: 'id', in: 'path' } }),
    }),
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
      const page = await deps.listRequests(toFilter(c.var.key.projectId, query, deps.clock.nowMs()))
      return c.json({ data: page.rows.map(rowToWire), next_cursor: page.nextCursor }, 200)
    })
    .openapi(countRequestsRoute, async (c) => {
      const filter = toFilter(c.var.key.projectId, c.req.valid('query'), deps.clock.nowMs())
      return c.json({ count: await deps.countRequests(filter) }, 200)
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
      const [request, response] = [bodyToWire(found.requestBody), bodyToWire(found.responseBody)]
      return c.json(
        {
          ...rowToWire(found),
          request_body: request.text,
          request_body_encoding: request.encoding,
          response_body: response.text,
          response_body_encoding: response.encoding,
        },
        200,
      )
    })
}

function toFilter(
  projectId: string,
  query: Partial<z.infer<typeof listQuery>>,
  nowMs: number,
): RequestFilter {
  const since = toInstant(query.since, nowMs)
  const until = toInstant(query.until, nowMs)
  if (since !== null && until !== null && since > until) {
    throw new RequestError('invalid_value', 'since is later than until, so nothing can match. Swap them.', {
      param: 'since',
    })
  }
  return {
    scope: scopeOf(projectId),
    sinceMs: since?.getTime(),
    untilMs: until?.getTime(),
    keyId: query.key,
    keyName: query.key_owner,
    model: query.model,
    route: query.route,
    status: query.status === undefined ? undefined : statusRange(query.status),
    outcome: query.outcome,
    stream: query.stream === undefined ? undefined : query.stream === 'true',
    text: query.text,
    limit: query.limit,
    cursor: query.cursor,
  }
}

/** Requests without a key belong to nobody; whoever audits the default project sees them. */
function scopeOf(projectId: string): RequestScope {
  return { projectId, unowned: projectId === projectIdOf(DEFAULT_PROJECT) }
}

/** `429` is itself, `5xx` is 500 to 599. */
function statusRange(text: string): { from: number; to: number } {
  return { from: Number(text.replace('xx', '00')), to: Number(text.replace('xx', '99')) }
}

function rowToWire(row: RequestRow): z.infer<typeof rowSchema> {
  return {
    id: row.id,
    key_id: row.keyId,
    key_name: row.keyName,
    method: row.method,
    path: row.path,
    operation: row.operation,
    requested_model: row.requestedModel,
    route: row.route,
    upstream: row.upstream,
    model: row.model,
    stream: row.stream,
    outcome: row.outcome,
    status: row.status,
    error_code: row.errorCode,
    finish_reason: row.finishReason,
    started_at: row.startedAt.toISOString(),
    duration_ms: row.durationMs,
    ttft_ms: row.ttftMs,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cached_input_tokens: row.cachedInputTokens,
    reasoning_tokens: row.reasoningTokens,
    attempts: row.attempts.map(attemptToWire),
    client_request_id: row.clientRequestId,
    end_user: row.endUser,
    request_bytes: row.requestBytes,
    response_bytes: row.responseBytes,
    truncated: row.truncated,
    occurrences: row.occurrences,
  }
}

/** Attempts are stored as the gateway recorded them; the wire is snake_case. */
function attemptToWire(attempt: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attempt).map(([field, value]) => [
      field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  )
}

function bodyToWire(kept: string | Buffer | null): { text: string | null; encoding: 'utf8' | 'base64' } {
  if (Buffer.isBuffer(kept)) return { text: kept.toString('base64'), encoding: 'base64' }
  return { text: kept, encoding: 'utf8' }
}
