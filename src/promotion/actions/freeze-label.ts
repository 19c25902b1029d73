/** Freezes a label by an alert: the row that is kept is the freeze, and every move of the label looks for one. */

import { type ActionDeps, type Intent, placeText, type Situation } from './action.ts'

export function freezeLabel(
  { db, clock }: Pick<ActionDeps, 'db' | 'clock'>,
  { alert, label, rule }: Situation,
): Intent {
  const frozenUntil = rule.freezeMs === null ? null : new Date(alert.openedAtMs + rule.freezeMs)
  if (frozenUntil !== null && frozenUntil.getTime() <= clock.nowMs()) {
    return { refused: `${placeText(label)}: its time was over before it could be done.` }
  }
  const until = frozenUntil === null ? 'while the alert is open' : `until ${frozenUntil.toISOString()}`
  const note = `Nothing moves ${placeText(label)} ${until}, or until somebody acknowledges it.`
  return {
    detail: { until: frozenUntil?.toISOString() ?? null },
    take: (keep) => keep(db, { note, targets: [], ...(frozenUntil !== null && { frozenUntil }) }),
  }
}
