/** Which scorers may decide. The one place where a judge that is calibrated against people will be let through. */

import type { RunScorer } from './run-content.ts'

/**
 * False for a judge that nothing is known of: it reports and cannot block. No record of calibration is kept yet, so today
 * that is every judge.
 */
export function mayDecide({ judge }: Pick<RunScorer, 'judge'>): boolean {
  return judge !== true
}
