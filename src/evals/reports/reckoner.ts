/** Verdicts made beside the thread that serves. Loads none of the statistics itself. */

import { inTurn } from '../in-thread.ts'
import type { Verdict, verdictOf } from '../runs/verdict.ts'

/** As `verdictOf`; also rejects with LimitError while too many wait. */
export type Reckon = (...given: Parameters<typeof verdictOf>) => Promise<Verdict>

/** 100,000 items with fifty scorers take about a minute. */
const LIMIT_MS = 600_000

/** Each verdict has a thread that ends with it. */
export function createReckoner(): Reckon {
  const file = new URL('./verdict-thread.ts', import.meta.url)
  const made = inTurn<Parameters<typeof verdictOf>, Verdict>(file, { what: 'reports', limitMs: LIMIT_MS })
  return (...given) => made(given)
}
