/** /api/fine-tunes: what a training would send, models in training asked for, followed and cancelled. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { CreateTuningDeps } from '../../evals/tuning/create-tuning.ts'
import { cancelTuning, findTuning, listTunings, type TuningRow } from '../../evals/tuning/tuning-rows.ts'
import type { Ring } from '../../queue/jobs.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  createBody,
  fineTuneSchema,
  listQuery,
  planBody,
  planSchema,
  toFineTune,
  toPlan,
  wishOf,
} from './fine-tune-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { answer, conflictAnswer, errorAnswers, idParam, jsonBody, refuseInvalid } from './validation.ts'

export type FineTunesApiDeps = CreateTuningDeps & { record: Recorder; ring: Ring }

const writers = ['admin', 'engineer'] as const
const planRoute = createRoute({
  method: 'post',
  path: '/fine-tunes/plan',
  middleware: requireRole(...writers),
  request: jsonBody(planBody),
  responses: {
    200: answer('What would be sent, what would not and why. Nothing is begun or sent.', planSchema),
    ...errorAnswers,
  },
})
const createFineTuneRoute = createRoute({
  method: 'post',
  path: '/fine-tunes',
  middleware: requireRole(...writers),
  request: jsonBody(createBody),
  responses: {
    200: answer('The one that this idempotency key asked for before.', fineTuneSchema),
    201: answer('It waits for a worker, which sends the files.', fineTuneSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/fine-tunes',
  middleware: requireRole(...registryReaders),
  request: { query: listQuery },
  responses: { 200: answer('Newest first.', pageOf(fineTuneSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/fine-tunes/{id}',
  middleware: requireRole(...registryReaders),
  request: { params: idParam },
  responses: { 200: answer('How far it is, and what it became.', fineTuneSchema), ...errorAnswers },
})
const cancelRoute = createRoute({
  method: 'post',
  path: '/fine-tunes/{id}/cancel',
  middleware: requireRole(...writers),
  request: { params: idParam },
  responses: {
    200: answer(
      'Cancelled, or about to be: a worker asks the upstream to stop. One that ends before it hears of that becomes a version.',
      fineTuneSchema,
    ),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** Routes under /api; authentication has already run. */
export function fineTunesApi(deps: FineTunesApiDeps) {
  const { sql, clock } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(planRoute, async (c) => {
      // Loaded with the first one: it would weigh on a gateway that trains nothing.
      const { planTuning } = await import('../../evals/tuning/create-tuning.ts')
      return c.json(toPlan(await planTuning(deps, c.var.key.projectId, wishOf(c.req.valid('json')))), 200)
    })
    .openapi(createFineTuneRoute, async (c) => {
      const { key } = c.var
      const { purpose, idempotency_key: idempotencyKey = null, ...body } = c.req.valid('json')
      const { createTuning, demandNoProblem, planTuning } = await import(
        '../../evals/tuning/create-tuning.ts'
      )
      const plan = await planTuning(deps, key.projectId, wishOf(body))
      demandNoProblem(plan)
      const { content, training } = plan
      await deps.record.admin(key, {
        action: 'fine_tune.create',
        target: content.name,
        purpose,
        detail: {
          upstream: content.upstream,
          model: content.model,
          method: content.method,
          dataset: content.dataset.hash,
          validation: content.validation?.hash ?? null,
          items: training.items,
        },
      })
      const { row, created } = await createTuning(deps, actorOf(key), { plan, purpose, idempotencyKey })
      if (created) await deps.ring('advance-fine-tune', { fineTuneId: row.id }, row.id)
      return c.json(toFineTune(row), created ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { as: name = null, state = null, limit, cursor: after = null } = c.req.valid('query')
      const rows = await listTunings(sql, c.var.key.projectId, { name, state }, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toFineTune }), 200)
    })
    .openapi(showRoute, async (c) =>
      c.json(toFineTune(await getTuning(sql, c.var.key.projectId, c.req.valid('param').id)), 200),
    )
    .openapi(cancelRoute, async (c) => {
      const { key } = c.var
      const row = await getTuning(sql, key.projectId, c.req.valid('param').id)
      await deps.record.admin(key, { action: 'fine_tune.cancel', target: row.id })
      if (!(await cancelTuning(sql, row.id, new Date(clock.nowMs()).toISOString()))) {
        throw new RequestError(
          'conflict',
          `The fine-tuning ${row.id} is ${row.state}: it has ended, and there is nothing to cancel.`,
          { headers: { 'x-should-retry': 'false' } },
        )
      }
      await deps.ring('advance-fine-tune', { fineTuneId: row.id }, row.id)
      return c.json(toFineTune(await getTuning(sql, key.projectId, row.id)), 200)
    })
}

/** Throws RequestError not_found, for one of another project too. */
async function getTuning(sql: Sql, projectId: string, id: string): Promise<TuningRow> {
  const found = await findTuning(sql, projectId, id)
  if (found !== null) return found
  const message = `There is no fine-tuning ${JSON.stringify(id.slice(0, 60))}. aval finetune list shows what there is.`
  throw new RequestError('not_found', message, { param: 'id' })
}
