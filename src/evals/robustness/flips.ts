/** How often a perturbation turned a judgement: pairs of an item and its perturbed one within a run, by scorer. Pure. */

import { type Difference, estimateDifference } from '../../lib/statistics/difference.ts'
import { type Estimate, estimateMean, type Scale } from '../../lib/statistics/estimate.ts'

/** One scorer's judgement of an item over its repeats. */
export type Judged = {
  itemId: string
  /** Of items that are easy or hard together; an original and its perturbed ones share one. */
  group: string
  perturbation: string | null
  origin: string | null
  /** Null where nothing was scored. */
  mean: number | null
  /** Null where nothing passed or failed. */
  passRate: number | null
}

export type Flips = {
  scorer: string
  perturbation: string
  /** Perturbed items whose original the run has. */
  pairs: number
  /** Of which original and perturbed one both passed or failed, and the share of those that differ; null without any. */
  decided: number
  rate: Estimate | null
  /** Pairs that passed before and fail perturbed, and the other way round. */
  nowFailing: number
  nowPassing: number
  /** Perturbed − original of the scorer's values, over pairs where both have one. */
  difference: Difference | null
}

/**
 * One row for each perturbation that the items name, in their order. Over repeats an item passes when half of them do: a share
 * of repeats would count the model's own wavering as a flip. One repeat still holds that wavering, so the rate is an upper
 * reading of what the perturbation did. `randomOf` gives each figure its own numbers. Throws RangeError for values that are
 * not on the scale.
 */
export function flipsOf(
  { scorer, scale }: { scorer: string; scale: Scale },
  items: readonly Judged[],
  randomOf: (name: string) => () => number,
): Flips[] {
  const originals = new Map(
    items.flatMap((item) => (item.perturbation === null ? [[item.itemId, item]] : [])),
  )
  const names = new Set(items.flatMap(({ perturbation }) => (perturbation === null ? [] : [perturbation])))
  return [...names].map((perturbation) => {
    const pairs = items.flatMap((perturbed) => {
      const original = originals.get(perturbed.origin ?? '')
      return perturbed.perturbation !== perturbation || original === undefined
        ? []
        : [{ original, perturbed }]
    })
    const name = `${scorer} ${perturbation}`
    return {
      scorer,
      perturbation,
      pairs: pairs.length,
      ...flipped(pairs, randomOf(name)),
      difference: shift(pairs, scale, randomOf(name)),
    }
  })
}

type Pair = { original: Judged; perturbed: Judged }

function flipped(
  pairs: readonly Pair[],
  random: () => number,
): Pick<Flips, 'decided' | 'rate' | 'nowFailing' | 'nowPassing'> {
  const decided = pairs.flatMap(({ original, perturbed }) =>
    original.passRate === null || perturbed.passRate === null
      ? []
      : [{ before: original.passRate >= 0.5, after: perturbed.passRate >= 0.5, group: original.group }],
  )
  return {
    decided: decided.length,
    rate: estimateMean(
      decided.map(({ before, after }) => (before === after ? 0 : 1)),
      { scale: 'binary', groups: decided.map(({ group }) => group), random },
    ),
    nowFailing: decided.filter(({ before, after }) => before && !after).length,
    nowPassing: decided.filter(({ before, after }) => !before && after).length,
  }
}

function shift(pairs: readonly Pair[], scale: Scale, random: () => number): Difference | null {
  const known = pairs.flatMap(({ original, perturbed }) =>
    original.mean === null || perturbed.mean === null
      ? []
      : [{ before: original.mean, after: perturbed.mean, group: original.group }],
  )
  return estimateDifference(
    known.map(({ before }) => before),
    known.map(({ after }) => after),
    { scale, groups: known.map(({ group }) => group), random },
  )
}
