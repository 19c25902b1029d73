/** Verdicts of promotions, made beside the thread that serves. Loads none of the statistics itself. */

import { inTurn } from '../../evals/in-thread.ts'
import type { Policy } from '../policy.ts'
import type { PromotionVerdict, SuiteEvidence } from './verdict.ts'

/** As `promotionVerdict`; also rejects with LimitError while too many wait. */
export type Decide = (policy: Policy, evidence: readonly SuiteEvidence[]) => Promise<PromotionVerdict>

/** The p of every rule takes its bounds some twenty times. */
const LIMIT_MS = 600_000

export function createDecider(): Decide {
  const file = new URL('./verdict-thread.ts', import.meta.url)
  const made = inTurn<Parameters<Decide>, PromotionVerdict>(file, {
    what: 'verdicts of promotions',
    limitMs: LIMIT_MS,
  })
  return (...given) => made(given)
}
