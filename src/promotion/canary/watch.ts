/** Looks at a canary: reads what both releases were seen to do, has it judged, and says which step that makes. */

import { contentOf } from '../../registry/content.ts'
import { findLabel, findReleaseById, type LabelRow, type ReleaseRow } from '../../registry/releases/store.ts'
import { findFreeze } from '../actions/find-freeze.ts'
import { freezeText } from '../freeze.ts'
import { type CanaryPolicy, type Policy, parsePolicy } from '../policy.ts'
import { writeMove } from '../promote.ts'
import { cutNote, type Step } from '../requests/step.ts'
import type { PromotionRow } from '../requests/store.ts'
import { firstDecisionOf } from '../store.ts'
import type { ArmMemory } from './arm-memory.ts'
import { readArm } from './arms-rows.ts'
import { type Judgement, judgeCanary } from './judge-canary.ts'
import { type QualityDeps, qualityOrder, readQuality } from './quality.ts'
import { insertLook, lastLook } from './store.ts'

export type WatchDeps = QualityDeps & { arms: ArmMemory }

/** A look that only says "wait" is kept this often. */
const KEEP_EVERY_MS = 600_000
const BY = { id: 'canary', name: 'canary' } as const

type Canary = {
  row: PromotionRow
  /** As it was looked at: it moves from there, or not at all. */
  seen: LabelRow
  policy: Policy
  plan: CanaryPolicy
  to: ReleaseRow
  from: ReleaseRow
}

/** Null while there is nothing to do but wait. Rejects with what a second look may mend. */
export async function watchCanary(deps: WatchDeps, row: PromotionRow): Promise<Step | null> {
  const label = await findLabel(deps.db, row.projectId, row.route, row.label)
  if (label?.canaryReleaseId !== row.toReleaseId || label.releaseId !== row.fromReleaseId) {
    const note = `${row.route}@${row.label} was moved meanwhile${label === null ? '' : ` by ${label.decisionId}`}.`
    return { state: 'overtaken', note }
  }
  const policy = parsePolicy(row.policy)
  const to = await findReleaseById(deps.db, row.projectId, row.toReleaseId)
  const from = await findReleaseById(deps.db, row.projectId, label.releaseId)
  const first = await firstDecisionOf(deps.db, row.id)
  const { canary: plan } = policy
  if (to === null || from === null || plan === null || first === null || row.stageSince === null) {
    throw new Error(`Promotion ${row.id} is a canary of nothing.`)
  }
  const nowMs = deps.clock.nowMs()
  const last = await lastLook(deps.db, row.id)
  const sinceLook = last === null ? Number.POSITIVE_INFINITY : nowMs - last.lookedAt.getTime()
  const canary = { row, seen: label, policy, plan, to, from }
  const judgement = await judge(deps, canary, { beganMs: first.decidedAt.getTime(), nowMs })
  const frozen = judgement.decision === 'advance' ? await findFreeze(deps.db, row, policy, nowMs) : null
  if (frozen !== null) {
    judgement.decision = 'hold'
    judgement.reasons = [`Nothing moves ${freezeText(frozen)}.`, ...judgement.reasons]
  }
  const isKept = judgement.decision !== 'hold' || sinceLook >= KEEP_EVERY_MS || last?.stage !== row.stage
  // After what was read: until it is stored the old stage is served, and what begins from here on is the next one's.
  const step = stepOf(canary, judgement, new Date(deps.clock.nowMs()))
  if (!isKept) return step.note === row.note ? null : step
  const look = {
    promotionId: row.id,
    stage: row.stage ?? 0,
    decision: judgement.decision,
    content: contentOf(finite(judgement)).text,
  }
  return {
    ...step,
    write: async (transaction) => {
      await insertLook(transaction, look, nowMs)
      await step.write?.(transaction)
    },
  }
}

async function judge(
  deps: WatchDeps,
  { row, policy, plan, to, from }: Canary,
  { beganMs, nowMs }: { beganMs: number; nowMs: number },
): Promise<Judgement> {
  const { projectId, route, label } = row
  const stageMs = row.stageSince?.getTime() ?? beganMs
  const since = new Date(stageMs).toISOString()
  const order = await qualityOrder(deps, { promotion: row, policy, to, from, beganMs })
  const armOf = async ({ id: releaseId }: ReleaseRow) => {
    const key = `${row.id} ${row.stage} ${releaseId}`
    const seen = await readArm(deps.sql, { projectId, route, label, releaseId, since }, deps.arms.seen(key))
    deps.arms.keep(key, seen)
    return { ...seen.arm, quality: await readQuality(deps.sql, order, { releaseId, since }) }
  }
  const arms = { stable: await armOf(from), candidate: await armOf(to) }
  return judgeCanary(plan, arms, { stage: row.stage ?? 0, stageMs: Math.max(0, nowMs - stageMs) })
}

function stepOf({ row, seen, plan, to, from }: Canary, { decision, reasons }: Judgement, now: Date): Step {
  const { projectId, route, label, id: promotionId } = row
  const weight = plan.stages[row.stage ?? 0] ?? 0
  const why = cutNote(reasons.join(' '))
  const serves = `r${to.number} serves ${weight / 100} % of the users`
  const move = { projectId, route, label, promotionId, by: BY }
  const moves =
    (order: Parameters<typeof writeMove>[1]): NonNullable<Step['write']> =>
    (transaction) =>
      writeMove(transaction, order, seen, now)
  if (decision === 'roll_back') {
    return {
      state: 'rolled_back',
      note: `r${to.number} was taken back from ${weight / 100} %: ${why}`,
      write: moves({ ...move, kind: 'rollback', to: from, canary: null, reason: why }),
    }
  }
  if (decision === 'hold') return { state: 'canary', note: `${serves}. ${why}` }
  const stage = (row.stage ?? 0) + 1
  const next = plan.stages[stage]
  if (next === undefined) {
    return {
      state: 'promoted',
      note: `r${to.number} serves everybody: ${why}`,
      write: moves({ ...move, kind: 'promotion', to, canary: null, reason: `${row.reason} (${why})` }),
    }
  }
  return {
    state: 'canary',
    note: `r${to.number} serves ${next / 100} % of the users: ${why}`,
    change: { stage, stageSince: now },
    write: moves({ ...move, kind: 'canary', to: from, canary: { release: to, weight: next }, reason: why }),
  }
}

/** JSON has no infinity: a bound that nothing is known of is null. */
function finite(judgement: Judgement): unknown {
  return JSON.parse(
    JSON.stringify(judgement, (_key, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? null : value,
    ),
  )
}
