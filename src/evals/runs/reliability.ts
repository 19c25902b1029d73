/** What an answer is worth that is asked for more than once: how many items pass every time, and how many ever. Pure. */

import { namedRandom } from '../../lib/random.ts'
import { type Estimate, estimateMean } from '../../lib/statistics/estimate.ts'
import { passAtK, passHatK } from '../../lib/statistics/reliability.ts'
import { groupOf } from './item-pairs.ts'
import type { ItemScores } from './result-rows.ts'
import type { RunScorer } from './run-content.ts'

export type Reliability = {
  /** k of both. */
  repeats: number
  /** pass^k and pass@k: the share of items that pass in each repeat, and in at least one. */
  always: Estimate
  ever: Estimate
}

/** Over items that passed or failed in every repeat; null without repeats or without such an item. */
export function reliabilityOf(
  { name }: Pick<RunScorer, 'name'>,
  items: readonly ItemScores[],
  repeats: number,
): Reliability | null {
  if (repeats < 2) return null
  const decided = items.flatMap(({ passRate = null, scored, ...item }) =>
    passRate === null || scored < repeats
      ? []
      : [{ passes: Math.round(passRate * repeats), group: groupOf(item) }],
  )
  const groups = decided.map(({ group }) => group)
  const estimateOf = (chance: (passes: number, attempts: number, k: number) => number) =>
    estimateMean(
      decided.map(({ passes }) => chance(passes, repeats, repeats)),
      { scale: 'binary', groups, random: namedRandom(name) },
    )
  const [always, ever] = [estimateOf(passHatK), estimateOf(passAtK)]
  return always === null || ever === null ? null : { repeats, always, ever }
}
