/** What a report says of answers that were asked for more than once: one sentence for each scorer that passes or fails. Pure. */

import { estimateText } from '../../lib/interval-text.ts'
import type { ScorerVerdict } from '../runs/verdict.ts'
import { counted } from './report.ts'

/** `answers: 0.780 [.690 .860] of 40 items pass in all 3 repeats, 0.950 [.880 .980] in at least one.` */
export function repeatSentences(scorers: readonly ScorerVerdict[]): string[] {
  return scorers.flatMap(({ scorer, reliability }) => {
    if (reliability === null) return []
    const { repeats, always, ever } = reliability
    const [all, any] = [estimateText('binary', always), estimateText('binary', ever)]
    return [
      `${scorer}: ${all} of ${counted(always.items)} items pass in all ${counted(repeats)} repeats, ${any} in at least one.`,
    ]
  })
}
