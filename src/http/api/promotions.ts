/** /api/promotions and /api/rollbacks: asking for a label to move, answering, and going back. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { hasRole, type VirtualKey } from '../../keys/key.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Policy } from '../../promotion/policy.ts'
import type { PromotionRow } from '../../promotion/requests/store.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, type Authenticator, requireRole } from '../auth.ts'
import { decisionSchema, namesOf, toDecision } from './decision-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import {
  answerBody,
  type Beside,
  listQuery,
  promotionSchema,
  requestBody,
  rollbackBody,
  shownSchema,
  toPromotion,
  toShown,
  withdrawBody,
} from './promotion-body.ts'
import type { Recorder } from './recorder.ts'
import { answer, conflictAnswer, errorAnswers, idParam, jsonBody, refuseInvalid } from './validation.ts'

export type PromotionsApiDeps = {
  db: Db
  clock: Clock
  record: Recorder
  keyring: Authenticator
  policyOf: (route: string, label: string) => Policy
  /** Takes a promotion as far as it goes by itself now. Never rejects: a worker's round goes on where it fails. */
  advance: (id: string) => Promise<unknown>
  /** Resolves when this gateway serves what was changed. */
  changed: () => Promise<void>
}

const writers = ['admin', 'engineer'] as const
const answerers = ['admin', 'engineer', 'approver'] as const
const MAX_LOOKS = 20
/** The key of whoever answers, once more: not what some shell or page happens to be signed in with. */
const CONFIRM_HEADER = 'x-aval-confirm-key'

const requestRoute = createRoute({
  method: 'post',
  path: '/promotions',
  middleware: requireRole(...writers),
  request: jsonBody(requestBody),
  responses: {
    201: answer('The promotion, as far as it went at once: its state and note say how far.', shownSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/promotions',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('Newest first.', pageOf(promotionSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/promotions/{id}',
  middleware: requireRole(...registryReaders),
  request: { params: idParam },
  responses: { 200: answer('The promotion with its verdict.', shownSchema), ...errorAnswers },
})
const answerRoute = (verb: 'approve' | 'reject') =>
  createRoute({
    method: 'post',
    path: `/promotions/{id}/${verb}` as '/promotions/{id}/approve',
    middleware: requireRole(...answerers),
    request: { params: idParam, ...jsonBody(answerBody) },
    responses: {
      200: answer('The promotion, as far as it went.', shownSchema),
      409: conflictAnswer,
      ...errorAnswers,
    },
  })
const approveRoute = answerRoute('approve')
const rejectRoute = answerRoute('reject')
const withdrawRoute = createRoute({
  method: 'post',
  path: '/promotions/{id}/withdraw',
  middleware: requireRole(...writers),
  request: { params: idParam, ...jsonBody(withdrawBody) },
  responses: { 200: answer('The promotion, ended.', shownSchema), 409: conflictAnswer, ...errorAnswers },
})
const rollbackRoute = createRoute({
  method: 'post',
  path: '/rollbacks',
  middleware: requireRole(...answerers),
  request: jsonBody(rollbackBody),
  responses: {
    201: answer('The decision; the label points where it says.', decisionSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Evidence and statistics are loaded with the first promotion: they would weigh on a gateway that makes none. */
const requesting = async () => await import('../../promotion/requests/request.ts')
const answering = async () => await import('../../promotion/requests/approve.ts')
const withdrawing = async () => await import('../../promotion/requests/withdraw.ts')
const rollingBack = async () => await import('../../promotion/rollback.ts')
const reading = async () => await import('../../promotion/requests/store.ts')

/** Routes under /api; authentication has already run. */
export function promotionsApi(deps: PromotionsApiDeps) {
  const { db, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(requestRoute, async (c) => {
      const { key } = c.var
      const { route, label, release, reason, break_glass: breakGlass } = c.req.valid('json')
      if (breakGlass && !hasRole(key, 'admin')) throw adminsOnly(key)
      await record.admin(key, {
        action: breakGlass ? 'promotion.break_glass' : 'promotion.request',
        target: `${route}@${label}`,
        purpose: reason,
        detail: { release },
      })
      const { requestPromotion } = await requesting()
      const wish = { route, label, to: release, reason, breakGlass }
      const { id } = await requestPromotion(deps, actorOf(key), deps.policyOf(route, label), wish)
      return c.json(await advanced(deps, key, id), 201)
    })
    .openapi(listRoute, async (c) => {
      const { route = null, live, limit, cursor: before = null } = c.req.valid('query')
      const { projectId } = c.var.key
      const { listPromotions } = await reading()
      const rows = await listPromotions(db, projectId, { route, live }, { before, limit: limit + 1 })
      const beside = await besideOf(db, projectId, rows.slice(0, limit))
      const { data, next_cursor } = pageFrom(rows, limit, {
        cursorOf: ({ id }) => id,
        toWire: (row) => toPromotion(row, beside),
      })
      return c.json({ data: await Promise.all(data), next_cursor }, 200)
    })
    .openapi(showRoute, async (c) => {
      return c.json(await shown(deps, c.var.key, c.req.valid('param').id), 200)
    })
    .openapi(approveRoute, async (c) => {
      demandSameKey(deps.keyring, c.var.key, c.req.header(CONFIRM_HEADER))
      const given = { id: c.req.valid('param').id, verb: 'approve', ...c.req.valid('json') } as const
      return c.json(await answered(deps, c.var.key, given), 200)
    })
    .openapi(rejectRoute, async (c) => {
      demandSameKey(deps.keyring, c.var.key, c.req.header(CONFIRM_HEADER))
      const given = { id: c.req.valid('param').id, verb: 'reject', ...c.req.valid('json') } as const
      return c.json(await answered(deps, c.var.key, given), 200)
    })
    .openapi(withdrawRoute, async (c) => {
      const { key } = c.var
      const { id } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      await record.admin(key, { action: 'promotion.withdraw', target: id, purpose: reason })
      const row = await getPromotion(db, key.projectId, id)
      const { withdrawPromotion } = await withdrawing()
      await withdrawPromotion(deps, { ...actorOf(key), isAdmin: hasRole(key, 'admin') }, row, reason)
      return c.json(await shown(deps, key, id), 200)
    })
    .openapi(rollbackRoute, async (c) => {
      const { key } = c.var
      const { route, label, release, reason } = c.req.valid('json')
      await record.admin(key, {
        action: 'label.roll_back',
        target: `${route}@${label}`,
        purpose: reason,
        detail: { release },
      })
      const { rollBack } = await rollingBack()
      const { decision } = await rollBack(deps, actorOf(key), { route, label, to: release, reason })
      await deps.changed()
      return c.json(await toDecision(decision, namesOf(db, key.projectId)), 201)
    })
}

async function answered(
  deps: PromotionsApiDeps,
  key: VirtualKey,
  given: { id: string; verb: 'approve' | 'reject'; evidence_hash: string; reason: string },
) {
  const { id, verb, evidence_hash: evidenceHash, reason } = given
  const row = await getPromotion(deps.db, key.projectId, id)
  await deps.record.admin(key, {
    action: `promotion.${verb}`,
    target: id,
    purpose: reason,
    detail: { evidence_hash: evidenceHash },
  })
  const { answerPromotion } = await answering()
  await answerPromotion(deps, actorOf(key), row, { answer: verb, reason, evidenceHash, roles: key.roles })
  return await advanced(deps, key, id)
}

async function advanced(deps: PromotionsApiDeps, key: VirtualKey, id: string) {
  await deps.advance(id)
  await deps.changed()
  return await shown(deps, key, id)
}

async function shown({ db }: PromotionsApiDeps, { projectId }: VirtualKey, id: string) {
  const row = await getPromotion(db, projectId, id)
  const { listLooks } = await import('../../promotion/canary/store.ts')
  return await toShown(row, await besideOf(db, projectId, [row]), await listLooks(db, id, MAX_LOOKS))
}

async function besideOf(db: Db, projectId: string, rows: readonly PromotionRow[]): Promise<Beside> {
  const ids = rows.map(({ id }) => id)
  const { listApprovals, listPromotionRuns } = await reading()
  return {
    name: namesOf(db, projectId),
    runs: await listPromotionRuns(db, ids),
    approvals: await listApprovals(db, ids),
  }
}

/** Throws RequestError not_found, for a promotion of another project too. */
async function getPromotion(db: Db, projectId: string, id: string): Promise<PromotionRow> {
  const { findPromotion } = await reading()
  const found = await findPromotion(db, projectId, id)
  if (found !== null) return found
  const message = `There is no promotion ${JSON.stringify(id.slice(0, 60))}. aval promotion list shows what there is.`
  throw new RequestError('not_found', message, { param: 'id' })
}

/** Throws RequestError permission_denied unless the same key is sent once more. */
function demandSameKey(keyring: Authenticator, key: VirtualKey, token: string | undefined): void {
  if (token !== undefined && keyring.authenticate(`Bearer ${token}`)?.id === key.id) return
  const message = `Answering a promotion takes the key once more: send ${key.id} in the header ${CONFIRM_HEADER} too. aval approve asks for it.`
  throw new RequestError('permission_denied', message)
}

function adminsOnly({ id, roles }: VirtualKey): RequestError {
  const message = `Breaking the glass takes two keys with the role admin; key ${id} has ${roles.join(', ')}.`
  return new RequestError('permission_denied', message)
}
