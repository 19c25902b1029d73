/** /api/holds: keeps a subject, or a whole project, from being erased until another person lets go. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type HoldDeps, listHolds, placeHold, releaseHold } from '../../audit/erasure/holds.ts'
import type { HoldRow } from '../../audit/erasure/store.ts'
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

export type HoldsApiDeps = HoldDeps & { record: Recorder; pseudonym: Pseudonymizer }

const holdSchema = z
  .object({
    id: z.string(),
    /** Null holds the whole project. */
    subject: z.string().nullable(),
    reason: z.string(),
    placed_by: z.string(),
    placed_by_name: z.string(),
    placed_at: z.string(),
    released_by: z.string().nullable(),
    released_by_name: z.string().nullable(),
    released_at: z.string().nullable(),
    release_reason: z.string().nullable(),
  })
  .openapi('Hold')
const reasonText = z.string().trim().min(3).max(500)
const newHoldBody = strictShape('field', {
  /** The OpenAI `user`, or its pseudonym. Null, to be written out, holds the whole project. */
  subject: z.string().min(1).max(300).nullable(),
  reason: reasonText,
})
const releaseBody = strictShape('field', { reason: reasonText })

const createHoldRoute = createRoute({
  method: 'post',
  path: '/holds',
  middleware: requireRole('admin'),
  request: jsonBody(newHoldBody),
  responses: { 201: answer('The hold.', holdSchema), 409: conflictAnswer, ...errorAnswers },
})
const listHoldsRoute = createRoute({
  method: 'get',
  path: '/holds',
  middleware: requireRole('admin', 'approver', 'auditor'),
  request: { query: pageQuery },
  responses: {
    200: answer('Holds of this project, newest first, released ones included.', pageOf(holdSchema)),
    ...errorAnswers,
  },
})
const releaseHoldRoute = createRoute({
  method: 'post',
  path: '/holds/{id}/release',
  middleware: requireRole('admin'),
  request: { params: idParam, ...jsonBody(releaseBody) },
  responses: { 200: answer('The hold, released.', holdSchema), 409: conflictAnswer, ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function holdsApi(deps: HoldsApiDeps) {
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createHoldRoute, async (c) => {
      const { key } = c.var
      const { subject: named, reason } = c.req.valid('json')
      const subject = named === null ? null : subjectOf(named, key.projectId, deps.pseudonym)
      await deps.record.admin(key, { action: 'hold.place', target: subject, purpose: reason })
      return c.json(toWire(await placeHold(deps, actorOf(key), { subject, reason })), 201)
    })
    .openapi(listHoldsRoute, async (c) => {
      const { limit, cursor } = c.req.valid('query')
      const { projectId } = c.var.key
      const page = await listHolds(deps.db, { projectId, cursor: cursor ?? null, limit })
      return c.json(pageToWire(page, toWire), 200)
    })
    .openapi(releaseHoldRoute, async (c) => {
      const { id } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      await deps.record.admin(c.var.key, { action: 'hold.release', target: id, purpose: reason })
      return c.json(toWire(await releaseHold(deps, actorOf(c.var.key), { id, reason })), 200)
    })
}

function toWire(row: HoldRow): z.infer<typeof holdSchema> {
  return {
    id: row.id,
    subject: row.subject,
    reason: row.reason,
    placed_by: row.placedBy,
    placed_by_name: row.placedByName,
    placed_at: row.placedAt.toISOString(),
    released_by: row.releasedBy,
    released_by_name: row.releasedByName,
    released_at: row.releasedAt?.toISOString() ?? null,
    release_reason: row.releaseReason,
  }
}
