/** /api/review-queues: queues made, listed and shown; tasks handed out, rated and skipped. Reviewers never see the judge's score. */

import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import type { Calibrator } from '../../evals/reviews/calibrator.ts'
import { listQueues } from '../../evals/reviews/queue-rows.ts'
import {
  allTasks,
  getQueue,
  nextTask,
  parseQueueContent,
  progressOf,
  rateTask,
  skipTask,
} from '../../evals/reviews/review.ts'
import type { Clock } from '../../lib/clock.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, pageQuery, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import {
  nextSchema,
  progressSchema,
  queueBody,
  queueParam,
  queueSchema,
  ratedSchema,
  ratingBody,
  skipBody,
  taskParam,
  toQueue,
  toQueueProgress,
  toTask,
} from './review-body.ts'
import { answer, conflictAnswer, errorAnswers, jsonBody, refuseInvalid } from './validation.ts'

export type ReviewsApiDeps = { sql: Sql; clock: Clock; record: Recorder; figure: Calibrator }

export const reviewWriters = ['admin', 'engineer'] as const
const reviewers = ['admin', 'engineer', 'approver'] as const

const createQueueRoute = createRoute({
  method: 'post',
  path: '/review-queues',
  middleware: requireRole(...reviewWriters),
  request: jsonBody(queueBody),
  responses: {
    201: answer('The queue, with its sample drawn.', queueSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/review-queues',
  middleware: requireRole(...registryReaders),
  request: { query: pageQuery },
  responses: { 200: answer('Queues, newest first.', pageOf(queueSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/review-queues/{name}',
  middleware: requireRole(...registryReaders),
  request: { params: queueParam },
  responses: { 200: answer('The queue, and how far it is.', progressSchema), ...errorAnswers },
})
const nextRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/next',
  middleware: requireRole(...reviewers),
  request: { params: queueParam },
  responses: {
    200: answer(
      'A task for this person, held for half an hour; the same one until it is rated or skipped. Null when nothing is left for them. It quotes an answer, so the read is recorded.',
      nextSchema,
    ),
    ...errorAnswers,
  },
})
const rateRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/tasks/{task}/rating',
  middleware: requireRole(...reviewers),
  request: { params: taskParam, ...jsonBody(ratingBody) },
  responses: {
    200: answer('The rating. Once more is a correction; what was said before stays.', ratedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const skipRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/tasks/{task}/skip',
  middleware: requireRole(...reviewers),
  request: { params: taskParam, ...jsonBody(skipBody) },
  responses: {
    200: answer('The queue; somebody else gets the task.', queueSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})

/** It knows every scorer, which would weigh on a gateway without evaluations. */
const making = async () => await import('../../evals/reviews/create-queue.ts')

/** Routes under /api; authentication has already run. */
export function reviewsApi(deps: ReviewsApiDeps) {
  const { sql, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(createQueueRoute, async (c) => {
      const { key } = c.var
      const { scorer = null, question = null, ...wish } = c.req.valid('json')
      await record.admin(key, { action: 'review_queue.create', target: wish.name, detail: { run: wish.run } })
      const { createQueue } = await making()
      return c.json(toQueue(await createQueue(deps, actorOf(key), { ...wish, scorer, question })), 201)
    })
    .openapi(listRoute, async (c) => {
      const { limit, cursor: after = null } = c.req.valid('query')
      const rows = await listQueues(sql, c.var.key.projectId, { after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toQueue }), 200)
    })
    .openapi(showRoute, async (c) => {
      const row = await getQueue(sql, c.var.key.projectId, c.req.valid('param').name)
      return c.json(toQueueProgress(row, progressOf(await allTasks(sql, row), parseQueueContent(row))), 200)
    })
    .openapi(nextRoute, async (c) => {
      const { key } = c.var
      const row = await getQueue(sql, key.projectId, c.req.valid('param').name)
      await record.access(key, { action: 'review_queue.next', target: row.name })
      const task = await nextTask(deps, row, actorOf(key))
      return c.json({ task: task === null ? null : toTask(parseQueueContent(row), task) }, 200)
    })
    .openapi(rateRoute, async (c) => {
      const { key } = c.var
      const { name, task: number } = c.req.valid('param')
      const { value, note = null } = c.req.valid('json')
      const row = await getQueue(sql, key.projectId, name)
      await record.admin(key, {
        action: 'review_queue.rate',
        target: row.name,
        detail: { task: number, value },
      })
      const { said, revision } = await rateTask(deps, row, actorOf(key), { number, value, note })
      return c.json({ task: number, value: said, note, revision }, 200)
    })
    .openapi(skipRoute, async (c) => {
      const { key } = c.var
      const { name, task: number } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      const row = await getQueue(sql, key.projectId, name)
      await record.admin(key, { action: 'review_queue.skip', target: row.name, detail: { task: number } })
      await skipTask(deps, row, actorOf(key), { number, reason })
      return c.json(toQueue(row), 200)
    })
}
