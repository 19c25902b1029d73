/** What the steps of a part share: a run's part is made ready, submitted, followed and taken by whoever holds the run. */

import { createHash } from 'node:crypto'
import type { EventLog } from '../../../audit/record.ts'
import { UpstreamError } from '../../../errors.ts'
import { type BatchedPlan, planBatched } from '../../../gateway/batched/target.ts'
import type { GatewayDeps } from '../../../gateway/deps.ts'
import type { RequestEnvelope } from '../../../gateway/request.ts'
import { idTimeMs } from '../../../lib/ids.ts'
import type { JsonObject } from '../../../lib/json.ts'
import { nextLookMs, tellBefore } from '../../upstream-work.ts'
import type { Unit } from '../result-rows.ts'
import { type RunContent, subjectText } from '../run-content.ts'
import { runKey } from '../run-key.ts'
import type { RunRow } from '../run-rows.ts'
import { answerKey } from '../taken-over/keys.ts'
import type { TakeDeps } from '../taken-over/take-over.ts'
import type { BatchRow } from './batch-rows.ts'

/** The data plane of this process, and the log that it writes. */
export type BatchPlane = { gateway: GatewayDeps; log: EventLog }

export type PartWork = TakeDeps & {
  random: () => number
  plane: BatchPlane
  signal: AbortSignal
  row: RunRow
  content: RunContent
  /** The run has ended: what is under way is let go of, and what is there all the same is kept. */
  lettingGo: boolean
}

/** Why a worker may leave the run for now, or that there is nothing left to ask. */
export type PartStep =
  | { kind: 'none' }
  /** `why`: what is in the way; null when all goes its way. */
  | { kind: 'wait'; untilMs: number; why: string | null }
  /** The budget does not hold it. */
  | { kind: 'refused'; why: string }

/** A batch of a few requests takes about that long. */
const FIRST_LOOK_MS = 60_000

/** When to look at the batch again. */
export function waitFor(work: Pick<PartWork, 'clock' | 'random'>, looks: number): number {
  return nextLookMs(work, looks, FIRST_LOOK_MS)
}

/**
 * Whom the run asks, or where a part of it is already: a route may lead elsewhere by now. Throws RequestError for a subject that no
 * batch can ask, UpstreamError when the part's upstream is not configured any more.
 */
export function planOf({ plane, row, content }: PartWork, batch: BatchRow | null): BatchedPlan {
  const snapshot = plane.gateway.snapshot()
  const planned = planBatched(snapshot, keyOf(row), subjectText(content.subject))
  const { target } = planned
  if (batch === null || (target.upstream.name === batch.upstream && target.model === batch.model))
    return planned
  const upstream = snapshot.upstreams.get(batch.upstream)
  if (upstream?.provider.batches === undefined) {
    const message = `Upstream "${batch.upstream}", which has the batch ${batch.batchId ?? batch.id}, is not configured any more.`
    throw new UpstreamError('upstream_unavailable', message, { retryable: true })
  }
  const { name, timeouts } = upstream
  const { model } = batch
  const there = { name: `${name}/${model}`, upstream, model, timeouts }
  return { plan: planned.plan, target: there, batches: upstream.provider.batches }
}

function keyOf({ projectId, id, suite }: RunRow) {
  return runKey({ projectId, runId: id, runName: `eval ${suite}` })
}

/** One request as the data plane sees it; it began when its id was made. */
export function envelopeOf(row: RunRow, requestId: string): RequestEnvelope {
  return {
    id: requestId,
    method: 'POST',
    path: '/v1/chat/completions',
    operation: 'chat',
    key: keyOf(row),
    receivedAtMs: idTimeMs('req', requestId) ?? 0,
    startedMs: 0,
    clientRequestId: row.id,
  }
}

/** The key of an answer as it would be asked for at this moment; see `answerKey`. */
export function keyNow(
  { answererOf, row, content }: PartWork,
  unit: Pick<Unit, 'item' | 'repeat'>,
): string | null {
  return answerKey(answererOf, row.projectId, content, unit)
}

/** Puts on the log what is about to be done, before it is. */
export async function tell(
  { plane, clock, row }: PartWork,
  action: string,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await tellBefore({ log: plane.log, clock }, row, { action, target: row.id, purpose: null, detail })
}

export function bytesOf(body: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(body))
}

export function digestOf(parts: readonly Buffer[]): string {
  const digest = createHash('sha256')
  for (const part of parts) digest.update(part)
  return digest.digest('hex')
}
