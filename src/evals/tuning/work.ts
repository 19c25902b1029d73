/** What the steps of a fine-tuning share, whichever of them the worker that holds it is at. */

import type { Sql } from 'postgres'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import type { UpstreamError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { isJsonObject } from '../../lib/json.ts'
import type { FineTuning } from '../../providers/fine-tuning.ts'
import { nextLookMs, tellBefore } from '../upstream-work.ts'
import type { TuningContent } from './order.ts'
import type { TuningRow } from './tuning-rows.ts'

/** Columns by their names in camelCase. */
type TuningChange = Partial<
  Pick<
    TuningRow,
    | 'phase'
    | 'trainingFile'
    | 'trainingDigest'
    | 'trainingItems'
    | 'validationFile'
    | 'validationDigest'
    | 'validationItems'
    | 'submittingAt'
    | 'jobId'
    | 'deadline'
    | 'status'
    | 'said'
    | 'tunedModel'
    | 'trainedTokens'
    | 'estimatedFinish'
    | 'looks'
    | 'wakesAt'
    | 'modelVersion'
    | 'state'
    | 'error'
    | 'finishedAt'
  >
>

export type TuningWork = {
  sql: Sql
  db: Db
  clock: Clock
  random: () => number
  log: EventLog
  /** As aval.yaml has it now; null for an upstream that is not configured, or trains nothing. */
  tuner: FineTuning | null
  signal: AbortSignal
  row: TuningRow
  content: TuningContent
  /**
   * Writes only while the row is this worker's. `unlessCancelled`: false, and nothing is written, when somebody cancelled it since.
   */
  own(change: TuningChange, options?: { unlessCancelled: boolean }): Promise<boolean>
}

export type TuningStep =
  | { kind: 'again' }
  /** `why`: what is in the way; null when all goes its way. */
  | { kind: 'wait'; untilMs: number; why: string | null }
  | { kind: 'ended'; state: 'done' | 'cancelled' }

/** No second try mends it. */
export class TuningFailed extends Error {
  override name = 'TuningFailed'
}

/** Small trainings take minutes. */
const FIRST_LOOK_MS = 30_000
const MAX_WORDS_LETTERS = 300

/** When to look at the job again. */
export function waitFor(work: Pick<TuningWork, 'clock' | 'random'>, looks: number): number {
  return nextLookMs(work, looks, FIRST_LOOK_MS)
}

/** Puts on the log what is about to be done, before it is. */
export async function tell(
  work: Pick<TuningWork, 'log' | 'clock' | 'row'>,
  action: string,
  detail: Readonly<Record<string, unknown>>,
  target = work.row.id,
): Promise<void> {
  await tellBefore(work, work.row, { action, target, purpose: work.row.purpose, detail })
}

/** Never returns: the end is told, then thrown, and the row keeps the reason. */
export async function fail(work: TuningWork, why: string, cause?: unknown): Promise<never> {
  const { jobId, status } = work.row
  await tell(work, 'fine_tune.end', { result: 'failed', job: jobId, status, reason: why })
  throw new TuningFailed(why, { cause })
}

export async function endCancelled(work: TuningWork, why: string | null): Promise<TuningStep> {
  const { row, clock } = work
  await tell(work, 'fine_tune.end', { result: 'cancelled', job: row.jobId })
  const finishedAt = new Date(clock.nowMs()).toISOString()
  await work.own({ state: 'cancelled', error: why, finishedAt })
  return { kind: 'ended', state: 'cancelled' }
}

/** Our sentence and the upstream's own words, for whoever asked for the training: no request's log holds them. */
export function reasonOf(error: UpstreamError): string {
  const sentence = error.message.replace(' Its own words are in the request log.', '')
  const words = wordsIn(error.detail)
  return words === null ? sentence : `${sentence} It says: ${words}`
}

function wordsIn(detail: string | null): string | null {
  if (detail === null) return null
  try {
    const body: unknown = JSON.parse(detail)
    const inner = isJsonObject(body) ? body.error : null
    if (!isJsonObject(inner) || typeof inner.message !== 'string') return null
    return inner.message.slice(0, MAX_WORDS_LETTERS)
  } catch {
    // A body that is no JSON has no words that are meant for people.
    return null
  }
}
