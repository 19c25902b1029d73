/** What keeps a label from moving now: a window of its policy, or an alert. */

import type { Db } from '../../db/client.ts'
import { type AlertFreeze, type Freeze, frozenAt } from '../freeze.ts'
import type { Policy } from '../policy.ts'
import { findAlertFreeze, type LabelPlace } from './store.ts'

/** Null when moves are free. What an alert froze stays so whatever the policy says by now. */
export async function findFreeze(
  db: Db,
  place: LabelPlace,
  { freeze }: Pick<Policy, 'freeze'>,
  nowMs: number,
): Promise<Freeze | AlertFreeze | null> {
  return frozenAt(freeze, nowMs) ?? (await findAlertFreeze(db, place, nowMs))
}
