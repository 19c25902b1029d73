/** /api/labels and /api/decisions: where labels point, the one way to move them, and why they were moved. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Policy } from '../../promotion/policy.ts'
import { moveLabel } from '../../promotion/promote.ts'
import { listDecisions } from '../../promotion/store.ts'
import { listLabels } from '../../registry/releases/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { canaryOf, decisionSchema, namesOf, toDecision } from './decision-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import { type ReleasesApiDeps, releaseText, routeName } from './releases.ts'
import { answer, errorAnswers, jsonBody, limitText, refuseInvalid, strictShape } from './validation.ts'

const labelSchema = z
  .object({
    route: z.string(),
    label: z.string(),
    release: z.string(),
    canary: z.object({ release: z.string(), percent: z.number() }).nullable(),
    decision: z.string(),
    moved_at: z.string(),
  })
  .openapi('Label')
const moveBody = strictShape('field', {
  release: releaseText,
  canary: strictShape('field', { release: releaseText, percent: z.number().min(0.01).max(99.99) })
    .nullable()
    .default(null),
  /** What the caller believes the label serves: r12, or "none". Another answer is a conflict, and nothing moves. */
  expected: z
    .union([z.literal('none'), releaseText])
    .nullable()
    .default(null),
  reason: z.string().trim().min(1).max(2000),
})
const labelQuery = strictShape('filter', { route: routeName.optional() })
const decisionQuery = strictShape('filter', {
  route: routeName.optional(),
  limit: limitText,
  cursor: z.string().max(200).optional(),
})
const labelParams = z.object({ route: routeName, label: routeName })

const listLabelsRoute = createRoute({
  method: 'get',
  path: '/labels',
  middleware: requireRole(...registryReaders),
  request: { query: labelQuery },
  responses: { 200: answer('By route.', z.object({ data: z.array(labelSchema) })), ...errorAnswers },
})
const moveLabelRoute = createRoute({
  method: 'put',
  path: '/labels/{route}/{label}',
  middleware: requireRole('admin'),
  request: { params: labelParams, ...jsonBody(moveBody) },
  responses: {
    200: answer('The decision; the label points where it says.', decisionSchema),
    ...errorAnswers,
  },
})
const listDecisionsRoute = createRoute({
  method: 'get',
  path: '/decisions',
  middleware: requireRole(...registryReaders),
  request: { query: decisionQuery },
  responses: {
    200: answer('Newest first.', pageOf(decisionSchema)),
    ...errorAnswers,
  },
})

const MAX_LABELS = 10_000

export type LabelsApiDeps = ReleasesApiDeps & { policyOf: (route: string, label: string) => Policy }

/** Routes under /api; authentication has already run. */
export function labelsApi(deps: LabelsApiDeps) {
  const { db, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(listLabelsRoute, async (c) => {
      const { projectId } = c.var.key
      const { route } = c.req.valid('query')
      const rows = await listLabels(db, projectId, { route: route ?? null, limit: MAX_LABELS })
      const name = namesOf(db, projectId)
      const data = await Promise.all(
        rows.map(async (row) => ({
          route: row.route,
          label: row.label,
          release: await name(row.releaseId),
          canary: await canaryOf(row, name),
          decision: row.decisionId,
          moved_at: row.movedAt.toISOString(),
        })),
      )
      return c.json({ data }, 200)
    })
    .openapi(moveLabelRoute, async (c) => {
      const { route, label } = c.req.valid('param')
      const { release, canary, expected, reason } = c.req.valid('json')
      const { key } = c.var
      await record.admin(key, {
        action: 'label.set',
        target: `${route}@${label}`,
        purpose: reason,
        detail: { release, canary, expected },
      })
      const moved = await moveLabel(deps, actorOf(key), deps.policyOf(route, label), {
        route,
        label,
        to: release,
        canary:
          canary === null ? null : { release: canary.release, weight: Math.round(canary.percent * 100) },
        expected: expected === 'none' ? 0 : expected,
        reason,
      })
      await deps.changed()
      return c.json(await toDecision(moved.decision, namesOf(db, key.projectId)), 200)
    })
    .openapi(listDecisionsRoute, async (c) => {
      const { route, limit, cursor } = c.req.valid('query')
      const { projectId } = c.var.key
      const page = { route: route ?? null, before: cursor ?? null, limit: limit + 1 }
      const rows = await listDecisions(db, projectId, page)
      const name = namesOf(db, projectId)
      const { data, next_cursor } = pageFrom(rows, limit, {
        cursorOf: ({ id }) => id,
        toWire: (row) => toDecision(row, name),
      })
      return c.json({ data: await Promise.all(data), next_cursor }, 200)
    })
}
