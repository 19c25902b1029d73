/**
 * Sends a part: its budget is held, an event with the file's digest is on the log, and only then it goes. That it may have arrived is
 * kept before it is submitted, so that whoever goes on looks for it first.
 */

import { UpstreamError } from '../../../errors.ts'
import type { BatchedPlan } from '../../../gateway/batched/target.ts'
import { priceTarget } from '../../../gateway/cost.ts'
import { formatUsd } from '../../../lib/money.ts'
import type { Batches, BatchLine } from '../../../providers/batches.ts'
import { priceInBatches } from '../../../registry/prices/price.ts'
import { wasRefused } from '../../upstream-work.ts'
import { countResults } from '../count-results.ts'
import { RunRefused } from '../run-refused.ts'
import { type BatchRow, changeBatch, deleteBatch, readBodies } from './batch-rows.ts'
import { adopt, listedMs, lookForSubmitted, orderOf } from './look-for-submitted.ts'
import { digestOf, type PartStep, type PartWork, tell, waitFor } from './part.ts'
import { addRequest, NOTHING, type Worst, worstCost } from './worst-case.ts'

const PAGE = 500
/** Tries in a row of an upstream that does not take it. */
const MAX_TRIES = 30

/** Null: it goes on at once. Throws RunRefused for what another try does not mend. */
export async function submitPart(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
): Promise<PartStep | null> {
  const { batches } = planned
  const { parts, worst } = await readParts(work, batch, batches)
  const refused = worst === null ? null : await refusal(work, planned, worst)
  if (refused !== null) {
    await work.own((transaction) => deleteBatch(transaction, batch.id))
    return { kind: 'refused', why: refused }
  }
  const digest = digestOf(parts)
  const { id, part, upstream, model, requests, looks } = batch
  const bytes = parts.reduce((sum, { length }) => sum + length, 0)
  await tell(work, 'eval_batch.submit', { batch: id, part, upstream, model, requests, bytes, digest })
  try {
    const fileId =
      batches.takes === 'file' ? await batches.upload({ name: `${id}.jsonl`, parts }, work.signal) : null
    const state = 'submitting'
    const submittingAt = new Date(work.clock.nowMs()).toISOString()
    await work.own((transaction, now) =>
      changeBatch(transaction, id, { state, fileId, submittingAt, digest, looks }, now),
    )
    return await create(work, { ...batch, state, fileId, submittingAt }, planned, parts)
  } catch (error) {
    return await postponed(work, batch, error)
  }
}

/** Of a part that the upstream may have: it is looked for, and made only when it is not there. Null: it goes on at once. */
export async function submitAgain(
  work: PartWork,
  batch: BatchRow,
  planned: BatchedPlan,
): Promise<PartStep | null> {
  try {
    const seen = await lookForSubmitted(work, batch, planned)
    if (seen !== 'none') return seen
    const submittingAt = new Date(work.clock.nowMs()).toISOString()
    await work.own((transaction, now) => changeBatch(transaction, batch.id, { submittingAt }, now))
    return await create(work, { ...batch, submittingAt }, planned, null)
  } catch (error) {
    return await postponed(work, batch, error)
  }
}

/** `parts` is null where they are not read yet. */
async function create(
  work: PartWork,
  batch: BatchRow,
  { batches }: BatchedPlan,
  parts: readonly Buffer[] | null,
): Promise<PartStep | null> {
  const order = orderOf(batch)
  try {
    const made =
      batches.takes === 'file'
        ? await batches.create({ ...order, fileId: batch.fileId ?? '' }, work.signal)
        : await batches.create(
            { ...order, parts: parts ?? (await readParts(work, batch, batches)).parts },
            work.signal,
          )
    await adopt(work, batch, made)
    return { kind: 'wait', untilMs: waitFor(work, 0), why: null }
  } catch (error) {
    if (!(error instanceof UpstreamError) || !wasRefused(error)) {
      return await postponed(work, batch, error, listedMs(batch, batches))
    }
    // It has no batch of it, and may be sent the same again.
    await work.own((transaction, now) =>
      changeBatch(transaction, batch.id, { state: 'prepared', looks: batch.looks }, now),
    )
    return await postponed(work, batch, error)
  }
}

/**
 * Waits with what is in the way of sending a part, until `notBeforeMs` at least; throws RunRefused when waiting does not help. Of what
 * is no answer of the upstream's nobody knows whether it has the part.
 */
export async function postponed(
  work: PartWork,
  batch: BatchRow,
  error: unknown,
  notBeforeMs = 0,
): Promise<PartStep> {
  work.signal.throwIfAborted()
  if (!(error instanceof UpstreamError)) throw error
  const isHopeless = wasRefused(error) && (!error.retryable || error.code === 'upstream_auth')
  if (isHopeless || batch.looks >= MAX_TRIES) {
    throw new RunRefused(`Part ${batch.part} cannot be sent: ${error.message}`, { cause: error })
  }
  const looks = batch.looks + 1
  await work.own((transaction, now) =>
    changeBatch(transaction, batch.id, { looks, note: error.message }, now),
  )
  return { kind: 'wait', untilMs: Math.max(waitFor(work, looks), notBeforeMs), why: error.message }
}

/** What goes out. `worst` is null without a budget, which alone asks for it. */
async function readParts(
  { sql, signal, row }: PartWork,
  { id }: BatchRow,
  { encode, outputLimit }: Batches,
): Promise<{ parts: Buffer[]; worst: Worst | null }> {
  const lines: BatchLine[] = []
  let worst = row.budget === null ? null : NOTHING
  for (let after = 0; ; ) {
    signal.throwIfAborted()
    const page = await readBodies(sql, id, { after, limit: PAGE })
    for (const { requestId, body: text } of page) {
      const body = Buffer.from(text)
      lines.push({ id: requestId, body })
      if (worst !== null) worst = addRequest(worst, body, outputLimit)
    }
    const last = page.at(-1)
    if (last === undefined) return { parts: encode(lines), worst }
    after = last.line
  }
}

/** Why the budget does not hold the part; null when it does. */
async function refusal(
  { sql, clock, plane, row }: PartWork,
  { target }: BatchedPlan,
  worst: Worst,
): Promise<string | null> {
  if (row.budget === null) return null
  const cap = BigInt(row.budget)
  const asked = priceTarget(target.upstream, target.model)
  const found = plane.gateway.snapshot().registry.pricesOf(row.projectId).priceOf(asked, clock.nowMs())
  const price = found === null ? null : priceInBatches(found)
  const cost = price === null ? null : worstCost(worst, price)
  if (cost === null) {
    return `What ${target.name} costs in batches is unknown, so the budget cannot be held. Set it: aval price set --help, --batch-input and --batch-output`
  }
  if (worst.isOpen) {
    return 'How long an answer may be is not said, so the budget cannot be held. Say it in the suite: parameters: { max_tokens: 500 }'
  }
  const { cost: spentText, unpriced } = await countResults(sql, row.id)
  if (unpriced > 0) {
    return 'An answer has no known price, so the budget cannot be held. Set one: aval price set --help'
  }
  const spent = BigInt(spentText)
  if (spent + cost <= cap) return null
  return `The budget of ${formatUsd(cap)} does not hold a batch of ${worst.requests} requests: it can cost ${formatUsd(cost)}, with each byte a token and every answer as long as max_tokens allows, and ${formatUsd(spent)} is spent.`
}
