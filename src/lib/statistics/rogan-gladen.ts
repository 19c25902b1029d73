/** The true rate behind a judge's rate: what people's labels say of the judge's mistakes is taken out. Pure. */

import { CONFIDENCE } from './bootstrap.ts'
import { normalQuantile } from './distributions.ts'
import { requireProbability, requireWhole } from './inputs.ts'

export type JudgedCounts = {
  /** Items that only the judge saw, and how many of them it called good. */
  judged: { items: number; good: number }
  /** Items that people call good, and how many of them the judge called good: its sensitivity. */
  trulyGood: { items: number; judgedGood: number }
  /** Items that people call bad, and how many of them the judge called bad: its specificity. */
  trulyBad: { items: number; judgedBad: number }
}

export type CorrectedRate = {
  estimate: number
  low: number
  high: number
  method: 'rogan-gladen@1'
  /** The share of the interval's variance that more labels would take away; the rest more judged items would. */
  labelShareOfVariance: number
}

/**
 * The rate of truly good items: (p̂ + q̂₀ − 1) / (q̂₀ + q̂₁ − 1), q₀ specificity and q₁ sensitivity (Rogan and Gladen 1978,
 * https://doi.org/10.1093/oxfordjournals.aje.a112510), cut to 0…1, with the adjusted interval of Lee et al., "How to Correctly
 * Report LLM-as-a-Judge Evaluations", arXiv 2511.21140: counts are enlarged as Agresti and Coull do, and the middle is shifted.
 * Labelled items must come from the same kind of items as judged ones, and all be independent. Null where any of the three
 * has no item, or the judge is no better than chance (q̂₀ + q̂₁ ≤ 1, as counted or as enlarged), for then its rate says nothing. Throws
 * RangeError for counts that are not whole or not among their items.
 */
export function roganGladen(counts: JudgedCounts, confidence = CONFIDENCE): CorrectedRate | null {
  requireProbability('confidence', confidence)
  const { judged, trulyGood, trulyBad } = counts
  requireCounts('judged', judged.good, judged.items)
  requireCounts('trulyGood', trulyGood.judgedGood, trulyGood.items)
  requireCounts('trulyBad', trulyBad.judgedBad, trulyBad.items)
  if (judged.items === 0 || trulyGood.items === 0 || trulyBad.items === 0) return null
  return correctRate(
    {
      judged: { rate: judged.good / judged.items, items: judged.items },
      sensitivity: { rate: trulyGood.judgedGood / trulyGood.items, items: trulyGood.items },
      specificity: { rate: trulyBad.judgedBad / trulyBad.items, items: trulyBad.items },
    },
    confidence,
  )
}

/** A rate, and over how many independent items: fewer than there are where items share groups, and then seldom a whole number. */
export type SampledRate = { rate: number; items: number }

/**
 * `roganGladen` for rates over effective numbers of items (`effectiveSize`). Null where the judge is no better than chance.
 * Throws RangeError for a rate outside 0…1 or a size that is not above 0.
 */
export function correctRate(
  { judged, sensitivity, specificity }: Record<'judged' | 'sensitivity' | 'specificity', SampledRate>,
  confidence = CONFIDENCE,
): CorrectedRate | null {
  requireProbability('confidence', confidence)
  for (const sample of [judged, sensitivity, specificity]) requireSample(sample)
  const z = normalQuantile((1 + confidence) / 2)
  const raw = { rate: judged.rate, specificity: specificity.rate, sensitivity: sensitivity.rate }
  const [n, bad, good] = [judged.items + z * z, specificity.items + 2, sensitivity.items + 2]
  const enlarged = {
    rate: (judged.rate * judged.items + (z * z) / 2) / n,
    specificity: (specificity.rate * specificity.items + 1) / bad,
    sensitivity: (sensitivity.rate * sensitivity.items + 1) / good,
  }
  if (advantage(raw) <= 0 || advantage(enlarged) <= 0) return null
  const middle = corrected(enlarged)
  const ofRate = variance(enlarged.rate, n)
  const ofSpecificity = variance(enlarged.specificity, bad)
  const ofSensitivity = variance(enlarged.sensitivity, good)
  const ofLabels = (1 - middle) ** 2 * ofSpecificity + middle ** 2 * ofSensitivity
  const reach = (z * Math.sqrt(ofRate + ofLabels)) / advantage(enlarged)
  const shifted = middle + 2 * z * z * (middle * ofSensitivity - (1 - middle) * ofSpecificity)
  return {
    estimate: within(corrected(raw)),
    low: within(shifted - reach),
    high: within(shifted + reach),
    method: 'rogan-gladen@1',
    labelShareOfVariance: ofLabels / (ofRate + ofLabels),
  }
}

type Rates = { rate: number; specificity: number; sensitivity: number }

/** Youden's J: how much more often the judge calls a good item good than a bad one. */
function advantage({ specificity, sensitivity }: Rates): number {
  return specificity + sensitivity - 1
}

function corrected(rates: Rates): number {
  return (rates.rate + rates.specificity - 1) / advantage(rates)
}

function variance(rate: number, items: number): number {
  return (rate * (1 - rate)) / items
}

function within(rate: number): number {
  return Math.min(1, Math.max(0, rate))
}

function requireSample({ rate, items }: SampledRate): void {
  if (rate >= 0 && rate <= 1 && items > 0) return
  throw new RangeError(`A rate lies in 0…1 over more than 0 items, and is not ${rate} over ${items}.`)
}

function requireCounts(name: string, some: number, all: number): void {
  requireWhole(`${name}.items`, all, 0)
  requireWhole(name, some, 0, all)
}
