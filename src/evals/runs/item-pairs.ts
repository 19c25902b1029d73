/** Items of runs as the statistics take them: paired with those of another run, in groups, with randomness of their own. Pure. */

import type { Judged } from '../robustness/flips.ts'
import type { ItemScores } from './result-rows.ts'

export type Pair = { baseline: ItemScores; candidate: ItemScores }

/** Items that both runs have, with the same content. */
export function pairsOf(baseline: readonly ItemScores[], candidate: readonly ItemScores[]): Pair[] {
  const byItem = new Map(baseline.map((item) => [`${item.itemId} ${item.hash}`, item]))
  return candidate.flatMap((item) => {
    const other = byItem.get(`${item.itemId} ${item.hash}`)
    return other === undefined ? [] : [{ baseline: other, candidate: item }]
  })
}

/** An item without a group is a group of its own, which no named one is. */
export function groupOf({ group, position }: Pick<ItemScores, 'group' | 'position'>): string {
  return group === null ? `item ${position}` : `group ${group}`
}

/** As pairs of an item and its perturbed one are made of it. */
export function judgedOf(item: ItemScores): Judged {
  const { itemId, perturbation = null, origin = null, mean, passRate = null } = item
  return { itemId, group: groupOf(item), perturbation, origin, mean, passRate }
}
