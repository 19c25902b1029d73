/** /api/eval-runs/{id}/…: a run's results and verdict, and what can be done with it: cancel, go on, say something of it. */

import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import { forgetErrors, readJudged } from '../../evals/runs/result-rows.ts'
import { annotateRun, moveRun, RESUMABLE, type RunRow } from '../../evals/runs/run-rows.ts'
import { parseUsd } from '../../lib/money.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  annotateBody,
  reportSchema,
  resultSchema,
  resumeBody,
  runSchema,
  toResult,
  toRun,
} from './eval-run-body.ts'
import { type EvalRunsApiDeps, evalRunReaders, evalRunWriters, getRun } from './eval-runs.ts'
import { pageFrom, pageOf } from './page.ts'
import {
  answer,
  conflictAnswer,
  errorAnswers,
  idParam,
  jsonBody,
  limitText,
  refuseInvalid,
  strictShape,
} from './validation.ts'

const resultsQuery = strictShape('filter', {
  limit: limitText,
  cursor: z
    .string()
    .regex(/^\d{1,9}\.\d{1,4}$/, 'Write what next_cursor of the page before said.')
    .optional(),
})
const reportQuery = strictShape('filter', {
  against: z
    .string()
    .regex(/^run_[0-9a-z]{26}$/, 'Write run_….')
    .optional(),
  format: z.enum(['json', 'terminal', 'markdown', 'junit', 'html']).default('json'),
  width: z.coerce.number({ error: 'Write a whole number.' }).int().min(20).max(500).default(100),
  colors: z.enum(['true', 'false']).default('false'),
})
const resultsRoute = createRoute({
  method: 'get',
  path: '/eval-runs/{id}/results',
  middleware: requireRole(...evalRunReaders),
  request: { params: idParam, query: resultsQuery },
  responses: {
    200: answer('Answers with their scores, item by item. The read is recorded.', pageOf(resultSchema)),
    ...errorAnswers,
  },
})
const reportRoute = createRoute({
  method: 'get',
  path: '/eval-runs/{id}/report',
  middleware: requireRole(...evalRunReaders),
  request: { params: idParam, query: reportQuery },
  responses: {
    200: {
      description:
        'What the figures are worth, alone or beside those of another run; as JSON, for a terminal, as Markdown, JUnit XML or a page. It quotes answers, so the read is recorded.',
      content: { 'application/json': { schema: reportSchema } },
    },
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const cancelRoute = createRoute({
  method: 'post',
  path: '/eval-runs/{id}/cancel',
  middleware: requireRole(...evalRunWriters),
  request: { params: idParam },
  responses: { 200: answer('The run; what it has stays.', runSchema), 409: conflictAnswer, ...errorAnswers },
})
const resumeRoute = createRoute({
  method: 'post',
  path: '/eval-runs/{id}/resume',
  middleware: requireRole(...evalRunWriters),
  request: { params: idParam, ...jsonBody(resumeBody) },
  responses: {
    200: answer('The run, waiting for a worker. What it has is not asked again.', runSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const annotateRoute = createRoute({
  method: 'patch',
  path: '/eval-runs/{id}',
  middleware: requireRole(...evalRunWriters),
  request: { params: idParam, ...jsonBody(annotateBody) },
  responses: { 200: answer('The run with its tags and note.', runSchema), ...errorAnswers },
})

/** Routes under /api; authentication has already run. */
export function evalRunActionsApi(deps: EvalRunsApiDeps) {
  const { sql, clock } = deps
  const now = () => new Date(clock.nowMs()).toISOString()
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(resultsRoute, async (c) => {
      const { key } = c.var
      const { limit, cursor } = c.req.valid('query')
      const row = await getRun(sql, key.projectId, c.req.valid('param').id)
      await deps.record.access(key, { action: 'eval_run.read', target: row.id })
      const [position, repeat] = (cursor ?? '').split('.').map(Number)
      const after = cursor === undefined ? null : { position: position ?? 0, repeat: repeat ?? 0 }
      const rows = await readJudged(sql, row, after, limit + 1)
      const cursorOf = (one: { position: number; repeat: number }) => `${one.position}.${one.repeat}`
      return c.json(pageFrom(rows, limit, { cursorOf, toWire: toResult }), 200)
    })
    .openapi(reportRoute, async (c) => {
      const { key } = c.var
      const run = await getFinished(sql, key.projectId, c.req.valid('param').id)
      const { against, format, width, colors } = c.req.valid('query')
      const other = against === undefined ? null : await getFinished(sql, key.projectId, against)
      await deps.record.access(key, {
        action: 'eval_run.read',
        target: run.id,
        ...(other !== null && { detail: { against: other.id } }),
      })
      // Statistics and pages are loaded with the first report: they would weigh on a gateway that makes none.
      const { renderReport } = await import('../../evals/reports/render-report.ts')
      const settings = { width, colors: colors === 'true' }
      const { type, text } = await renderReport(deps, { run, baseline: other }, format, settings)
      return c.body(text, 200, { 'content-type': type, 'content-disposition': 'attachment' }) as never
    })
    .openapi(cancelRoute, async (c) => {
      const { key } = c.var
      const row = await getRun(sql, key.projectId, c.req.valid('param').id)
      await deps.record.admin(key, { action: 'eval_run.cancel', target: row.id })
      if (!(await moveRun(sql, row.id, { from: ['queued', 'running'], to: 'cancelled' }, now()))) {
        throw stateConflict(row, 'It has ended, and there is nothing to cancel.')
      }
      // A batch that is under way is asked to stop by a worker.
      await deps.ring('run-suite', { runId: row.id }, row.id)
      return c.json(toRun(await getRun(sql, key.projectId, row.id)), 200)
    })
    .openapi(resumeRoute, async (c) => {
      const { key } = c.var
      const { budget_usd, retry_errors } = c.req.valid('json')
      const row = await getRun(sql, key.projectId, c.req.valid('param').id)
      await deps.record.admin(key, { action: 'eval_run.resume', target: row.id, detail: { retry_errors } })
      const budget = budget_usd === undefined ? undefined : String(parseUsd(String(budget_usd)))
      const from = retry_errors ? [...RESUMABLE, 'done' as const] : RESUMABLE
      const wanted = { from, to: 'queued' as const, ...(budget !== undefined && { budget }) }
      const moved = await sql.begin(async (transaction) => {
        if (!(await moveRun(transaction, row.id, wanted, now()))) return false
        if (retry_errors) await forgetErrors(transaction, row.id)
        return true
      })
      if (!moved) {
        throw stateConflict(
          row,
          'There is nothing to go on with. What failed is tried again with retry_errors.',
        )
      }
      await deps.ring('run-suite', { runId: row.id }, row.id)
      return c.json(toRun(await getRun(sql, key.projectId, row.id)), 200)
    })
    .openapi(annotateRoute, async (c) => {
      const { key } = c.var
      const { tags, note } = c.req.valid('json')
      const row = await getRun(sql, key.projectId, c.req.valid('param').id)
      await deps.record.admin(key, { action: 'eval_run.annotate', target: row.id })
      await annotateRun(sql, row.id, {
        tags: tags === undefined ? null : JSON.stringify(tags),
        note: note ?? null,
      })
      return c.json(toRun(await getRun(sql, key.projectId, row.id)), 200)
    })
}

/** A stopped run has figures too, and says in them how much is missing. */
async function getFinished(sql: Sql, projectId: string, id: string): Promise<RunRow> {
  const run = await getRun(sql, projectId, id)
  if (run.state !== 'queued' && run.state !== 'running') return run
  throw stateConflict(run, 'Its figures are there when it has ended: aval eval show')
}

function stateConflict({ id, state }: RunRow, remedy: string): RequestError {
  return new RequestError('conflict', `The run ${id} is ${state}. ${remedy}`, {
    headers: { 'x-should-retry': 'false' },
  })
}
