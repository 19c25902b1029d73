/** /api/review-queues/{name}/… and /api/calibrations: disputes settled, ratings brought and taken away, and what they say of a judge. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { listCalibrations } from '../../evals/reviews/queue-rows.ts'
import { readTasks } from '../../evals/reviews/rating-rows.ts'
import {
  adjudicateTask,
  allTasks,
  disputesFor,
  getQueue,
  importRatings,
  parseQueueContent,
  showTask,
} from '../../evals/reviews/review.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import {
  calibrationSchema,
  disputesSchema,
  importBody,
  importedSchema,
  queueParam,
  ratedSchema,
  ratingBody,
  ratingsSchema,
  taskParam,
  toCalibration,
  toRatedTask,
  toRatings,
  toTask,
} from './review-body.ts'
import { type ReviewsApiDeps, reviewWriters } from './reviews.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  jsonBody,
  limitText,
  refuseInvalid,
  strictShape,
} from './validation.ts'

/** Disputes are shown whole, and settled one after the other. */
const SHOWN_DISPUTES = 10
/** Of 1,000 ratings with notes. */
export const RATINGS_BODY_MAX_BYTES = 4 * 1024 ** 2

const adjudicators = ['admin', 'approver'] as const
const ratingsQuery = strictShape('filter', {
  limit: limitText,
  cursor: z
    .string()
    .regex(/^\d{1,4}$/, 'Write what next_cursor of the page before said.')
    .optional(),
})
const calibrationsQuery = strictShape('filter', {
  queue: z.string().max(63).optional(),
  limit: limitText,
  cursor: z.string().max(40).optional(),
})

const disputesRoute = createRoute({
  method: 'get',
  path: '/review-queues/{name}/disputes',
  middleware: requireRole(...adjudicators),
  request: { params: queueParam },
  responses: {
    200: answer(
      'Tasks on which reviewers disagree and that this key has not rated, with what they said; at most ten. The read is recorded.',
      disputesSchema,
    ),
    ...errorAnswers,
  },
})
const adjudicateRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/tasks/{task}/adjudication',
  middleware: requireRole(...adjudicators),
  request: { params: taskParam, ...jsonBody(ratingBody) },
  responses: {
    200: answer('What is true of the task. Once more is a correction.', ratedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const importRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/ratings',
  middleware: requireRole('admin'),
  request: { params: queueParam, ...jsonBody(importBody) },
  responses: {
    200: answer('How many were new; all are taken, or none.', importedSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const exportRoute = createRoute({
  method: 'get',
  path: '/review-queues/{name}/ratings',
  middleware: requireRole(...registryReaders),
  request: { params: queueParam, query: ratingsQuery },
  responses: {
    200: answer(
      'Tasks with their ratings, truth and judgement. The read is recorded.',
      pageOf(ratingsSchema),
    ),
    ...errorAnswers,
  },
})
const calibrateRoute = createRoute({
  method: 'post',
  path: '/review-queues/{name}/calibrations',
  middleware: requireRole(...reviewWriters),
  request: { params: queueParam },
  responses: {
    201: answer(
      'What the ratings say of the judge, kept; it decides from now on if it qualifies.',
      calibrationSchema,
    ),
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/calibrations',
  middleware: requireRole(...registryReaders),
  request: { query: calibrationsQuery },
  responses: { 200: answer('Calibrations, newest first.', pageOf(calibrationSchema)), ...errorAnswers },
})

/** Loaded with the first calibration, whose statistics have a thread of their own. */
const calibrating = async () => await import('../../evals/reviews/record-calibration.ts')

/** Routes under /api; authentication has already run. */
export function calibrationsApi(deps: ReviewsApiDeps) {
  const { sql, record } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(disputesRoute, async (c) => {
      const { key } = c.var
      const row = await getQueue(sql, key.projectId, c.req.valid('param').name)
      await record.access(key, { action: 'review_queue.disputes', target: row.name })
      const content = parseQueueContent(row)
      const disputes = disputesFor(await allTasks(sql, row), content, {
        person: actorOf(key).person,
        limit: SHOWN_DISPUTES,
      })
      const data = await Promise.all(
        disputes.map(async ({ number, ratings }) => ({
          ...toTask(content, await showTask(deps, row, number)),
          ratings: toRatings(content, ratings),
        })),
      )
      return c.json({ data }, 200)
    })
    .openapi(adjudicateRoute, async (c) => {
      const { key } = c.var
      const { name, task: number } = c.req.valid('param')
      const { value, note = null } = c.req.valid('json')
      const row = await getQueue(sql, key.projectId, name)
      const detail = { task: number, value }
      await record.admin(key, { action: 'review_queue.adjudicate', target: row.name, detail })
      const { said, revision } = await adjudicateTask(deps, row, actorOf(key), { number, value, note })
      return c.json({ task: number, value: said, note, revision }, 200)
    })
    .openapi(importRoute, async (c) => {
      const { key } = c.var
      const row = await getQueue(sql, key.projectId, c.req.valid('param').name)
      const given = c.req.valid('json').ratings.map(({ note = null, ...rating }) => ({ ...rating, note }))
      const detail = { ratings: given.length }
      await record.admin(key, { action: 'review_queue.import', target: row.name, detail })
      return c.json(await importRatings(deps, row, actorOf(key), given), 200)
    })
    .openapi(exportRoute, async (c) => {
      const { key } = c.var
      const { limit, cursor } = c.req.valid('query')
      const row = await getQueue(sql, key.projectId, c.req.valid('param').name)
      await record.access(key, { action: 'review_queue.export', target: row.name })
      const content = parseQueueContent(row)
      const of = { ...row, scorer: content.judge.name }
      const tasks = await readTasks(sql, of, { after: Number(cursor ?? 0), limit: limit + 1 })
      const toWire = (task: (typeof tasks)[number]) => toRatedTask(content, task)
      return c.json(pageFrom(tasks, limit, { cursorOf: ({ number }) => String(number), toWire }), 200)
    })
    .openapi(calibrateRoute, async (c) => {
      const { key } = c.var
      const row = await getQueue(sql, key.projectId, c.req.valid('param').name)
      await record.admin(key, { action: 'review_queue.calibrate', target: row.name })
      const { calibrate } = await calibrating()
      return c.json(toCalibration(await calibrate(deps, actorOf(key), row)), 201)
    })
    .openapi(listRoute, async (c) => {
      const { queue = null, limit, cursor: after = null } = c.req.valid('query')
      const rows = await listCalibrations(sql, c.var.key.projectId, { queue, after, limit: limit + 1 })
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toCalibration }), 200)
    })
}
