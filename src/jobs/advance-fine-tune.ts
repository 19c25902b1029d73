/** Goes on with one model in training. Safe to run twice: one worker is at it, and another one ends at once. */

import type { Sql } from 'postgres'
import type { EventLog } from '../audit/record.ts'
import { type ExecuteTuningDeps, executeTuning } from '../evals/tuning/execute-tuning.ts'
import { noteWaitingTuning } from '../evals/tuning/tuning-rows.ts'
import { JOBS } from '../queue/jobs.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'

export type AdvanceFineTuneDeps = Pick<ExecuteTuningDeps, 'sql' | 'db' | 'clock'> & {
  /** The upstreams as aval.yaml has them now. */
  models: () => Promise<UpstreamModels>
  /** The log that this process writes. */
  log: () => Promise<EventLog>
}

const MAX_ERROR_LETTERS = 500

/** Returns how it ended, or that it waits. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runAdvanceFineTune(
  { sql, db, clock, ...given }: AdvanceFineTuneDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { fineTuneId } = JOBS['advance-fine-tune'].parse(payload)
  const { models, log } = await opened(sql, fineTuneId, given)
  const tunerOf: ExecuteTuningDeps['tunerOf'] = (upstream, model) =>
    models.embedderOf(upstream, model)?.provider.fineTuning ?? null
  return await executeTuning({ sql, db, clock, random: Math.random, log, tunerOf, signal }, fineTuneId)
}

/** A worker that cannot open its log sends nothing, leaves it to another one, and says on it why. */
async function opened(
  sql: Sql,
  id: string,
  { models, log }: Pick<AdvanceFineTuneDeps, 'models' | 'log'>,
): Promise<{ models: UpstreamModels; log: EventLog }> {
  try {
    return { log: await log(), models: await models() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await noteWaitingTuning(sql, id, message.slice(0, MAX_ERROR_LETTERS))
    throw error
  }
}
