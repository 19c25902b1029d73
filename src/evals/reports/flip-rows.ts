/** The table of what perturbations turned, as every report for people has it. Names are as others wrote them. Pure. */

import { differenceText, estimateText } from '../../lib/interval-text.ts'
import type { Verdict } from '../runs/verdict.ts'
import { counted } from './report.ts'

export const FLIPS_HEAD = [
  'scorer',
  'perturbed by',
  'flips',
  'pairs',
  'now failing',
  'now passing',
  'difference',
]

/** One row for each scorer and perturbation; none without perturbed items. */
export function flipRows({ scorers }: Verdict): string[][] {
  return scorers.flatMap(({ flips = [], values }) =>
    flips.map((one) => [
      one.scorer,
      one.perturbation,
      estimateText('binary', one.rate),
      `${counted(one.decided)} of ${counted(one.pairs)}`,
      counted(one.nowFailing),
      counted(one.nowPassing),
      differenceText(values, one.difference),
    ]),
  )
}
