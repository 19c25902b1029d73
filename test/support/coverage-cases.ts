/** Made-up evaluations whose truth is known, to count how often an interval holds it: for the tests and for `bench/coverage.ts`. */

import { agreementOf } from '../../src/lib/statistics/agreement.ts'
import { estimateDifference } from '../../src/lib/statistics/difference.ts'
import { normalCdf } from '../../src/lib/statistics/distributions.ts'
import { estimateMean, type Scale } from '../../src/lib/statistics/estimate.ts'
import { predictionPowered } from '../../src/lib/statistics/prediction-powered.ts'
import type { Random } from '../../src/lib/statistics/resample.ts'
import { roganGladen } from '../../src/lib/statistics/rogan-gladen.ts'

type Simulated = { low: number; high: number; estimate: number; method: string }

export type CoverageCase = {
  name: string
  truth: number
  /** One evaluation. */
  once: (random: Random, resamples: number) => Simulated | null
  /** What the share of evaluations whose interval holds the truth has to be within. */
  atLeast: number
  atMost: number
}

export type Coverage = {
  /** Shares of evaluations: interval holds the truth; lies wholly above it; wholly below it. */
  covered: number
  tooHigh: number
  tooLow: number
  /** Mean estimate − truth. */
  bias: number
  methods: string[]
}

/** So many, plus one, that both ends of 95 % are whole places; what few lack in precision averages out over evaluations. */
const RESAMPLES = 199

/** Evaluations that give no interval are left out, as they would be in use. */
export function simulate(
  { truth, once }: CoverageCase,
  random: Random,
  replications: number,
  resamples = RESAMPLES,
): Coverage {
  const methods = new Set<string>()
  let [tooHigh, tooLow, bias, counted] = [0, 0, 0, 0]
  for (let replication = 0; replication < replications; replication += 1) {
    const one = once(random, resamples)
    if (one === null) continue
    counted += 1
    methods.add(one.method)
    bias += one.estimate - truth
    if (one.low > truth + 1e-12) tooHigh += 1
    if (one.high < truth - 1e-12) tooLow += 1
  }
  return {
    covered: 1 - (tooHigh + tooLow) / counted,
    tooHigh: tooHigh / counted,
    tooLow: tooLow / counted,
    bias: bias / counted,
    methods: [...methods].toSorted(),
  }
}

/** A standard normal number (Box and Muller 1958). */
export function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** A judge with four levels that is mostly content, from a uniform number; and what its mean is. */
const judgeLike = (uniform: number) => (uniform < 0.05 ? 0 : uniform < 0.15 ? 0.5 : uniform < 0.3 ? 0.75 : 1)
const JUDGE_LIKE_MEAN = 0.1 * 0.5 + 0.15 * 0.75 + 0.7

/** Like a reciprocal rank: a fifth 0, a half 1, fractions between. */
export const rankLike = (uniform: number) =>
  uniform < 0.2 ? 0 : uniform < 0.5 ? 1 / (2 + Math.floor(((uniform - 0.2) / 0.3) * 4)) : 1
export const RANK_LIKE_MEAN = 0.5 + (0.3 * (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5)) / 4

type Draw = (uniform: number) => number

const few = (random: Random) => 1 + Math.floor(random() * 9)
const one = () => 1

/** Values of `count` groups; `alike` is how much of each value's normal variance its group shares. */
function groupedValues(
  random: Random,
  count: number,
  { alike, size, draw }: { alike: number; size: (random: Random) => number; draw: Draw },
): { values: number[]; groups: string[] } {
  const values: number[] = []
  const groups: string[] = []
  for (let group = 0; group < count; group += 1) {
    const shared = Math.sqrt(alike) * gauss(random)
    for (let item = size(random); item > 0; item -= 1) {
      const uniform = alike === 0 ? random() : normalCdf(shared + Math.sqrt(1 - alike) * gauss(random))
      values.push(draw(uniform))
      groups.push(`group ${group}`)
    }
  }
  return { values, groups }
}

/** Two runs over the same items, neither better: 0.6 of what makes an item easy is the same for both. */
function pairedValues(
  random: Random,
  count: number,
  { alike, size, draw }: { alike: number; size: (random: Random) => number; draw: Draw },
): { baseline: number[]; other: number[]; groups: string[] } {
  const runs: { baseline: number[]; other: number[]; groups: string[] } = {
    baseline: [],
    other: [],
    groups: [],
  }
  const [same, own] = [Math.sqrt(0.6), Math.sqrt(0.4)]
  for (let group = 0; group < count; group += 1) {
    const [shared, first, second] = [gauss(random), gauss(random), gauss(random)]
    for (let item = size(random); item > 0; item -= 1) {
      const item_ = gauss(random)
      const value = (ofRun: number) =>
        draw(
          normalCdf(
            Math.sqrt(alike) * (same * shared + own * ofRun) +
              Math.sqrt(1 - alike) * (same * item_ + own * gauss(random)),
          ),
        )
      runs.baseline.push(value(first))
      runs.other.push(value(second))
      runs.groups.push(`group ${group}`)
    }
  }
  return runs
}

function meanCase(
  name: string,
  truth: number,
  count: number,
  made: { alike: number; size: (random: Random) => number; draw: Draw; scale?: Scale },
): (within: readonly [number, number]) => CoverageCase {
  return ([atLeast, atMost]) => ({
    name,
    truth,
    atLeast,
    atMost,
    once: (random, resamples) => {
      const { values, groups } = groupedValues(random, count, made)
      return estimateMean(values, { scale: made.scale ?? 'share', groups, random, resamples })
    },
  })
}

function differenceCase(
  name: string,
  count: number,
  made: { alike: number; size: (random: Random) => number; draw: Draw },
): (within: readonly [number, number]) => CoverageCase {
  return ([atLeast, atMost]) => ({
    name,
    truth: 0,
    atLeast,
    atMost,
    once: (random, resamples) => {
      const { baseline, other, groups } = pairedValues(random, count, made)
      return estimateDifference(baseline, other, { scale: 'share', groups, random, resamples })
    },
  })
}

/** 95 ± 1 %, what an interval that says 95 % is held to. */
const AS_SAID = [0.94, 0.96] as const
/** Where few groups or many equal values make it careful. */
const CAREFUL = [0.94, 0.99] as const

const rate =
  (of: number): Draw =>
  (uniform) =>
    uniform < of ? 1 : 0

export const MEAN_CASES: readonly CoverageCase[] = [
  meanCase('rate 0.8, 100 items', 0.8, 100, { alike: 0, size: one, draw: rate(0.8) })(AS_SAID),
  meanCase('rate 0.5, 20 groups', 0.5, 20, { alike: 0.4, size: few, draw: rate(0.5) })(AS_SAID),
  meanCase('rate 0.8, 40 groups', 0.8, 40, { alike: 0.4, size: few, draw: rate(0.8) })(AS_SAID),
  meanCase('rate 0.95, 100 groups', 0.95, 100, { alike: 0.1, size: few, draw: rate(0.95) })(AS_SAID),
  meanCase('rate 0.95, 10 groups', 0.95, 10, { alike: 0.4, size: few, draw: rate(0.95) })(CAREFUL),
  meanCase('judge, 10 groups', JUDGE_LIKE_MEAN, 10, { alike: 0.3, size: few, draw: judgeLike })(AS_SAID),
  meanCase('judge, 20 groups', JUDGE_LIKE_MEAN, 20, { alike: 0.3, size: few, draw: judgeLike })(AS_SAID),
  meanCase('judge, 60 items', JUDGE_LIKE_MEAN, 60, { alike: 0, size: one, draw: judgeLike })(AS_SAID),
  meanCase('judge, 20 items', JUDGE_LIKE_MEAN, 20, { alike: 0, size: one, draw: judgeLike })(CAREFUL),
  meanCase('ranks, 20 groups', RANK_LIKE_MEAN, 20, { alike: 0.3, size: few, draw: rankLike })(AS_SAID),
  meanCase('ranks, 60 items', RANK_LIKE_MEAN, 60, { alike: 0, size: one, draw: rankLike })(CAREFUL),
  meanCase('uniform, 10 groups', 0.5, 10, { alike: 0.3, size: few, draw: (uniform) => uniform })(AS_SAID),
  meanCase('judge, 1,000 items', JUDGE_LIKE_MEAN, 1000, { alike: 0, size: one, draw: judgeLike })(AS_SAID),
]

export const DIFFERENCE_CASES: readonly CoverageCase[] = [
  differenceCase('rate 0.8, 100 items', 100, { alike: 0, size: one, draw: rate(0.8) })(AS_SAID),
  differenceCase('rate 0.5, 20 groups', 20, { alike: 0.3, size: few, draw: rate(0.5) })(AS_SAID),
  differenceCase('rate 0.9, 60 groups', 60, { alike: 0.3, size: few, draw: rate(0.9) })(AS_SAID),
  differenceCase('rate 0.9, 8 groups', 8, { alike: 0.3, size: few, draw: rate(0.9) })([0.94, 1]),
  differenceCase('judge, 20 groups', 20, { alike: 0.3, size: few, draw: judgeLike })(CAREFUL),
  differenceCase('judge, 60 items', 60, { alike: 0, size: one, draw: judgeLike })(CAREFUL),
]

/** Two items of twenty-five lose about 0.75 and one gains 0.5: too rare for few items to show them. */
function rareCase(items: number, [atLeast, atMost]: readonly [number, number]): CoverageCase {
  return {
    name: `rare losses and gains, ${items} items`,
    truth: 0.04 * 0.5 - 0.08 * 0.75,
    atLeast,
    atMost,
    once: (random, resamples) => {
      const gains = Array.from({ length: items }, () => {
        const uniform = random()
        return uniform < 0.08 ? -0.5 - 0.5 * random() : uniform < 0.12 ? 0.5 : 0
      })
      const baseline = gains.map((gain) => (gain < 0 ? 1 : 0.5))
      const other = gains.map((gain, at) => (baseline[at] ?? 0) + gain)
      return estimateDifference(baseline, other, { scale: 'share', random, resamples })
    },
  }
}

export const RARE_CASES: readonly CoverageCase[] = [rareCase(20, [0.87, 0.96])]

const count = (random: Random, trials: number, chance: number) => {
  let successes = 0
  for (let trial = 0; trial < trials; trial += 1) if (random() < chance) successes += 1
  return successes
}

/** A judge of sensitivity 0.95 and specificity 0.8 sees items of which `truth` are good; people labelled some of each. */
function roganGladenCase(truth: number, judged: number, labels: number): CoverageCase {
  return {
    name: `judged ${judged}, ${labels} + ${labels} labels, truth ${truth}`,
    truth,
    atLeast: AS_SAID[0],
    atMost: CAREFUL[1],
    once: (random) =>
      roganGladen({
        judged: { items: judged, good: count(random, judged, truth * 0.95 + (1 - truth) * 0.2) },
        trulyGood: { items: labels, judgedGood: count(random, labels, 0.95) },
        trulyBad: { items: labels, judgedBad: count(random, labels, 0.8) },
      }),
  }
}

/** The same judge and truths of 0 and 1, a few of them labelled. */
function predictionPoweredCase(truth: number, judged: number, labelled: number): CoverageCase {
  return {
    name: `judged ${judged}, ${labelled} labels, truth ${truth}`,
    truth,
    atLeast: AS_SAID[0],
    atMost: AS_SAID[1],
    once: (random) => {
      const item = () => {
        const label = random() < truth ? 1 : 0
        return { label, judged: random() < (label === 1 ? 0.95 : 0.2) ? 1 : 0 }
      }
      const some = Array.from({ length: labelled }, item)
      return predictionPowered({
        labels: some.map(({ label }) => label),
        judgedLabelled: some.map(({ judged: of }) => of),
        judged: Array.from({ length: judged }, () => item().judged),
      })
    },
  }
}

export const CORRECTED_CASES: readonly CoverageCase[] = [
  roganGladenCase(0.7, 300, 100),
  roganGladenCase(0.9, 300, 60),
  roganGladenCase(0.5, 2000, 60),
  predictionPoweredCase(0.7, 300, 60),
  predictionPoweredCase(0.8, 600, 120),
]

/** Two raters who are each right about a label of the given share with the chance 0.9. */
function agreementCase(
  measure: 'kappa' | 'ac1',
  share: number,
  items: number,
  atLeast: number,
): CoverageCase {
  const both = 0.81 + 0.01
  const marginal = share * 0.9 + (1 - share) * 0.1
  const chance = measure === 'kappa' ? marginal ** 2 + (1 - marginal) ** 2 : 2 * marginal * (1 - marginal)
  return {
    name: `${measure}, ${items} items, a label of ${share}`,
    truth: (both - chance) / (1 - chance),
    atLeast,
    atMost: AS_SAID[1],
    once: (random, resamples) => {
      const truths = Array.from({ length: items }, () => random() < share)
      const rater = () => truths.map((truth) => (random() < 0.9 === truth ? 'yes' : 'no'))
      return agreementOf(rater(), rater(), {
        measure,
        categories: ['yes', 'no'],
        random,
        resamples,
      })
    },
  }
}

export const AGREEMENT_CASES: readonly CoverageCase[] = [
  agreementCase('kappa', 0.5, 100, 0.93),
  agreementCase('ac1', 0.8, 100, 0.93),
]
