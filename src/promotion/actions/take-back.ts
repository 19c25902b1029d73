/** Takes back what probably caused an alert: a canary, or the last move of the label. Never without a move that could be the cause. */

import { RequestError } from '../../errors.ts'
import { durationText } from '../../lib/units.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import { findReleaseById } from '../../registry/releases/store.ts'
import { rollBack } from '../rollback.ts'
import { type DecisionRow, findDecision, firstDecisionOf } from '../store.ts'
import { type ActionDeps, type Intent, placeText, policyActor, type Situation } from './action.ts'
import { type Asked, countAsked } from './asked-rows.ts'
import { type AlertActionRow, findUnanswered, holdOpenAlert } from './store.ts'

/** `beganAtMs` is the beginning of the five minutes in which the change began: when within them is not known. */
const BEGAN_WITHIN_MS = 300_000

/**
 * With what the label began to serve what it serves, and by which kind of decision. `isCanary`: a canary is on, whoever set it, and
 * it alone would be taken off.
 */
export type LastMove = { kind: DecisionRow['kind']; atMs: number; by: string; isCanary: boolean }

/** Rejects with what a second try may mend. */
export async function takeBack(
  deps: Pick<ActionDeps, 'db' | 'sql' | 'clock'>,
  situation: Situation,
): Promise<Intent> {
  const { alert, label, policy, rule } = situation
  const move = await lastMove(deps, situation)
  const unanswered = await findUnanswered(deps.db, label)
  const problem =
    takeBackProblem(alert, move, { withinMs: rule.movedWithinMs, unanswered }) ??
    askedProblem(await asked(deps, situation, move))
  if (problem !== null) return { refused: `${placeText(label)}: ${problem}` }
  const { route, label: name, decisionId } = label
  const reason = `Alert ${alert.id} (${alert.metric}), by policy ${policy.name}.`
  return {
    detail: { from: decisionId },
    take: async (keep) => {
      const order = { route, label: name, to: null, reason }
      await rollBack(deps, policyActor(alert.projectId), order, {
        decisionId,
        write: async (transaction, { decision, from, to }) => {
          const gone = label.canaryReleaseId ?? from?.id ?? ''
          const release = await findReleaseById(transaction, alert.projectId, gone)
          const note = `r${release?.number ?? '?'} was taken back, and r${to.number} serves everybody.`
          if (!(await holdOpenAlert(transaction, alert.id))) {
            const message = `${placeText(label)}: alert ${alert.id} was acknowledged or ended meanwhile.`
            throw new RequestError('conflict', message)
          }
          await keep(transaction, { note, targets: [decision.id] })
        },
      })
    },
  }
}

async function lastMove({ db }: Pick<ActionDeps, 'db'>, { label }: Situation): Promise<LastMove | null> {
  const last = await findDecision(db, label.decisionId)
  if (last === null) return null
  // A canary began with its first stage, whichever it is at.
  const isCanary = label.canaryReleaseId !== null && last.promotionId !== null
  const first = isCanary ? await firstDecisionOf(db, last.promotionId ?? '') : last
  const { decidedAt, decidedBy, decidedByName } = first ?? last
  return {
    kind: last.kind,
    atMs: decidedAt.getTime(),
    by: decidedByName ?? decidedBy,
    isCanary: label.canaryReleaseId !== null,
  }
}

/** Since the change began, and since the move where that came later within the same five minutes: what was served before is not its doing. */
async function asked(
  { sql }: Pick<ActionDeps, 'sql'>,
  { alert, label }: Situation,
  move: LastMove | null,
): Promise<Asked> {
  const releaseIds = [label.releaseId, label.canaryReleaseId].filter((id) => id !== null)
  return await countAsked(sql, {
    projectId: alert.projectId,
    route: label.route,
    label: label.label,
    releaseIds,
    fromMs: Math.max(alert.beganAtMs, move?.atMs ?? 0),
    toMs: alert.openedAtMs,
  })
}

/** Why a label is not what an alert is about, as a sentence: a route's figures are of all its labels together. Pure. */
export function askedProblem({ ofLabel, ofRoute }: Asked): string | null {
  if (ofLabel === 0) return 'nothing was asked of it by this label since the change began.'
  if (ofLabel * 2 < ofRoute) {
    return `most of what changed was asked of other labels or releases: ${ofRoute - ofLabel} of ${ofRoute} requests.`
  }
  return null
}

/**
 * Why a label is not taken back, as a sentence; null for nothing against it. A move is a plausible cause when the change did not
 * begin before it, and, but for a canary that is still on, began soon after it. Pure.
 */
export function takeBackProblem(
  { beganAtMs }: Pick<Alert, 'beganAtMs'>,
  move: LastMove | null,
  {
    withinMs,
    unanswered,
  }: { withinMs: number; unanswered: Pick<AlertActionRow, 'alertId' | 'actedAt'> | null },
): string | null {
  const at = (ms: number) => new Date(ms).toISOString()
  if (unanswered !== null) {
    return `a policy rolled it back at ${unanswered.actedAt.toISOString()} (alert ${unanswered.alertId}), and nobody has moved it or acknowledged that alert since. It is not rolled back twice in a row without a person.`
  }
  if (move === null) return 'nothing is known of how it was moved.'
  const { kind, atMs, by, isCanary } = move
  if (beganAtMs + BEGAN_WITHIN_MS <= atMs) {
    return `the change began within five minutes of ${at(beganAtMs)}, before the label was moved at ${at(atMs)}, so the move is not its cause.`
  }
  if (isCanary) return null
  if (beganAtMs - atMs > withinMs) {
    return `it was last moved at ${at(atMs)}, more than ${durationText(withinMs)} before the change began at ${at(beganAtMs)}.`
  }
  if (kind === 'rollback') return `${by} rolled it back at ${at(atMs)}: going further back is for a person.`
  if (kind === 'break_glass') {
    return `it was moved in an emergency at ${at(atMs)}, and the release before may be the one that had to go.`
  }
  return null
}
