/** /api/eval-runs: what a run takes, runs begun, followed, cancelled and gone on with, and what their figures are worth. */

import { createRoute, OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Reckon } from '../../evals/reports/reckoner.ts'
import { findNewestBatch } from '../../evals/runs/batches/batch-rows.ts'
import { countResults } from '../../evals/runs/count-results.ts'
import type { CreateRunDeps, PlannedRun, RunPlan, RunWish } from '../../evals/runs/create-run.ts'
import type { Target } from '../../evals/runs/forecast.ts'
import { runContent, type Subject } from '../../evals/runs/run-content.ts'
import { findAlike, findRun, listRuns, type RunRow } from '../../evals/runs/run-rows.ts'
import type { There } from '../../evals/runs/taken-over/count-there.ts'
import type { AnswererOf } from '../../evals/runs/taken-over/keys.ts'
import { waitsFor } from '../../evals/runs/waits-for.ts'
import { readLoads } from '../../gateway/load/load-rows.ts'
import { usdText } from '../../lib/money.ts'
import type { Ring } from '../../queue/jobs.ts'
import { actorOf } from '../actor.ts'
import { type ApiEnv, requireRole } from '../auth.ts'
import {
  listQuery,
  madeSchema,
  planBody,
  planSchema,
  progressSchema,
  runBody,
  runSchema,
  suiteOf,
  toProgress,
  toRun,
  toThere,
} from './eval-run-body.ts'
import { pageFrom, pageOf, registryReaders } from './page.ts'
import type { Recorder } from './recorder.ts'
import { answer, conflictAnswer, errorAnswers, idParam, jsonBody, refuseInvalid } from './validation.ts'

export type EvalRunsApiDeps = CreateRunDeps & {
  record: Recorder
  ring: Ring
  /** Makes verdicts beside the thread that serves. */
  reckon: Reckon
  /** Throws RequestError unsupported_operation, with a sentence, for a subject that no batch can ask. */
  demandBatches: (projectId: string, subject: Subject) => void
  /** What the first target of a subject costs now; null for one that is asked of nobody. */
  targetOf: (projectId: string, subject: Subject) => Target
  /** Who answers now, as far as it is a fixed thing. */
  answererOf: AnswererOf
}

/** A suite's file may have 256 KB. */
export const EVAL_RUN_BODY_MAX_BYTES = 512 * 1024

export const evalRunWriters = ['admin', 'engineer'] as const
export const evalRunReaders = registryReaders
const planRoute = createRoute({
  method: 'post',
  path: '/eval-runs/plan',
  middleware: requireRole(...evalRunWriters),
  request: jsonBody(planBody),
  responses: {
    200: answer(
      'What the run would ask, cost and be able to show, and a finished run of the very same content. Nothing is begun.',
      planSchema,
    ),
    ...errorAnswers,
  },
})
const beginRoute = createRoute({
  method: 'post',
  path: '/eval-runs',
  middleware: requireRole(...evalRunWriters),
  request: jsonBody(runBody),
  responses: {
    200: answer('The run that this idempotency key began before.', madeSchema),
    201: answer('The run, waiting for a worker, and the one that it is compared with.', madeSchema),
    409: conflictAnswer,
    ...errorAnswers,
  },
})
const listRoute = createRoute({
  method: 'get',
  path: '/eval-runs',
  middleware: requireRole(...evalRunReaders),
  request: { query: listQuery },
  responses: { 200: answer('Runs, newest first.', pageOf(runSchema)), ...errorAnswers },
})
const showRoute = createRoute({
  method: 'get',
  path: '/eval-runs/{id}',
  middleware: requireRole(...evalRunReaders),
  request: { params: idParam },
  responses: { 200: answer('The run, and how far it is.', progressSchema), ...errorAnswers },
})

/** Scorers and statistics are loaded with the first run: they would weigh on a gateway that makes none. */
const runMaking = async () => await import('../../evals/runs/create-run.ts')
const counting = async () => await import('../../evals/runs/taken-over/count-there.ts')
const forecasting = async () => await import('../../evals/runs/forecast.ts')

async function progressOf(sql: Sql, row: RunRow): Promise<ReturnType<typeof toProgress>> {
  const [counts, batch] = await Promise.all([countResults(sql, row.id), findNewestBatch(sql, row.id)])
  const waits = row.state === 'running' ? waitsFor(await readLoads(sql), row.id) : null
  return toProgress(row, counts, { batch, waits })
}

/** Routes under /api; authentication has already run. */
export function evalRunsApi(deps: EvalRunsApiDeps) {
  const { sql } = deps
  return new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
    .openapi(planRoute, async (c) => {
      const { projectId } = c.var.key
      const { name, suite, release = null, against = null } = c.req.valid('json')
      const plan = await planned(deps, projectId, { suite: suiteOf(name, suite), release, against })
      return c.json(await toPlan(deps, projectId, plan), 200)
    })
    .openapi(beginRoute, async (c) => {
      const { key } = c.var
      const { name, suite, release = null, against = null, ...rest } = c.req.valid('json')
      const read = suiteOf(name, suite)
      const { createRuns } = await runMaking()
      const plan = await planned(deps, key.projectId, { suite: read, release, against })
      await deps.record.admin(key, {
        action: 'eval_run.create',
        target: name,
        detail: {
          subject: plan.candidate.subject,
          dataset: plan.candidate.content.dataset.hash,
          against: plan.baseline?.subject ?? null,
        },
      })
      const made = await createRuns(deps, actorOf(key), {
        plan,
        budget: read.budget,
        tags: rest.tags,
        note: rest.note ?? null,
        gitCommit: rest.git_commit ?? null,
        idempotencyKey: rest.idempotency_key ?? null,
      })
      for (const { id } of made.created) await deps.ring('run-suite', { runId: id }, id)
      const wire = {
        run: toRun(made.candidate),
        baseline: made.baseline === null ? null : toRun(made.baseline),
      }
      return c.json(wire, made.created.some(({ id }) => id === made.candidate.id) ? 201 : 200)
    })
    .openapi(listRoute, async (c) => {
      const { suite = null, subject = null, tag = null, limit, cursor: after = null } = c.req.valid('query')
      const rows = await listRuns(
        sql,
        c.var.key.projectId,
        { suite, subject, tag },
        { after, limit: limit + 1 },
      )
      return c.json(pageFrom(rows, limit, { cursorOf: ({ id }) => id, toWire: toRun }), 200)
    })
    .openapi(showRoute, async (c) => {
      const row = await getRun(sql, c.var.key.projectId, c.req.valid('param').id)
      return c.json(await progressOf(sql, row), 200)
    })
}

async function toPlan(
  deps: EvalRunsApiDeps,
  projectId: string,
  plan: RunPlan,
): Promise<z.infer<typeof planSchema>> {
  const { sql } = deps
  const { candidate, baseline, items } = plan
  const { subject, measure: measureHash } = candidate
  const { dataset, repeats, subject: asked } = candidate.content
  const { there, baselineThere } = await readThere(deps, projectId, plan)
  const { forecast } = await forecasting()
  const given = { items, target: deps.targetOf(projectId, asked), there }
  const { calls, cost, costRests, sees } = await forecast(sql, projectId, candidate, given)
  const { hash } = runContent(candidate.content)
  const alike = await findAlike(sql, { projectId, measureHash, subject, hash })
  const asksBaseline = baseline !== null && baseline.run === null
  const baselineCalls = calls + (there?.answers ?? 0) - (baselineThere?.answers ?? 0)
  return {
    subject,
    hash,
    run_id: alike?.id ?? null,
    dataset: `${dataset.name}@${dataset.version}`,
    items,
    repeats,
    calls,
    taken_over: toThere(candidate, there),
    cost_usd: cost === null ? null : usdText(cost),
    cost_rests: costRests,
    sees,
    baseline: baseline && {
      subject: baseline.subject,
      run_id: baseline.run?.id ?? null,
      calls: asksBaseline ? baselineCalls : 0,
      taken_over: asksBaseline ? toThere(baseline, baselineThere) : null,
    },
  }
}

/** What of the candidate, and of a baseline that has to be run, earlier runs have answered. */
async function readThere(
  { sql, clock, answererOf }: EvalRunsApiDeps,
  projectId: string,
  { candidate, baseline }: RunPlan,
): Promise<{ there: There | null; baselineThere: There | null }> {
  if (candidate.content.cache === undefined) return { there: null, baselineThere: null }
  const { countThere } = await counting()
  const count = (run: PlannedRun) => countThere({ sql, clock, answererOf }, projectId, run)
  return {
    there: await count(candidate),
    baselineThere: baseline === null || baseline.run !== null ? null : await count(baseline),
  }
}

/** Whoever would wait a day for a batch hears at once that none can ask the subject, or its baseline. */
async function planned(deps: EvalRunsApiDeps, projectId: string, wish: RunWish): Promise<RunPlan> {
  const { planRun } = await runMaking()
  const plan = await planRun(deps, projectId, wish)
  const { candidate, baseline } = plan
  if (candidate.content.batch !== true) return plan
  deps.demandBatches(projectId, candidate.content.subject)
  if (baseline !== null && baseline.run === null) deps.demandBatches(projectId, baseline.content.subject)
  return plan
}

/** Throws RequestError not_found, for a run of another project too. */
export async function getRun(sql: Sql, projectId: string, id: string): Promise<RunRow> {
  const found = await findRun(sql, projectId, id)
  if (found !== null) return found
  throw new RequestError(
    'not_found',
    `There is no run ${JSON.stringify(id.slice(0, 60))}. aval eval history lists them.`,
    { param: 'id' },
  )
}
