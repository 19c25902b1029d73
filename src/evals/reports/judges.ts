/** What a report says of its judges' calibration: one sentence for each judge that has one. Pure. */

import { estimateText } from '../../lib/interval-text.ts'
import type { CalibrationSummary, ScorerVerdict } from '../runs/verdict.ts'

/** `polite: people would give 0.780 [.690 .860] (rogan-gladen@1). cal_… of 120 truths: kappa 0.810 [.700 .900], …`. */
export function judgeSentences(scorers: readonly ScorerVerdict[]): string[] {
  return scorers.flatMap((scorer) =>
    scorer.calibration === null ? [] : [judgeSentence(scorer, scorer.calibration)],
  )
}

function judgeSentence({ scorer, corrected }: ScorerVerdict, calibration: CalibrationSummary): string {
  const given =
    corrected === null
      ? ''
      : ` people would give ${estimateText('share', corrected)} (${corrected.method}, ${corrected.truths} truths).`
  const { id, truths, kappa, sensitivity, specificity, qualifies, misses } = calibration
  const figures = [
    `kappa ${estimateText('share', kappa)}`,
    ...(sensitivity === null ? [] : [`sensitivity ${estimateText('share', sensitivity)}`]),
    ...(specificity === null ? [] : [`specificity ${estimateText('share', specificity)}`]),
  ]
  const decides = qualifies ? 'it may decide.' : `it may not decide: ${misses.join(' ')}`
  return `${scorer}:${given} Calibrated by ${id} over ${truths} truths, ${figures.join(', ')}; ${decides}`
}
