/** Looks at a job that the upstream has: says how far it is, asks one to stop, and makes a version of a model that is ready. */

import { UpstreamError } from '../../errors.ts'
import type { FineTuning, UpstreamTuning } from '../../providers/fine-tuning.ts'
import { notConfigured } from './submit-tuning.ts'
import { pushTunedVersion } from './tuned-version.ts'
import { endCancelled, fail, reasonOf, type TuningStep, type TuningWork, tell, waitFor } from './work.ts'

/** Of a job that was asked to stop at its deadline, or whose upstream is away. */
const GRACE_MS = 2 * 3_600_000
/** Of the upstream's id of a model, as model versions have it. */
const MAX_MODEL_LETTERS = 200

/** Throws TuningFailed for a job that came to nothing. */
export async function followTuning(work: TuningWork): Promise<TuningStep> {
  const { tuner, row, signal } = work
  if (tuner === null) return await postponed(work, notConfigured(work))
  try {
    const job = await tuner.read(row.jobId ?? '', signal)
    const ended = await endOf(work, job)
    return ended ?? (await goOn(work, tuner, job))
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof UpstreamError)) throw error
    return await postponed(work, error)
  }
}

/** Null while it is under way. */
async function endOf(work: TuningWork, job: UpstreamTuning): Promise<TuningStep | null> {
  if (job.status === 'succeeded') return await succeed(work, job)
  if (job.status === 'cancelled') {
    const why = work.row.cancellingAt === null ? 'It was cancelled at the upstream.' : null
    return await endCancelled(work, why)
  }
  if (job.status !== 'failed') return null
  const { error } = job
  const reason = error === null ? 'It does not say why.' : `${error.message} (${error.code})`
  await work.own({ status: job.status })
  return await fail(work, `Upstream "${work.row.upstream}" failed to train the model: ${reason}`)
}

async function succeed(work: TuningWork, job: UpstreamTuning): Promise<TuningStep> {
  const { row, clock } = work
  const { tunedModel, trainedTokens, status } = job
  if (tunedModel === null || tunedModel.trim() !== tunedModel || tunedModel.length > MAX_MODEL_LETTERS) {
    return await fail(
      work,
      `Upstream "${row.upstream}" says that the job ${job.id} has succeeded, and names no model of at most ${MAX_MODEL_LETTERS} letters.`,
    )
  }
  await tell(work, 'fine_tune.end', {
    result: 'done',
    job: job.id,
    model: tunedModel,
    trained_tokens: trainedTokens,
  })
  const { version } = await pushTunedVersion(work, job, tunedModel)
  await work.own({
    state: 'done',
    modelVersion: version,
    tunedModel,
    trainedTokens,
    status,
    said: null,
    estimatedFinish: null,
    error: null,
    finishedAt: new Date(clock.nowMs()).toISOString(),
  })
  return { kind: 'ended', state: 'done' }
}

async function goOn(work: TuningWork, tuner: FineTuning, job: UpstreamTuning): Promise<TuningStep> {
  const { row, clock } = work
  const nowMs = clock.nowMs()
  const endMs = Date.parse(row.deadline ?? '')
  if (nowMs > endMs + GRACE_MS) return await fail(work, tooLate(work, null))
  if (row.cancellingAt !== null || nowMs > endMs) {
    const stopped = await cancel(work, tuner)
    const ended = stopped === null ? null : await endOf(work, stopped)
    if (ended !== null) return ended
  }
  const { status, trainedTokens, estimatedFinishMs } = job
  const looks = row.looks + 1
  await work.own({
    status,
    said: await lastSaid(work, tuner),
    trainedTokens,
    estimatedFinish: estimatedFinishMs === null ? null : new Date(estimatedFinishMs).toISOString(),
    looks,
  })
  // One that was asked to stop does so within minutes.
  return { kind: 'wait', untilMs: waitFor(work, row.cancellingAt === null ? looks : 0), why: null }
}

/** Null for one that cannot be stopped: it has ended by now, which the next look sees. */
async function cancel({ row, signal }: TuningWork, tuner: FineTuning): Promise<UpstreamTuning | null> {
  try {
    return await tuner.cancel(row.jobId ?? '', signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof UpstreamError) || error.retryable) throw error
    return null
  }
}

/** What it said last stays where it says nothing now, or has no such list. */
async function lastSaid({ row, signal }: TuningWork, tuner: FineTuning): Promise<string | null> {
  try {
    return (await tuner.lastEvent(row.jobId ?? '', signal)) ?? row.said
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof UpstreamError)) throw error
    return row.said
  }
}

/** An upstream that is away, or does not know the job just now, is asked again until long after the deadline. */
async function postponed(work: TuningWork, error: UpstreamError): Promise<TuningStep> {
  const { row, clock } = work
  if (clock.nowMs() > Date.parse(row.deadline ?? '') + GRACE_MS) {
    return await fail(work, tooLate(work, error), error)
  }
  const looks = row.looks + 1
  await work.own({ looks })
  return { kind: 'wait', untilMs: waitFor(work, looks), why: `It cannot be looked at: ${reasonOf(error)}` }
}

function tooLate({ row }: TuningWork, error: UpstreamError | null): string {
  const said = error === null ? '' : ` ${reasonOf(error)}`
  return `The job ${row.jobId} of upstream "${row.upstream}" had not ended by ${row.deadline}.${said} The upstream may ask to be paid for it all the same.`
}
