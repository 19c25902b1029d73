/** What a suite can see before it is run: items needed, the least difference it can detect, and its power. Pure. */

import { normalCdf, normalQuantile } from './distributions.ts'
import { requirePairs, requirePositive, requireProbability, requireWhole } from './inputs.ts'
import { averageRepeats, meanOf } from './mean.ts'

/** Where a paired difference's variance comes from, in squared units of the score (Miller, arXiv 2411.00640, section 5). */
export type Spread = {
  /** ω²: of the items' true differences. */
  between: number
  /** σ²_A and σ²_B: of one item's repeats about its own mean, averaged over items. */
  baseline: number
  other: number
}

export type Plan = {
  spread: Spread
  repeats: { baseline: number; other: number }
  /** 0.05 unless told otherwise. */
  alpha?: number
  /** 2 for "do they differ", 1 for a gate's "is it not worse by more than the margin". */
  sides: 1 | 2
  /** How many grouped items are worth one independent one; 1 unless told otherwise (Kish 1965). */
  designEffect?: number
}

/** The customary power. */
const POWER = 0.8

/**
 * Items needed to detect a true difference of `effect` with the given power: (z_{α/sides} + z_β)² · (ω² + σ²_A/K_A + σ²_B/K_B) /
 * effect² (Miller, arXiv 2411.00640, equation 9, where sides is 2). For a gate the effect is margin + expected difference.
 * Rounded up. Throws RangeError for an effect that is not above 0 and settings that make no sense.
 */
export function itemsNeeded(plan: Plan, effect: number, power = POWER): number {
  requirePositive('effect', effect)
  return Math.ceil((reach(plan, power) ** 2 * varianceOfOne(plan)) / (effect * effect) - 1e-9)
}

/** The least true difference that so many items detect with the given power: equation 9 solved for δ. */
export function minimumDetectableEffect(plan: Plan, items: number, power = POWER): number {
  requireWhole('items', items, 1)
  return reach(plan, power) * Math.sqrt(varianceOfOne(plan) / items)
}

/** The chance that so many items detect a true difference of `effect`; the far side of a two-sided test is not counted. */
export function powerOf(plan: Plan, items: number, effect: number): number {
  requireWhole('items', items, 1)
  requirePositive('effect', effect)
  const se = Math.sqrt(varianceOfOne(plan) / items)
  return se === 0 ? 1 : normalCdf(effect / se - criticalZ(plan))
}

/**
 * The spread of a pilot: for each item the scores of its repeats, in both runs. σ² is the mean over items of the sample variance
 * of repeats; ω² is the variance of the differences of means less what repeats explain of it, at least 0. Runs with one repeat
 * for each item show only the sum: it is then all ω², and plans with one repeat come out right. Null with fewer than two items.
 * Throws RangeError for runs of different lengths, an item without repeats, or values that are not finite.
 */
export function spreadOfPilot(
  baseline: readonly (readonly number[])[],
  other: readonly (readonly number[])[],
): Spread | null {
  requirePairs(baseline, other)
  const [first, second] = [averageRepeats(baseline), averageRepeats(other)]
  const differences = meanOf(second.map((value, at) => value - (first[at] ?? 0)))
  if (differences === null || differences.items < 2) return null
  const observed = differences.se ** 2 * differences.items
  const [ofBaseline, ofOther] = [withinItems(baseline), withinItems(other)]
  const explained = ofBaseline.ofMeans + ofOther.ofMeans
  return {
    between: Math.max(0, observed - explained),
    baseline: ofBaseline.ofOne,
    other: ofOther.ofOne,
  }
}

/** Mean variance of one repeat, and of an item's mean over its repeats. Items with one repeat say nothing of either. */
function withinItems(repeats: readonly (readonly number[])[]): { ofOne: number; ofMeans: number } {
  const repeated = repeats.filter((values) => values.length > 1)
  if (repeated.length === 0) return { ofOne: 0, ofMeans: 0 }
  const errors = repeated.map((values) => (meanOf(values)?.se ?? 0) ** 2)
  const ofOne =
    errors.reduce((sum, error, at) => sum + error * (repeated[at]?.length ?? 0), 0) / repeated.length
  const perRepeat = repeats.reduce((sum, { length }) => sum + 1 / length, 0) / repeats.length
  return { ofOne, ofMeans: ofOne * perRepeat }
}

function varianceOfOne({ spread, repeats, designEffect = 1 }: Plan): number {
  requireWhole('repeats.baseline', repeats.baseline, 1)
  requireWhole('repeats.other', repeats.other, 1)
  requirePositive('designEffect', designEffect)
  const variance = spread.between + spread.baseline / repeats.baseline + spread.other / repeats.other
  if (!(variance >= 0 && Number.isFinite(variance))) throw new RangeError(`spread adds up to ${variance}.`)
  return designEffect * variance
}

function reach(plan: Plan, power: number): number {
  requireProbability('power', power)
  return criticalZ(plan) + normalQuantile(power)
}

function criticalZ({ alpha = 0.05, sides }: Plan): number {
  requireProbability('alpha', alpha)
  return normalQuantile(1 - alpha / sides)
}
