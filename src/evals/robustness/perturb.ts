/** An item beside its perturbed ones, each of which names its origin, so that a run over all of them says how often a change flips a judgement. Pure. */

import { namedRandom } from '../../lib/random.ts'
import { checkItem } from '../datasets/check-item.ts'
import type { DatasetItem } from '../datasets/item.ts'
import { groups } from './groups.ts'
import { demandSilence, injection } from './injection.ts'
import { names } from './names.ts'
import { order } from './order.ts'
import { paraphrase } from './paraphrase.ts'
import type { Perturbation } from './perturbation.ts'
import { typos } from './typos.ts'

const PERTURBATIONS: readonly Perturbation[] = [typos, paraphrase, order, injection, names, groups]
export const PERTURBATION_NAMES: readonly string[] = PERTURBATIONS.map(({ name }) => name)

export type PerturbedItems = { items: DatasetItem[]; left: { perturbation: string; reason: string }[] }

/**
 * The original first, then one item for each of `wanted` that can be made, by name. Each draws by seed, perturbation and id, so
 * that no item depends on another. All share a group, the original's own or its id: they are easy or hard together. What was
 * recorded of the original (output, labels, source) is none of the perturbed ones.
 */
export function perturbItem(
  item: DatasetItem,
  { wanted, seed }: { wanted: readonly string[]; seed: number },
): PerturbedItems {
  const group = item.group ?? item.id
  const made: PerturbedItems = { items: [{ ...item, group }], left: [] }
  for (const one of PERTURBATIONS.filter(({ name }) => wanted.includes(name))) {
    const changed = changeBy(one, item, seed)
    if ('left' in changed) made.left.push({ perturbation: one.name, reason: changed.left })
    else made.items.push({ ...changed.item, group })
  }
  const canary = made.items.find(({ metadata }) => metadata?.perturbation === injection.name)?.metadata
    ?.canary
  if (typeof canary === 'string') made.items[0] = demandSilence({ ...item, group }, canary)
  return made
}

function changeBy({ name, version, change }: Perturbation, item: DatasetItem, seed: number) {
  if (item.metadata?.perturbation !== undefined) return { left: 'is a perturbed item itself' }
  const { output: _output, labels: _labels, source: _source, ...asked } = item
  const changed = change(asked, namedRandom(`${seed} ${name} ${version} ${item.id}`))
  if ('left' in changed) return changed
  const metadata = { ...changed.item.metadata, perturbation: name, origin: item.id }
  const checked = checkItem({ ...changed.item, id: `${item.id}~${name}`, metadata }, 'perturbed')
  return 'item' in checked ? checked : { left: 'would no longer be an item: too long, or too long an id' }
}
