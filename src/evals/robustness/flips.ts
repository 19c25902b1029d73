/** How often a perturbation turned a judgement: pairs of an item and its perturbed one within a run, by scorer. Pure. */

import { type Difference, estimateDifference } from '../../lib/statistics/difference.ts'
import { type Estimate, estimateMean, type Scale } from '../../lib/statistics/estimate.ts'
import { withUnknownAs } from '../../lib/statistics/worst-case.ts'
import { passesOverRepeats } from '../runs/passes.ts'

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

/** Items name their perturbation themselves; a report has room for so many, the first ones. */
const MAX_PERTURBATIONS = 50

/**
 * One row for each perturbation that pairs of the items have, in their order. Over repeats an item passes when most of them do: a
 * share of repeats would count the model's own wavering as a flip. One repeat still holds that wavering, so the rate is an upper
 * reading of what the perturbation did. `randomOf` gives each figure its own numbers. Throws RangeError for values that are
 * not on the scale.
 */
export function flipsOf(
  { scorer, scale }: { scorer: string; scale: Scale },
  items: readonly Judged[],
  randomOf: (name: string) => () => number,
): Flips[] {
  return [...pairsIn(items)].slice(0, MAX_PERTURBATIONS).map(([perturbation, pairs]) => ({
    scorer,
    perturbation,
    pairs: pairs.length,
    ...flipped(pairs, randomOf(`${scorer} ${perturbation} flips`)),
    difference: shift(pairs, scale, randomOf(`${scorer} ${perturbation} difference`)),
  }))
}

export type FlipBounds = { low: number; high: number; unknown: number; pairs: number }

/**
 * What a gate on flips looks at, one-sided at `alpha`: the lower bound as if no undecided pair had flipped, and the upper one as
 * if each had. Bounds are null where no pair was decided.
 */
export function flipBounds(
  items: readonly Judged[],
  perturbation: string,
  { alpha, random }: { alpha: number; random: () => () => number },
): FlipBounds | { low: null; high: null; pairs: number } {
  const pairs = pairsIn(items).get(perturbation) ?? []
  const flips = pairs.map(flipOf)
  const unknown = flips.filter((flip) => flip === null).length
  if (unknown === flips.length) return { low: null, high: null, pairs: pairs.length }
  const groups = pairs.map(({ original }) => original.group)
  const end = (value: 0 | 1) =>
    estimateMean(withUnknownAs(value, flips), {
      scale: 'binary',
      groups,
      confidence: 1 - 2 * alpha,
      random: random(),
    })
  return { low: end(0)?.low ?? 0, high: end(1)?.high ?? 1, unknown, pairs: flips.length }
}

type Pair = { original: Judged; perturbed: Judged }

/** Perturbed items whose original is there too, by what was done to them. */
function pairsIn(items: readonly Judged[]): Map<string, Pair[]> {
  const originals = new Map(
    items.filter((item) => item.perturbation === null).map((item) => [item.itemId, item]),
  )
  const pairs = new Map<string, Pair[]>()
  for (const perturbed of items) {
    const original = originals.get(perturbed.origin ?? '')
    if (perturbed.perturbation === null || original === undefined) continue
    const own = pairs.get(perturbed.perturbation) ?? []
    own.push({ original, perturbed })
    pairs.set(perturbed.perturbation, own)
  }
  return pairs
}

/** 1 for a pair of which one passes and the other fails, 0 for one that stays; null where either is undecided. */
function flipOf({ original, perturbed }: Pair): 0 | 1 | null {
  const [before, after] = [passesOverRepeats(original.passRate), passesOverRepeats(perturbed.passRate)]
  if (before === null || after === null) return null
  return before === after ? 0 : 1
}

function flipped(
  pairs: readonly Pair[],
  random: () => number,
): Pick<Flips, 'decided' | 'rate' | 'nowFailing' | 'nowPassing'> {
  const decided = pairs.flatMap((pair) => {
    const flip = flipOf(pair)
    return flip === null
      ? []
      : [{ flip, passes: passesOverRepeats(pair.perturbed.passRate), group: pair.original.group }]
  })
  const turned = decided.filter(({ flip }) => flip === 1)
  return {
    decided: decided.length,
    rate: estimateMean(
      decided.map(({ flip }) => flip),
      { scale: 'binary', groups: decided.map(({ group }) => group), random },
    ),
    nowFailing: turned.filter(({ passes }) => passes === false).length,
    nowPassing: turned.filter(({ passes }) => passes === true).length,
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
