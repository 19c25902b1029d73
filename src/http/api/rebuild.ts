/** /api/requests/{id}/rebuild: the exact bytes that an attempt sent upstream, made again and compared by digest. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { RequestDetail } from '../../audit/privacy/read-bodies.ts'
import type { AttemptRecord } from '../../audit/record.ts'
import type { RequestScope } from '../../audit/store.ts'
import { RequestError } from '../../errors.ts'
import type { Rebuilt } from '../../gateway/rebuild.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { scopeOf } from './scope.ts'
import { answer, errorAnswers, idParam, purposeText, refuseInvalid, strictShape } from './validation.ts'

export type RebuildApiDeps = {
  record: Recorder
  /** Null when the project has no such request. */
  findRequest(scope: RequestScope, id: string): Promise<RequestDetail | null>
  rebuild(request: RequestDetail, attempt: AttemptRecord): Promise<Rebuilt>
}

const rebuiltSchema = z
  .object({
    id: z.string(),
    /** 1 is the first. */
    attempt: z.number(),
    upstream: z.string(),
    model: z.string(),
    state: z.enum(['equal', 'differs', 'not_rebuilt']),
    reason: z.string().nullable(),
    sent_digest: z.string().nullable(),
    rebuilt_digest: z.string().nullable(),
    body: z.string().nullable(),
  })
  .openapi('Rebuilt')
const rebuildQuery = strictShape('filter', {
  /** Which attempt; the last when not given. */
  attempt: z.coerce.number({ error: 'Write a whole number from 1.' }).int().min(1).max(1000).optional(),
  purpose: purposeText,
})

const rebuildRoute = createRoute({
  method: 'get',
  path: '/requests/{id}/rebuild',
  middleware: requireRole('auditor', 'admin'),
  request: { params: idParam, query: rebuildQuery },
  responses: {
    200: answer('What was sent, and whether the digest is equal.', rebuiltSchema),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function rebuildApi(deps: RebuildApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(rebuildRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { attempt: wanted, purpose } = c.req.valid('query')
    const found = await deps.findRequest(scopeOf(c.var.key.projectId), id)
    if (found === null) throw new RequestError('not_found', `This project's log has no request "${id}".`)
    const number = wanted ?? found.attempts.length
    const attempt = found.attempts[number - 1]
    if (attempt === undefined) {
      const message = `${found.id} has ${found.attempts.length} attempts: ${found.attempts.length === 0 ? 'nothing went upstream.' : `there is no number ${number}.`}`
      throw new RequestError('not_found', message, { param: 'attempt' })
    }
    const rebuilt = await deps.rebuild(found, attempt)
    const detail = { attempt: number, state: rebuilt.state, bodies: found.bodyState }
    await deps.record.access(c.var.key, { action: 'requests.rebuild', target: found.id, purpose, detail })
    return c.json(
      {
        id: found.id,
        attempt: number,
        upstream: attempt.upstream,
        model: attempt.model,
        state: rebuilt.state,
        reason: reasonOf(found, rebuilt),
        sent_digest: rebuilt.sentDigest,
        rebuilt_digest: rebuilt.rebuiltDigest,
        // A request is UTF-8, or it would have been refused before anything was sent.
        body: rebuilt.bytes === null ? null : rebuilt.bytes.toString('utf8'),
      },
      200,
    )
  })
}

function reasonOf({ bodyState }: RequestDetail, { reason, state }: Rebuilt): string | null {
  if (state === 'equal' || bodyState === 'kept') return reason
  return bodyState === 'erased' ? 'Its bodies were erased.' : 'Its bodies do not open.'
}
