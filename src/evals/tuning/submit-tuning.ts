/**
 * Sends what a model is trained on, and asks for the training. Before a file goes, its digest is on the log; that the upstream may have
 * the job is kept before it is asked for, so that whoever goes on looks for it first and nobody pays for it twice.
 */

import { UpstreamError } from '../../errors.ts'
import type { FineTuning, TuningOrder, UpstreamTuning } from '../../providers/fine-tuning.ts'
import { wasRefused } from '../upstream-work.ts'
import { datasetRef, formatOf, type TuningDataset } from './order.ts'
import { MIN_TRAINING_ITEMS, makeFile, whyNoFile } from './training-file.ts'
import { endCancelled, fail, reasonOf, type TuningStep, type TuningWork, tell, waitFor } from './work.ts'

/** An upstream that was given a job and did not say so lists it after this. */
const LISTED_MS = 30_000
/** From when the upstream has the job on. */
const DEADLINE_MS = 72 * 3_600_000
/** Tries in a row of an upstream that does not take it. */
const MAX_TRIES = 30

/** Throws TuningFailed for what another try does not mend. */
export async function submitTuning(work: TuningWork): Promise<TuningStep> {
  const { row, content, tuner } = work
  if (tuner === null) return await postponed(work, notConfigured(work))
  try {
    if (row.trainingFile === null) return await sendFile(work, tuner, 'training', content.dataset)
    if (row.validationFile === null && content.validation !== null) {
      return await sendFile(work, tuner, 'validation', content.validation)
    }
    await tell(work, 'fine_tune.submit', {
      upstream: row.upstream,
      model: row.model,
      method: content.method,
      training: { file: row.trainingFile, digest: row.trainingDigest, items: row.trainingItems },
      validation:
        row.validationFile === null
          ? null
          : { file: row.validationFile, digest: row.validationDigest, items: row.validationItems },
    })
    return await create(work, tuner)
  } catch (error) {
    return await postponed(work, error)
  }
}

/** Of a job that the upstream may have: it is looked for, and asked for only when it is not there. */
export async function submitAgain(work: TuningWork): Promise<TuningStep> {
  const { row, tuner, clock, signal } = work
  if (tuner === null) return await postponed(work, notConfigured(work))
  if (clock.nowMs() < listedMs(work)) return { kind: 'wait', untilMs: listedMs(work), why: null }
  try {
    const { metadata, trainingFile } = orderOf(work)
    const sinceMs = Date.parse(row.submittingAt ?? row.createdAt)
    const found = await tuner.find({ metadata, trainingFile, sinceMs }, signal)
    if (found !== null) return await adopt(work, found)
    if (row.cancellingAt !== null) return await endCancelled(work, null)
    return await create(work, tuner)
  } catch (error) {
    return await postponed(work, error)
  }
}

/** Throws UpstreamError. */
async function sendFile(
  work: TuningWork,
  tuner: FineTuning,
  kind: 'training' | 'validation',
  dataset: TuningDataset,
): Promise<TuningStep> {
  const { row, content, sql, signal } = work
  const given = { projectId: row.projectId, datasetId: dataset.id, format: formatOf(content.method) }
  const file = await makeFile(sql, given, signal)
  const problem = whyNoFile(datasetRef(dataset), file, kind === 'training' ? MIN_TRAINING_ITEMS : 1)
  if (problem !== null) return await fail(work, problem)
  // Making it takes a while, and what nobody wants any more stays here.
  if (!(await work.own({}, { unlessCancelled: true }))) return { kind: 'again' }
  const { parts, digest, items, bytes, left } = file
  await tell(work, 'fine_tune.upload', {
    upstream: row.upstream,
    file: kind,
    dataset: datasetRef(dataset),
    dataset_hash: dataset.hash,
    digest,
    items,
    bytes,
    left: left.reduce((sum, { count }) => sum + count, 0),
  })
  const id = await tuner.upload({ name: `${row.id}-${kind}.jsonl`, parts }, signal)
  await work.own(
    kind === 'training'
      ? { trainingFile: id, trainingDigest: digest, trainingItems: items, looks: 0 }
      : { validationFile: id, validationDigest: digest, validationItems: items, looks: 0 },
  )
  return { kind: 'again' }
}

/** Throws UpstreamError. */
async function create(work: TuningWork, tuner: FineTuning): Promise<TuningStep> {
  const submittingAt = new Date(work.clock.nowMs()).toISOString()
  const isOurs = await work.own({ phase: 'submitting', submittingAt }, { unlessCancelled: true })
  if (!isOurs) return { kind: 'again' }
  try {
    return await adopt(work, await tuner.create(orderOf(work), work.signal))
  } catch (error) {
    if (!(error instanceof UpstreamError) || !wasRefused(error)) throw error
    // It has no such job, and may be asked again.
    await work.own({ phase: 'prepared' })
    return await postponed({ ...work, row: { ...work.row, phase: 'prepared' } }, error)
  }
}

async function adopt(work: TuningWork, { id, status }: UpstreamTuning): Promise<TuningStep> {
  const deadline = new Date(work.clock.nowMs() + DEADLINE_MS).toISOString()
  await work.own({ phase: 'submitted', jobId: id, status, deadline, looks: 0, error: null })
  if (work.row.cancellingAt !== null) return { kind: 'again' }
  return { kind: 'wait', untilMs: waitFor(work, 0), why: null }
}

function orderOf({ row, content }: TuningWork): TuningOrder {
  const { method, epochs, suffix, seed, dataset } = content
  return {
    model: row.model,
    trainingFile: row.trainingFile ?? '',
    validationFile: row.validationFile,
    method,
    epochs,
    suffix,
    seed,
    metadata: { aval_fine_tune: row.id, aval_dataset: dataset.hash },
  }
}

function listedMs({ row }: TuningWork): number {
  return Date.parse(row.submittingAt ?? row.createdAt) + LISTED_MS
}

export function notConfigured({ row }: TuningWork): UpstreamError {
  const message = `Upstream "${row.upstream}" is not configured any more, or trains no models.`
  return new UpstreamError('upstream_unavailable', message, { retryable: true })
}

/** Waits with what is in the way; throws TuningFailed when waiting does not help. */
async function postponed(work: TuningWork, error: unknown): Promise<TuningStep> {
  work.signal.throwIfAborted()
  if (!(error instanceof UpstreamError)) throw error
  const { row } = work
  const why = `It cannot be sent: ${reasonOf(error)}`
  const isHopeless = wasRefused(error) && (!error.retryable || error.code === 'upstream_auth')
  if (isHopeless || row.looks >= MAX_TRIES) {
    const mayHaveIt = row.phase === 'submitting'
    const paid = mayHaveIt ? ' The upstream may have the job all the same, and ask to be paid.' : ''
    return await fail(work, `${why}${paid}`, error)
  }
  const looks = row.looks + 1
  await work.own({ looks })
  return { kind: 'wait', untilMs: Math.max(waitFor(work, looks), work.clock.nowMs() + LISTED_MS), why }
}
