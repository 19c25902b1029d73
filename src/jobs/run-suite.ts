/** Goes on with one run of a suite. Safe to run twice: one worker is at a run, and another one ends at once. */

import type { Sql } from 'postgres'
import type { Db } from '../db/client.ts'
import type { Ask } from '../evals/runs/ask.ts'
import { letGoOfParts } from '../evals/runs/batches/let-go.ts'
import type { BatchPlane } from '../evals/runs/batches/part.ts'
import { type ExecuteDeps, executeRun } from '../evals/runs/execute.ts'
import { noteWaitingRun } from '../evals/runs/run-rows.ts'
import { answerersOf } from '../evals/runs/taken-over/answerers.ts'
import { readyScorers } from '../evals/scorers/ready-scorers.ts'
import { listPromotionsOfRun } from '../promotion/requests/store.ts'
import type { Enqueuer } from '../queue/enqueue.ts'
import { JOBS } from '../queue/jobs.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'
import { embedWith } from './embed-with.ts'

export type RunSuiteDeps = Pick<ExecuteDeps, 'sql' | 'clock' | 'evaluate' | 'pace'> & {
  db: Db
  enqueuer: Enqueuer
  /** The upstreams as aval.yaml has them now; `local/embed` is among them. */
  models: () => Promise<UpstreamModels>
  /** The data plane of this process, with the upstreams as aval.yaml has them now. */
  ask: () => Promise<Ask>
  /** The same, for requests that go out in batches. */
  batches: () => Promise<BatchPlane>
}

const MAX_ERROR_LETTERS = 500

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runRunSuite(
  { sql, db, enqueuer, clock, ask, batches, models, evaluate, pace }: RunSuiteDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { runId } = JOBS['run-suite'].parse(payload)
  const given = {
    sql,
    clock,
    signal,
    random: Math.random,
    prepare: readyScorers,
    embed: embedWith(models, clock),
    evaluate,
    pace,
  }
  const plane = async () => {
    const opened = { ask: await ask(), batches: await batches() }
    return { ...opened, answererOf: answerersOf(() => opened.batches.gateway.snapshot()) }
  }
  const deps = { ...given, ...(await opened(sql, runId, plane)) }
  const outcome = await executeRun(deps, runId)
  // It was cancelled. Who resumed it since rang for a job that was still under way, which is this one.
  const ended = outcome === 'taken-over' ? await executeRun(deps, runId) : outcome
  if (ended === 'nothing') await letGoOfParts(deps, runId)
  for (const promotionId of await listPromotionsOfRun(db, runId)) {
    await enqueuer.enqueue('advance-promotion', { promotionId }, { key: promotionId })
  }
  return ended
}

/** A worker that cannot open its data plane leaves the run to another one, and says on it why. */
async function opened<Plane>(sql: Sql, runId: string, open: () => Promise<Plane>): Promise<Plane> {
  try {
    return await open()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await noteWaitingRun(sql, runId, message.slice(0, MAX_ERROR_LETTERS))
    throw error
  }
}
