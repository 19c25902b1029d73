/**
 * Takes a promotion as far as it can go by itself: evidence, verdict, card, approvals, the move, the canary. Every step is
 * on the log before it takes effect, and is made by whoever is first: a gateway at a request, a worker at its round.
 */

import { hash } from 'node:crypto'
import type { Db } from '../../db/client.ts'
import { GatewayError } from '../../errors.ts'
import { findRun } from '../../evals/runs/run-rows.ts'
import { findOldestTaken } from '../../evals/runs/taken-over/rows.ts'
import { contentOf } from '../../registry/content.ts'
import { findLabel, findReleaseById, type ReleaseRow } from '../../registry/releases/store.ts'
import { findFreeze } from '../actions/find-freeze.ts'
import { qualityProblem } from '../canary/quality.ts'
import { type WatchDeps, watchCanary } from '../canary/watch.ts'
import { type CardDeps, makeCard } from '../cards/make-card.ts'
import { insertCard } from '../cards/store.ts'
import type { Decide } from '../evidence/decider.ts'
import { type GatherDeps, gatherEvidence } from '../evidence/gather.ts'
import type { PromotionVerdict } from '../evidence/verdict.ts'
import { freezeText } from '../freeze.ts'
import { parsePolicy } from '../policy.ts'
import { writeMove } from '../promote.ts'
import type { RecordStep } from './record-step.ts'
import { cutNote, type Step } from './step.ts'
import {
  findPromotionById,
  listApprovals,
  listPromotionRuns,
  lockPromotion,
  type PromotionRow,
  updatePromotion,
} from './store.ts'

export type AdvanceDeps = GatherDeps & WatchDeps & CardDeps & { decide: Decide; record: RecordStep }

/** Gathering, waiting, the move and a look at its canary; then the next round. */
const MAX_STEPS = 4

/** The promotion as it then is; null when there is none. Rejects with what a second try may mend: then nothing has changed. */
export async function advancePromotion(deps: AdvanceDeps, id: string): Promise<PromotionRow | null> {
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const row = await findPromotionById(deps.db, id)
    if (row === null || row.endedAt !== null) return row
    const next = await nextStep(deps, row)
    if (next === null || !(await take(deps, row, next))) return await findPromotionById(deps.db, id)
    if (next.state === row.state) return await findPromotionById(deps.db, id)
  }
  return await findPromotionById(deps.db, id)
}

async function nextStep(deps: AdvanceDeps, row: PromotionRow): Promise<Step | null> {
  if (row.state === 'canary') return await watchCanary(deps, row)
  const elsewhere = await overtakenBy(deps.db, row)
  if (elsewhere !== null) return elsewhere
  if (deps.clock.nowMs() >= row.expiresAt.getTime()) {
    const note = `It expired at ${row.expiresAt.toISOString()} (${row.note})`
    return { state: 'expired', note }
  }
  return row.state === 'gathering' ? await gather(deps, row) : await move(deps, row)
}

/** The label was moved since it was asked for: what was compared is not what is served. Null when it was not. */
async function overtakenBy(db: Db, row: PromotionRow): Promise<Step | null> {
  const label = await findLabel(db, row.projectId, row.route, row.label)
  if ((label?.decisionId ?? null) === row.fromDecisionId) return null
  const by = label === null ? 'is gone' : `was moved meanwhile by ${label.decisionId}`
  const note = `${row.route}@${row.label} ${by}: what was compared is not what is served. Ask again.`
  return { state: 'overtaken', note }
}

async function gather(deps: AdvanceDeps, row: PromotionRow): Promise<Step | null> {
  const policy = parsePolicy(row.policy)
  const { to, from } = await releasesOf(deps.db, row)
  if (row.kind === 'break_glass') return ready(row, { to, from, verdict: null, card: null })
  const gathered = await gatherEvidence(deps, { promotion: row, policy, to, from })
  if (gathered.state === 'impossible') {
    return { state: 'refused', note: cutNote(`policy ${policy.name}: ${gathered.reasons.join(' ')}`) }
  }
  if (gathered.state === 'running') return waiting(row, `Evidence is gathered: ${gathered.runs.join(', ')}.`)
  const verdict = row.demandsEvidence ? await deps.decide(policy, gathered.evidence) : null
  const text = verdict === null ? null : contentOf(verdict).text
  const change = { verdict: text, outcome: verdict?.outcome ?? null }
  if (verdict !== null && verdict.outcome !== 'pass') {
    return {
      state: 'refused',
      note: cutNote(`policy ${policy.name} (${verdict.outcome}): ${verdict.reasons.join(' ')}`),
      change,
    }
  }
  const unseen = await qualityProblem(deps, { promotion: row, policy, to, from })
  if (unseen !== null) return { state: 'refused', note: cutNote(`policy ${policy.name}: ${unseen}`), change }
  const card = await makeCard(deps, { promotion: row, release: to, verdict })
  if (policy.completeCard && card.missing.length > 0) {
    const note = `policy ${policy.name}: the model card is not complete. ${card.missing.join(' ')}`
    return { state: 'refused', note: cutNote(note), change }
  }
  return ready(row, { to, from, verdict, card })
}

/** What an approval signs: both releases, the policy, the verdict and the card, by their hashes. */
function ready(
  row: PromotionRow,
  found: {
    to: ReleaseRow
    from: ReleaseRow | null
    verdict: PromotionVerdict | null
    card: Awaited<ReturnType<typeof makeCard>> | null
  },
): Step {
  const { to, from, verdict, card } = found
  const content = verdict === null ? null : contentOf(verdict)
  const evidenceHash = contentOf({
    promotion: row.id,
    to: to.hash,
    from: from?.hash ?? null,
    policy: row.policyHash,
    verdict: content?.hash ?? null,
    card: card?.row.hash ?? null,
  }).hash
  const people =
    row.approvalsNeeded === 0
      ? 'Nobody has to approve.'
      : `Waits for ${row.approvalsNeeded} ${row.approvalsNeeded === 1 ? 'approval' : 'approvals'} (${row.approverRoles.join(' or ')}): aval approve ${row.id}`
  return {
    state: 'waiting',
    note: people,
    change: { verdict: content?.text ?? null, outcome: verdict?.outcome ?? null, evidenceHash },
    ...(card !== null && { write: (transaction: Db) => insertCard(transaction, card.row) }),
  }
}

async function move(deps: AdvanceDeps, row: PromotionRow): Promise<Step | null> {
  const answers = await listApprovals(deps.db, [row.id])
  const rejected = answers.find(({ answer }) => answer === 'reject')
  if (rejected !== undefined) {
    const note = `${rejected.keyName ?? rejected.keyId} rejected it: ${rejected.reason}`
    return { state: 'rejected', note: cutNote(note) }
  }
  if (answers.length < row.approvalsNeeded) return null
  const policy = parsePolicy(row.policy)
  const nowMs = deps.clock.nowMs()
  if (row.kind !== 'break_glass') {
    const stale = await staleRun(deps, row, nowMs - policy.evidence.freshMs)
    if (stale !== null) {
      return { state: 'expired', note: `${stale} is older by now than the policy allows. Ask again.` }
    }
    const window = await findFreeze(deps.db, row, policy, nowMs)
    if (window !== null)
      return waiting(row, `Approved, and moves when the freeze ends: ${freezeText(window)}.`)
  }
  return await moved(deps, row, new Date(nowMs))
}

async function moved(deps: AdvanceDeps, row: PromotionRow, now: Date): Promise<Step> {
  const { canary } = parsePolicy(row.policy)
  const { to, from } = await releasesOf(deps.db, row)
  const seen = await findLabel(deps.db, row.projectId, row.route, row.label)
  const { projectId, route, label, reason, id: promotionId } = row
  const by = { id: row.requestedBy, name: row.requestedByName ?? row.requestedBy }
  const order = { projectId, route, label, reason, promotionId, by }
  const [weight] = canary?.stages ?? []
  // What everybody is served already is let onto nobody's traffic step by step.
  if (row.kind === 'promotion' && weight !== undefined && from !== null && seen?.releaseId !== to.id) {
    const beside = { ...order, kind: 'canary', to: from, canary: { release: to, weight } } as const
    return {
      state: 'canary',
      note: `r${to.number} serves ${weight / 100} % of the users.`,
      change: { stage: 0, stageSince: now },
      write: (transaction) => writeMove(transaction, beside, seen, now),
    }
  }
  const whole = { ...order, kind: row.kind, to, canary: null } as const
  return {
    state: 'promoted',
    note:
      row.kind === 'break_glass'
        ? 'Moved without evidence, by two admins.'
        : `r${to.number} serves everybody.`,
    write: (transaction) => writeMove(transaction, whole, seen, now),
  }
}

/** The id of a run that the verdict rests on and that is too old by now, or has taken over an answer that is. */
async function staleRun(deps: AdvanceDeps, row: PromotionRow, oldestMs: number): Promise<string | null> {
  for (const { runId, baselineRunId } of await listPromotionRuns(deps.db, [row.id])) {
    for (const id of [runId, baselineRunId]) {
      const run = id === null ? null : await findRun(deps.sql, row.projectId, id)
      if (run === null) continue
      const oldest = (await findOldestTaken(deps.sql, run.id)) ?? ''
      if (Date.parse(run.finishedAt ?? '') < oldestMs || Date.parse(oldest) < oldestMs) return run.id
    }
  }
  return null
}

function waiting(row: PromotionRow, note: string): Step | null {
  return note === row.note ? null : { state: row.state, note: cutNote(note) }
}

/**
 * On the log first, then in one transaction. False when somebody else has taken a step since. A move that the database or
 * another one refuses ends the promotion with the reason.
 */
async function take(deps: AdvanceDeps, row: PromotionRow, step: Step): Promise<boolean> {
  const isMove = step.state !== row.state || (step.change?.stage ?? row.stage) !== row.stage
  if (isMove) await deps.record(row, { action: `promotion.${step.state}`, detail: detailOf(step) })
  try {
    return await deps.db.transaction(async (transaction) => {
      const locked = await lockPromotion(transaction, row.id)
      if (locked === null || locked.state !== row.state || locked.stage !== row.stage) return false
      await step.write?.(transaction)
      const { state, note, change } = step
      return await updatePromotion(transaction, row, { state, note, ...change }, new Date(deps.clock.nowMs()))
    })
  } catch (error) {
    // A canary serves users: it ends by a move, and the next look sees where the label points.
    if (!(error instanceof GatewayError) || row.state === 'canary') throw error
    const { state, note } = (await overtakenBy(deps.db, row)) ?? { state: 'refused', note: error.message }
    await deps.record(row, { action: `promotion.${state}`, detail: { note } })
    return await updatePromotion(deps.db, row, { state, note }, new Date(deps.clock.nowMs()))
  }
}

/** The verdict itself may be long, and stands beside: the log has its hash. */
function detailOf({ note, change: { verdict, ...change } = {} }: Step): Readonly<Record<string, unknown>> {
  return { note, ...change, ...(verdict != null && { verdict_hash: hash('sha256', verdict, 'hex') }) }
}

async function releasesOf(db: Db, row: PromotionRow): Promise<{ to: ReleaseRow; from: ReleaseRow | null }> {
  const to = await findReleaseById(db, row.projectId, row.toReleaseId)
  if (to === null) throw new Error(`Promotion ${row.id} names a release that is not there.`)
  const from = row.fromReleaseId === null ? null : await findReleaseById(db, row.projectId, row.fromReleaseId)
  return { to, from }
}
