/** What every perturbation of an item is: a change that a good system answers alike, or the reason why there is none. */

import type { DatasetItem } from '../datasets/item.ts'

export type Change = { item: DatasetItem } | { left: string }

export type Perturbation = {
  name: string
  /** Counts up whenever the same item and seed could give another change. */
  version: number
  /** Draws only from `random`. Never throws. */
  change(item: DatasetItem, random: () => number): Change
}
