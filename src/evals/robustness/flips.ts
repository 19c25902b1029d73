/** How often a perturbation turned a judgement: pairs of an item and its perturbed one within a run, by scorer. Pure. */

import { type Difference, estimateDifference } from '../../lib/statistics/difference.ts'
import { type Estimate, estimateMean, type Scale } from '../../lib/statistics/estimate.ts'
import { withUnknownAs } from '../../lib/statistics/worst-case.ts'

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
  const names = new Set(items.flatMap(({ perturbation }) => (perturbation === null ? [] : [perturbation])))
  return [...names].map((perturbation) => {
    const pairs = pairsOf(items, perturbation)
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

export type FlipBounds = { low: number; high: number; unknown: number; pairs: number }

/**
 * What a gate on flips looks at, one-sided at `alpha`: the lower bound as if no undecided pair had flipped, and the upper one as
 * if each had. Null where no pair was decided.
 */
export function flipBounds(
  items: readonly Judged[],
  perturbation: string,
  { alpha, random }: { alpha: number; random: () => () => number },
): FlipBounds | null {
  const flips = pairsOf(items, perturbation).map(({ original, perturbed }) => ({
    flip:
      original.passRate === null || perturbed.passRate === null
        ? null
        : Number(original.passRate >= 0.5 !== perturbed.passRate >= 0.5),
    group: original.group,
  }))
  const unknown = flips.filter(({ flip }) => flip === null).length
  if (unknown === flips.length) return null
  const groups = flips.map(({ group }) => group)
  const end = (value: 0 | 1) =>
    estimateMean(
      withUnknownAs(
        value,
        flips.map(({ flip }) => flip),
      ),
      { scale: 'binary', groups, confidence: 1 - 2 * alpha, random: random() },
    )
  return { low: end(0)?.low ?? 0, high: end(1)?.high ?? 1, unknown, pairs: flips.length }
}

type Pair = { original: Judged; perturbed: Judged }

/** Perturbed items whose original is there too. */
function pairsOf(items: readonly Judged[], perturbation: string): Pair[] {
  const originals = new Map(
    items.flatMap((item) => (item.perturbation === null ? [[item.itemId, item]] : [])),
  )
  return items.flatMap((perturbed) => {
    const original = originals.get(perturbed.origin ?? '')
    return perturbed.perturbation !== perturbation || original === undefined ? [] : [{ original, perturbed }]
  })
}

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
