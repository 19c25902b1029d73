/** What the steps of a fine-tuning share, whichever of them the worker that holds it is at. */

import type { Sql } from 'postgres'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import type { UpstreamError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { isJsonObject } from '../../lib/json.ts'
import type { FineTuning } from '../../providers/fine-tuning.ts'
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

/** Looks at a job: the first after half a minute, then more and more seldom. */
const FIRST_LOOK_MS = 30_000
const LAST_LOOK_MS = 10 * 60_000
const GROWTH = 1.5
const MAX_WORDS_LETTERS = 300

/** Looks of many jobs at one upstream spread over a quarter of their wait, either way. */
export function waitFor({ clock, random }: Pick<TuningWork, 'clock' | 'random'>, looks: number): number {
  const wait = Math.min(LAST_LOOK_MS, FIRST_LOOK_MS * GROWTH ** Math.min(looks, 20))
  return clock.nowMs() + Math.round(wait * (0.75 + random() / 2))
}

/** Puts on the log what is about to be done, before it is, as done for whoever asked. */
export async function tell(
  { log, clock, row }: Pick<TuningWork, 'log' | 'clock' | 'row'>,
  action: string,
  detail: Readonly<Record<string, unknown>>,
  target = row.id,
): Promise<void> {
  const atMs = clock.nowMs()
  await log.event({
    id: newId('evt', atMs),
    kind: 'admin',
    atMs,
    projectId: row.projectId,
    actorId: row.createdBy,
    actorName: row.createdByName,
    action,
    target,
    purpose: row.purpose,
    detail,
  })
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

/** The upstream has answered that it does not do it. Of everything else nobody knows whether it has. */
export function wasRefused({ upstreamStatus: status }: UpstreamError): boolean {
  return status !== null && status >= 400 && status < 500 && ![408, 409, 425].includes(status)
}
