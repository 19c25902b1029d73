/** /api/erasures: one person asks, another approves, and a subject's bodies are gone for good. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { approveErasure, listErasures, rejectErasure, requestErasure } from '../../audit/erasure/erasures.ts'
import type { ExecuteDeps } from '../../audit/erasure/execute.ts'
import { ERASURE_STATES, type ErasureRow, type ErasureState } from '../../audit/erasure/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageOf, pageQuery, pageToWire } from './page.ts'
import type { Recorder } from './recorder.ts'
import { type Pseudonymizer, subjectOf } from './scope.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  idParam,
  jsonBody,
  refuseInvalid,
  strictShape,
} from './validation.ts'

export type ErasuresApiDeps = ExecuteDeps & { record: Recorder; pseudonym: Pseudonymizer }

const erasureShape = {
  id: z.string(),
  subject: z.string(),
  reason: z.string(),
  state: z.enum(ERASURE_STATES),
  requested_by: z.string(),
  requested_by_name: z.string(),
  requested_at: z.string(),
  expires_at: z.string(),
  approved_by: z.string().nullable(),
  approved_by_name: z.string().nullable(),
  rejected_by: z.string().nullable(),
  decided_at: z.string().nullable(),
  executed_at: z.string().nullable(),
  rows_erased: z.number().nullable(),
}
const erasureSchema = z.object(erasureShape).openapi('Erasure')
const newErasureBody = strictShape('field', {
  /** The OpenAI `user` as apps send it, or the pseudonym that rows show. */
  subject: z.string().min(1).max(300),
  reason: z.string().trim().min(3).max(500),
})

const createErasureRoute = createRoute({
  method: 'post',
  path: '/erasures',
  middleware: requireRole('admin'),
  request: jsonBody(newErasureBody),
  responses: {
    201: answer(
      'The request, and how much the subject has now.',
      z.object({ ...erasureShape, rows: z.number(), data_keys: z.number() }),
    ),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listErasuresRoute = createRoute({
  method: 'get',
  path: '/erasures',
  middleware: requireRole('admin', 'approver', 'auditor'),
  request: { query: pageQuery },
  responses: {
    200: answer('Erasures of this project, newest first.', pageOf(erasureSchema)),
    ...errorAnswers,
  },
})
const approveErasureRoute = createRoute({
  method: 'post',
  path: '/erasures/{id}/approve',
  middleware: requireRole('admin', 'approver'),
  request: { params: idParam },
  responses: {
    200: answer('The erasure; `executing` while the last bodies go.', erasureSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const rejectErasureRoute = createRoute({
  method: 'post',
  path: '/erasures/{id}/reject',
  middleware: requireRole('admin', 'approver'),
  request: { params: idParam },
  responses: {
    200: answer('The erasure, rejected.', erasureSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function erasuresApi(deps: ErasuresApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createErasureRoute, async (c) => {
      const { key } = c.var
      const { subject: named, reason } = c.req.valid('json')
      const subject = subjectOf(named, key.projectId, deps.pseudonym)
      await deps.record.admin(key, { action: 'erasure.request', target: subject, purpose: reason })
      const { erasure, rows, dataKeys } = await requestErasure(deps, actorOf(key), { subject, reason })
      return c.json({ ...toWire(erasure), rows, data_keys: dataKeys }, 201)
    })
    .openapi(listErasuresRoute, async (c) => {
      const { limit, cursor } = c.req.valid('query')
      const { projectId } = c.var.key
      const page = await listErasures(deps, { projectId, cursor: cursor ?? null, limit })
      return c.json(pageToWire(page, toWire), 200)
    })
    .openapi(approveErasureRoute, async (c) => {
      const { id } = c.req.valid('param')
      await deps.record.admin(c.var.key, { action: 'erasure.approve', target: id })
      return c.json(toWire(await approveErasure(deps, actorOf(c.var.key), id)), 200)
    })
    .openapi(rejectErasureRoute, async (c) => {
      const { id } = c.req.valid('param')
      await deps.record.admin(c.var.key, { action: 'erasure.reject', target: id })
      return c.json(toWire(await rejectErasure(deps, actorOf(c.var.key), id)), 200)
    })
}

function toWire(row: ErasureRow): z.infer<typeof erasureSchema> {
  return {
    id: row.id,
    subject: row.subject,
    reason: row.reason,
    // The table's CHECK holds the states.
    state: row.state as ErasureState,
    requested_by: row.requestedBy,
    requested_by_name: row.requestedByName,
    requested_at: row.requestedAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    approved_by: row.approvedBy,
    approved_by_name: row.approvedByName,
    rejected_by: row.rejectedBy,
    decided_at: row.decidedAt?.toISOString() ?? null,
    executed_at: row.executedAt?.toISOString() ?? null,
    rows_erased: row.rowsErased,
  }
}
