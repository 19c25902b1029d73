/** The exit code that a verdict ends a command with: the one place that says so. Pure. */

import type { Verdict } from '../runs/verdict.ts'

/**
 * 0 pass or measured, 100 fail, 102 when less was judged than the suite demands, 101 inconclusive. A fail goes first: it was
 * decided with every missing judgement counted for the candidate, so judging the rest cannot undo it.
 */
export function exitCodeOf({ verdict, uncovered }: Pick<Verdict, 'verdict' | 'uncovered'>): number {
  if (verdict === 'fail') return 100
  if (uncovered) return 102
  return verdict === 'inconclusive' ? 101 : 0
}
