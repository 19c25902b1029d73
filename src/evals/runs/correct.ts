/** The mean that people would have given, where a judge gave it: its known mistakes are taken out. Pure. */

import { effectiveSize } from '../../lib/statistics/effective-size.ts'
import type { Mean } from '../../lib/statistics/mean.ts'
import { meanOf } from '../../lib/statistics/mean.ts'
import { predictionPowered } from '../../lib/statistics/prediction-powered.ts'
import { correctRate, type SampledRate } from '../../lib/statistics/rogan-gladen.ts'
import type { Interval, JudgeCalibration, JudgeEvidence } from './calibration.ts'
import { groupOf } from './item-pairs.ts'
import type { ItemScores } from './result-rows.ts'

export type Corrected = Interval & {
  method: 'rogan-gladen@1' | 'ppi@1'
  /** People's answers that it rests on. */
  truths: number
}

/** With fewer rated items of its own a run is corrected by the calibration: t intervals of few labels are wide and lean. */
const MIN_RATED = 30

/**
 * Over the items that the judge judged. From people's ratings of a random sample of the same run, where each item is a group of
 * its own: prediction-powered, and unbiased whatever the judge is worth. Else, for a judge of yes and no, from the sensitivity
 * and specificity of its calibration (Rogan and Gladen), which takes for granted that it errs here as it erred there. Null
 * where neither is to be had.
 */
export function correctMean(
  own: readonly ItemScores[],
  { calibration, rated }: JudgeEvidence,
  confidence: number,
): Corrected | null {
  if (calibration === null) return null
  const known = own.filter((item): item is ItemScores & { mean: number } => item.mean !== null)
  return byOwnRatings(known, rated, confidence) ?? byRates(known, calibration, confidence)
}

type Judged = ItemScores & { mean: number }

function byOwnRatings(
  known: readonly Judged[],
  rated: JudgeEvidence['rated'],
  confidence: number,
): Corrected | null {
  const isGrouped = new Set(known.map(groupOf)).size < known.length
  if (isGrouped || rated.length < MIN_RATED) return null
  const taken = new Set(rated.map(({ position }) => position))
  const powered = predictionPowered(
    {
      labels: rated.map(({ truth }) => truth),
      judgedLabelled: rated.map(({ judged }) => judged),
      judged: known.filter(({ position }) => !taken.has(position)).map(({ mean }) => mean),
    },
    confidence,
  )
  if (powered === null) return null
  const { estimate, low, high, method } = powered
  return { estimate: within(estimate), low: within(low), high: within(high), method, truths: rated.length }
}

function byRates(
  known: readonly Judged[],
  { sensitivity, specificity, isRate, truths }: JudgeCalibration,
  confidence: number,
): Corrected | null {
  const mean = meanOf(
    known.map((item) => item.mean),
    known.map(groupOf),
  )
  if (!isRate || mean === null || sensitivity === null || specificity === null) return null
  const corrected = correctRate(
    {
      judged: sampled(mean, confidence),
      sensitivity: sampled({ ...sensitivity, mean: sensitivity.estimate }, confidence),
      specificity: sampled({ ...specificity, mean: specificity.estimate }, confidence),
    },
    confidence,
  )
  if (corrected === null) return null
  const { estimate, low, high, method } = corrected
  return { estimate, low, high, method, truths }
}

/** Where all are alike, or there is one group, nothing is known of the spread within groups: each counts as one item. */
function sampled(mean: Mean, confidence: number): SampledRate {
  const { mean: rate, items, groups } = mean
  if (groups === items) return { rate, items }
  const spread = rate * (1 - rate)
  return { rate, items: spread === 0 || groups < 2 ? groups : effectiveSize(mean, spread, confidence) }
}

function within(share: number): number {
  return Math.min(1, Math.max(0, share))
}
