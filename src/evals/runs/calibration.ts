/** Which scorers may decide. The one place where a judge that is calibrated against people is let through. */

import type { Estimate } from '../../lib/statistics/estimate.ts'
import { contentOf } from '../../registry/content.ts'
import type { RunScorer } from './run-content.ts'

export type Interval = { estimate: number; low: number; high: number }

/** What the newest calibration of exactly these rules says. */
export type JudgeCalibration = {
  /** `cal_…` */
  id: string
  /** What it lacks before the judge may decide, as sentences; nothing when the judge may. */
  misses: readonly string[]
  truths: number
  /** Weighted for grades; null where it is undefined. */
  kappa: Interval | null
  /** Of a judge that says yes or no. */
  sensitivity: Estimate | null
  specificity: Estimate | null
  /** The judge's values are 0 and 1: their mean is a rate, which these rates correct. */
  isRate: boolean
}

/** Of an item of the run itself that people rated: what they and the judge said, 0…1, over the rated repeats. */
export type RatedItem = { position: number; truth: number; judged: number }

/** What is known of a judge when a verdict is made. */
export type JudgeEvidence = {
  calibration: JudgeCalibration | null
  /** A random sample of the run's own items; empty where nobody rated any. */
  rated: readonly RatedItem[]
}

/** By which a judge judges: its kind, version and settings, among them its model. Its name says nothing of it. */
export function rulesHash({
  kind,
  version,
  settings,
}: Pick<RunScorer, 'kind' | 'version' | 'settings'>): string {
  return contentOf({ kind, version, settings }).hash
}

/** False for a judge without a calibration that qualifies it: it reports and cannot block. */
export function mayDecide(
  { judge }: Pick<RunScorer, 'judge'>,
  calibration: Pick<JudgeCalibration, 'misses'> | null,
): boolean {
  return judge !== true || calibration?.misses.length === 0
}
