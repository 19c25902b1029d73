/** How far a judge can be trusted: its agreement with people's labels, its sensitivity and specificity. Pure and seeded. */

import { CONFIDENCE } from './bootstrap.ts'
import { type Estimate, type EstimateSettings, estimateMean } from './estimate.ts'
import { type Groups, placesOf } from './groups.ts'
import { requirePairs, requireProbability } from './inputs.ts'
import { type AgreementMeasure, agreementIn } from './kappa.ts'
import { type Random, resample } from './resample.ts'

export type AgreementSettings = {
  measure: AgreementMeasure
  /** Every label there can be, at least two; in their order where the measure is weighted. */
  categories: readonly string[]
  /** For each item the group it belongs to; left out, each item is a group of its own. */
  groups?: Groups
  confidence?: number
  random: Random
  resamples?: number
}

export type Agreement = {
  /** −1…1; 1 is full agreement, 0 what chance would give. */
  estimate: number
  low: number
  high: number
  method: 'bootstrap-percentile@1'
  items: number
  groups: number
}

/** One less than a round number, so that (resamples + 1) · 0.025 is whole. */
const RESAMPLES = 9_999

/**
 * Agreement of two raters over the same items with a percentile bootstrap interval over groups. A draw in which the measure is
 * undefined counts at both ends as the worst that it could be. With few items of a rare label the interval is narrower than it
 * says: docs/statistics.md. Null without items, and where the measure is undefined because both raters gave one and the same
 * label throughout. Throws RangeError for lists of different lengths, a label that is no category, and fewer than two of those.
 */
export function agreementOf(
  first: readonly string[],
  second: readonly string[],
  settings: AgreementSettings,
): Agreement | null {
  const { measure, categories, groups, confidence = CONFIDENCE, random, resamples = RESAMPLES } = settings
  requirePairs(first, second)
  requireProbability('confidence', confidence)
  if (new Set(categories).size !== categories.length || categories.length < 2) {
    throw new RangeError(`Agreement needs two different categories or more, not ${categories.join(', ')}.`)
  }
  const cells = cellsOf(first, second, categories)
  const { places, size } = placesOf(cells.length, groups)
  const columns = categories.length ** 2
  const table = new Float64Array(size * columns)
  const total = new Float64Array(columns)
  cells.forEach((cell, item) => {
    const at = (places[item] ?? 0) * columns + cell
    table[at] = (table[at] ?? 0) + 1
    total[cell] = (total[cell] ?? 0) + 1
  })
  const estimate = agreementIn(total, categories.length, measure)
  if (Number.isNaN(estimate)) return null
  const statistic = (sums: Float64Array) => agreementIn(sums, categories.length, measure)
  const drawn = resample({ columns, cells: table }, statistic, { random, resamples })
  return {
    estimate,
    ...percentiles(drawn, confidence),
    method: 'bootstrap-percentile@1',
    items: cells.length,
    groups: size,
  }
}

function cellsOf(
  first: readonly string[],
  second: readonly string[],
  categories: readonly string[],
): number[] {
  const places = new Map(categories.map((category, at) => [category, at]))
  const placeOf = (label: string) => {
    const place = places.get(label)
    if (place === undefined) throw new RangeError(`"${label}" is none of ${categories.join(', ')}.`)
    return place
  }
  return first.map((label, at) => placeOf(label) * categories.length + placeOf(second[at] ?? ''))
}

function percentiles(drawn: Float64Array, confidence: number): { low: number; high: number } {
  const place = Math.max(1, Math.floor(((drawn.length + 1) * (1 - confidence)) / 2 + 1e-9))
  const end = (undefinedAs: number, at: number) =>
    drawn.map((value) => (Number.isNaN(value) ? undefinedAs : value)).sort()[at] ?? 0
  return { low: end(-1, place - 1), high: end(1, drawn.length - place) }
}

/** The rates of a judge that says yes or no; null where no item was truly so. */
export type JudgeRates = {
  /** Of items that people call good, the share that the judge calls good. */
  sensitivity: Estimate | null
  /** Of items that people call bad, the share that the judge calls bad. */
  specificity: Estimate | null
}

/**
 * Sensitivity and specificity of a judge against people's labels, with the intervals that `estimateMean` gives to rates. Throws
 * RangeError for lists of different lengths.
 */
export function judgeRates(
  labels: readonly boolean[],
  judged: readonly boolean[],
  settings: Omit<EstimateSettings, 'scale'>,
): JudgeRates {
  requirePairs(labels, judged)
  const { groups } = settings
  if (groups !== undefined && groups.length !== labels.length) {
    throw new RangeError(`${groups.length} groups for ${labels.length} values.`)
  }
  const rate = (label: boolean) => {
    const items = labels.map((_, at) => at).filter((at) => labels[at] === label)
    return estimateMean(
      items.map((at) => (judged[at] === label ? 1 : 0)),
      { ...settings, scale: 'binary', groups: groups && items.map((at) => groups[at] ?? '') },
    )
  }
  return { sensitivity: rate(true), specificity: rate(false) }
}
