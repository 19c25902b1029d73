/**
 * Does what the policies of a route's labels let an alert do: each action once for each label, on the log first, through the
 * function that people use. Killed anywhere and run again it goes on where it was.
 */

import { GatewayError } from '../../errors.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { newId } from '../../lib/ids.ts'
import type { Alert } from '../../monitoring/alerts/alert.ts'
import { readAlert } from '../../monitoring/alerts/alert-rows.ts'
import { findLabel } from '../../registry/releases/store.ts'
import type { Policy } from '../policy.ts'
import { type ActionDeps, type Came, type Intent, placeText, type Situation } from './action.ts'
import { freezeLabel } from './freeze-label.ts'
import { gatherDataset } from './gather-dataset.ts'
import { openReview } from './open-review.ts'
import { recordAction } from './record-action.ts'
import { type AlertAction, type AlertRule, ordersFor } from './rules.ts'
import { runSuites } from './run-suites.ts'
import {
  type AlertActionRow,
  findToAct,
  insertAction,
  markActed,
  noteTrying,
  readActions,
  type Trying,
} from './store.ts'
import { takeBack } from './take-back.ts'

export type ActDeps = ActionDeps & {
  /** Labels of a route that a file gives a policy, as the files are now. */
  policiesOf: (route: string) => readonly { label: string; policy: Policy }[]
  random: () => number
}

/** Tried so long from the first failure on; then it has failed, and people see why. */
const GIVE_UP_MS = 3_600_000
/** Between two tries: at most as long as it has failed so far, and never more than the second. */
const BASE_MS = 15_000
const CAP_MS = 600_000
const MAX_ERROR_LETTERS = 500

const INTENTS: Record<AlertAction, (deps: ActionDeps, situation: Situation) => Intent | Promise<Intent>> = {
  freeze: freezeLabel,
  roll_back: takeBack,
  run_suite: runSuites,
  review: openReview,
  dataset: gatherDataset,
}
/** What is no use any more once the alert is over or a person has it in hand. */
const MOVES: ReadonlySet<AlertAction> = new Set(['freeze', 'roll_back'])

/** Another worker was first; its transaction stands, and this one's does not. */
class DoneElsewhere extends Error {}

type Act = {
  label: string
  policy: Policy
  rule: AlertRule
  action: AlertAction
  wanted: readonly AlertAction[]
}

/**
 * `waits`: something is to be looked at again, or tried again later. Rejects, after all else was done, with what a second try may
 * mend; an hour after the first of these such an action has failed instead.
 */
export async function actOnAlert(deps: ActDeps, id: string): Promise<'gone' | 'done' | 'waits'> {
  const found = await findToAct(deps.db, id)
  const alert = found === null ? null : await readAlert(deps.sql, found.projectId, id)
  if (found === null || alert === null) return 'gone'
  if (found.actNextAt !== null && found.actNextAt.getTime() > deps.clock.nowMs()) return 'waits'
  let isWaiting = false
  const errors: unknown[] = []
  for (const act of await actsOf(deps, alert)) {
    try {
      if ((await settle(deps, alert, { ...act, since: found.actSince })) === 'waits') isWaiting = true
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) {
    // A database that does not take this is the error itself.
    await noteFailure(deps, id, found).catch(() => undefined)
    throw errors[0]
  }
  if (isWaiting) {
    if (found.actSince !== null) await noteTrying(deps.db, id, { actSince: null, actNextAt: null })
    return 'waits'
  }
  await markActed(deps.db, id, deps.clock.nowMs())
  return 'done'
}

async function noteFailure({ db, clock, random }: ActDeps, id: string, { actSince }: Trying): Promise<void> {
  const nowMs = clock.nowMs()
  const failingMs = actSince === null ? 0 : nowMs - actSince.getTime()
  const doublings = Math.floor(Math.log2(1 + Math.max(0, failingMs) / BASE_MS))
  const nextMs = nowMs + backoffMs(doublings, random, BASE_MS, CAP_MS)
  await noteTrying(db, id, { actSince: actSince ?? new Date(nowMs), actNextAt: new Date(nextMs) })
}

/** Nothing of an alert that was over, or in somebody's hands, before anything began. An upstream has no labels. */
async function actsOf({ db, policiesOf }: ActDeps, alert: Alert): Promise<Act[]> {
  if (alert.subject.kind !== 'route') return []
  const isBegun = (await readActions(db, alert.projectId, alert.id)).length > 0
  if (!isBegun && isOver(alert)) return []
  return policiesOf(alert.subject.name).flatMap(({ label, policy }) => {
    const orders = ordersFor(policy.onAlert, alert)
    const wanted = orders.map(({ action }) => action)
    return orders.map((order) => ({ label, policy, wanted, ...order }))
  })
}

/** `since`: from when on something about the alert has failed. */
async function settle(
  deps: ActDeps,
  { id, projectId, subject }: Alert,
  act: Act & { since: Date | null },
): Promise<'settled' | 'waits'> {
  // What was done before it took its time, and somebody may have the alert in hand by now.
  const alert = await readAlert(deps.sql, projectId, id)
  if (alert === null) return 'settled'
  const before = (await readActions(deps.db, projectId, alert.id)).filter(({ label }) => label === act.label)
  if (before.some(({ action }) => action === act.action)) return 'settled'
  const label = await findLabel(deps.db, projectId, subject.name, act.label)
  // Of this project nobody serves anything by it.
  if (label === null) return 'settled'
  const situation = { alert, label, policy: act.policy, rule: act.rule, wanted: act.wanted, before }
  try {
    const intent = await intentOf(deps, act, situation)
    if ('waits' in intent) return 'waits'
    await take(deps, act, { situation, intent })
  } catch (error) {
    if (error instanceof DoneElsewhere) return 'settled'
    const isFinal = error instanceof GatewayError && error.status < 500
    const isLate = act.since !== null && deps.clock.nowMs() - act.since.getTime() >= GIVE_UP_MS
    if (!isFinal && !isLate) throw error
    const note = reasonOf(error).slice(0, MAX_ERROR_LETTERS)
    await keepOutcome(deps, act, { situation, outcome: isFinal ? 'refused' : 'failed', note })
  }
  return 'settled'
}

async function intentOf(deps: ActDeps, { action }: Act, situation: Situation): Promise<Intent> {
  const { alert, label } = situation
  if (MOVES.has(action) && isOver(alert)) {
    const why =
      alert.acked === null
        ? 'the alert was over'
        : `${alert.acked.byName ?? alert.acked.by} had acknowledged the alert`
    return { refused: `${placeText(label)}: ${why} before it could be done.` }
  }
  return await INTENTS[action](deps, situation)
}

async function take(
  deps: ActDeps,
  act: Act,
  { situation, intent }: { situation: Situation; intent: Exclude<Intent, { waits: string }> },
): Promise<void> {
  if ('refused' in intent) {
    await keepOutcome(deps, act, { situation, outcome: 'refused', note: intent.refused })
    return
  }
  await recordAction(deps, situation, { action: act.action, detail: intent.detail })
  await intent.take(async (db, came) => {
    const row = rowOf(deps, act, situation, { outcome: 'done', ...came })
    if (!(await insertAction(db, row))) throw new DoneElsewhere()
  })
}

async function keepOutcome(
  deps: ActDeps,
  act: Act,
  { situation, outcome, note }: { situation: Situation; outcome: 'refused' | 'failed'; note: string },
): Promise<void> {
  await recordAction(deps, situation, { action: act.action, detail: { outcome, note } })
  await insertAction(deps.db, rowOf(deps, act, situation, { outcome, note, targets: [] }))
}

function rowOf(
  { clock }: ActDeps,
  { action, policy }: Act,
  { alert, label }: Situation,
  came: Came & Pick<AlertActionRow, 'outcome'>,
): AlertActionRow {
  const nowMs = clock.nowMs()
  const { outcome, note, targets, frozenUntil = null } = came
  return {
    id: newId('act', nowMs),
    alertId: alert.id,
    projectId: alert.projectId,
    route: label.route,
    label: label.label,
    action,
    policy: policy.name,
    outcome,
    note,
    targets,
    frozenUntil,
    actedAt: new Date(nowMs),
  }
}

/** Why a query failed stands in the cause; the message is the query's text. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && !(error instanceof GatewayError)
    ? error.cause.message
    : error.message
}

function isOver({ endedAtMs, acked }: Alert): boolean {
  return endedAtMs !== null || acked !== null
}
