/** /api/online-scores: orders to judge a sample of live answers, how far each is, what it found, and its end. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import { type OrderContent, parseOrder } from '../../evals/online/order-content.ts'
import { findOrder, listOrders, type OrderRow, stopOrder } from '../../evals/online/order-rows.ts'
import { countOnlineScores, readOnlineScores } from '../../evals/online/score-rows.ts'
import { rulesHash } from '../../evals/runs/calibration.ts'
import { toScorer } from '../../evals/suites/suite.ts'
import type { Clock } from '../../lib/clock.ts'
import { parseUsd } from '../../lib/money.ts'
import { findPromotionOfOrder } from '../../promotion/requests/store.ts'
import type { Ring } from '../../queue/jobs.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  orderBody,
  orderQuery,
  orderSchema,
  orderScoresSchema,
  toOrder,
  toOrderScores,
  toValue,
  valueSchema,
  valuesQuery,
} from './online-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  idParam,
  jsonBody,
  refuseInvalid,
  toRange,
} from './validation.ts'

export type OnlineScoresApiDeps = { sql: Sql; db: Db; clock: Clock; record: Recorder; ring: Ring }

const writers = ['admin', 'engineer'] as const
const createOrderRoute = createRoute({
  method: 'post',
  path: '/online-scores',
  middleware: requireRole(...writers),
  request: jsonBody(orderBody),
  responses: {
    201: answer('The order. A worker looks at the traffic about once a minute.', orderSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/online-scores',
  middleware: requireRole(...registryReaders),
  request: { query: orderQuery },
  responses: { 200: answer('Orders, newest first.', pageOf(orderSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/online-scores/{id}',
  middleware: requireRole(...registryReaders),
  request: { params: idParam },
  responses: {
    200: answer('The order, and what is known of each release by each scorer.', orderScoresSchema),
    ...errorAnswers,
  },
})
const valuesRoute = createRoute({
  method: 'get',
  path: '/online-scores/{id}/values',
  middleware: requireRole(...registryReaders),
  request: { params: idParam, query: valuesQuery },
  responses: {
    200: answer(
      'The newest values of one release by one scorer, in the order in which the requests began. The read is recorded.',
      z.object({ data: z.array(valueSchema) }),
    ),
    ...errorAnswers,
  },
})
const stopRoute = createRoute({
  method: 'post',
  path: '/online-scores/{id}/stop',
  middleware: requireRole(...writers),
  request: { params: idParam },
  responses: {
    200: answer(
      'The order; what it has stays. One by which a canary is judged ends with the canary.',
      orderSchema,
    ),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function onlineScoresApi(deps: OnlineScoresApiDeps) {
  const { sql, clock } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createOrderRoute, async (c) => {
      const { key } = c.var
      const { scorers, releases, since, for: forMs, budget_usd, ...rest } = c.req.valid('json')
      const nowMs = clock.nowMs()
      const { sinceMs = nowMs } = toRange({ since }, nowMs)
      // Scorers are loaded with the first order: they would weigh on a gateway that makes none.
      const { createOrder, planOrder } = await import('../../evals/online/create-order.ts')
      const content = await planOrder(deps, key.projectId, {
        ...rest,
        releases,
        scorers: scorers.map(toScorer),
        sinceMs,
        untilMs: nowMs + forMs,
        budget: budget_usd === undefined ? null : parseUsd(String(budget_usd)),
      })
      const { route, purpose, sample, limit, until, budget } = content
      const detail = { ...ordered(content), sample, limit, until, budget_micro_usd: budget }
      await deps.record.admin(key, { action: 'online.create', target: route, purpose, detail })
      const row = await createOrder(deps, actorOf(key), content)
      await deps.ring('score-traffic', { orderId: row.id }, row.id)
      return c.json(toOrder(row), 201)
    })
    .openapi(listRoute, async (c) => {
      const { route = null, limit, cursor: after = null } = c.req.valid('query')
      const rows = await listOrders(sql, c.var.key.projectId, route, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toOrder }), 200)
    })
    .openapi(showRoute, async (c) => {
      const row = await getOrder(sql, c.var.key.projectId, c.req.valid('param').id)
      const { releases, scorers, since, until } = parseOrder(row)
      const counts = await countOnlineScores(sql, {
        projectId: row.projectId,
        releaseIds: releases.map(({ id }) => id),
        rulesHashes: scorers.map(rulesHash),
        since,
        until,
        models: null,
      })
      return c.json(toOrderScores(row, counts), 200)
    })
    .openapi(valuesRoute, async (c) => {
      const { key } = c.var
      const row = await getOrder(sql, key.projectId, c.req.valid('param').id)
      const { release, scorer, limit } = c.req.valid('query')
      const wanted = chosen(row, release, scorer)
      await deps.record.access(key, {
        action: 'online.read',
        target: row.id,
        detail: { release: `r${release}`, scorer, limit },
      })
      const values = await readOnlineScores(sql, { ...wanted, models: null }, limit)
      return c.json({ data: values.map(toValue) }, 200)
    })
    .openapi(stopRoute, async (c) => {
      const { key } = c.var
      const row = await getOrder(sql, key.projectId, c.req.valid('param').id)
      await demandNoCanary(deps.db, row)
      await deps.record.admin(key, { action: 'online.stop', target: row.id })
      if (!(await stopOrder(sql, row.id, new Date(clock.nowMs()).toISOString()))) {
        throw conflict(`The order ${row.id} is ${row.state}, and there is nothing to stop.`)
      }
      return c.json(toOrder(await getOrder(sql, key.projectId, row.id)), 200)
    })
}

/** By their names, for the log. */
function ordered({ releases, scorers }: OrderContent) {
  return { releases: releases.map(({ number }) => `r${number}`), scorers: scorers.map(({ name }) => name) }
}

/** Throws RequestError not_found, for an order of another project too. */
async function getOrder(sql: Sql, projectId: string, id: string): Promise<OrderRow> {
  const found = await findOrder(sql, projectId, id)
  if (found !== null) return found
  const message = `There is no order ${JSON.stringify(id.slice(0, 60))}. aval online list shows them.`
  throw new RequestError('not_found', message, { param: 'id' })
}

/** Throws RequestError conflict while a canary is judged by the order: stopped by itself, it would leave the canary blind. */
async function demandNoCanary(db: Db, { id, projectId }: OrderRow): Promise<void> {
  const promotion = await findPromotionOfOrder(db, projectId, id)
  if (promotion === null) return
  const { route, label } = promotion
  throw conflict(
    `The canary ${promotion.id} is judged by the order ${id}: end it with the canary: aval rollback ${route} --label ${label}`,
  )
}

function conflict(message: string): RequestError {
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}

/** Throws RequestError for a release or a scorer that the order does not have. */
function chosen(row: OrderRow, number: number, name: string) {
  const { releases, scorers, since, until } = parseOrder(row)
  const release = releases.find((one) => one.number === number)
  if (release === undefined) {
    const known = releases.map((one) => `r${one.number}`).join(', ')
    throw new RequestError('invalid_value', `The order is of ${known}, and not of r${number}.`, {
      param: 'release',
    })
  }
  const scorer = scorers.find((one) => one.name === name)
  if (scorer === undefined) {
    const known = scorers.map((one) => one.name).join(', ')
    throw new RequestError(
      'invalid_value',
      `The order has no scorer ${JSON.stringify(name)}. It has ${known}.`,
      {
        param: 'scorer',
      },
    )
  }
  return { projectId: row.projectId, releaseId: release.id, rulesHash: rulesHash(scorer), since, until }
}
