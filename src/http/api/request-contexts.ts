/** /api/requests/{id}/contexts: the passages that a release's index gave for a logged request, as texts. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { RequestDetail } from '../../audit/privacy/read-bodies.ts'
import type { RequestScope } from '../../audit/store.ts'
import { RequestError } from '../../errors.ts'
import type { RecalledContexts } from '../../gateway/recall-contexts.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import type { Recorder } from './recorder.ts'
import { scopeOf } from './scope.ts'
import { answer, errorAnswers, idParam, purposeText, refuseInvalid, strictShape } from './validation.ts'

export type RequestContextsDeps = {
  record: Recorder
  /** Null when the project has no such request. */
  findRequest(scope: RequestScope, id: string): Promise<RequestDetail | null>
  contextsOf(request: RequestDetail): Promise<RecalledContexts>
}

const contextsSchema = z
  .object({
    id: z.string(),
    state: z.enum(['shown', 'none', 'gone']),
    contexts: z.array(z.object({ number: z.number(), text: z.string() })),
  })
  .openapi('RequestContexts')

const contextsRoute = createRoute({
  method: 'get',
  path: '/requests/{id}/contexts',
  middleware: requireRole('auditor', 'admin'),
  request: { params: idParam, query: strictShape('filter', { purpose: purposeText }) },
  responses: {
    200: answer(
      'The passages in the order of the prompt; none for a request that searched no index.',
      contextsSchema,
    ),
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function requestContextsApi(deps: RequestContextsDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid }).openapi(contextsRoute, async (c) => {
    const { id } = c.req.valid('param')
    const found = await deps.findRequest(scopeOf(c.var.key.projectId), id)
    if (found === null) throw new RequestError('not_found', `This project's log has no request "${id}".`)
    const contexts = await deps.contextsOf(found)
    const { purpose } = c.req.valid('query')
    await deps.record.access(c.var.key, { action: 'requests.contexts', target: found.id, purpose })
    if (contexts === 'gone') return c.json({ id: found.id, state: 'gone' as const, contexts: [] }, 200)
    const shown = (contexts ?? []).map(({ number, text }) => ({ number, text }))
    return c.json(
      { id: found.id, state: contexts === null ? ('none' as const) : ('shown' as const), contexts: shown },
      200,
    )
  })
}
