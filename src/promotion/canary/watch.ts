/** Looks at a canary and decides. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import type { Step } from '../requests/step.ts'
import type { PromotionRow } from '../requests/store.ts'

export type WatchDeps = { sql: Sql; clock: Clock }

export async function watchCanary(_deps: WatchDeps, _row: PromotionRow): Promise<Step | null> {
  return null
}
