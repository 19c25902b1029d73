/** How much worse the candidate is than what is stable, as bounds. Pure. */

import type { Seen } from './metrics.ts'
import type { Watch } from './plan.ts'

/** In the unit of the metric's margin; above 0 is worse. */
export type Harm = { estimate: number | null; low: number; high: number }

/**
 * From the bounds of both arms: of shares candidate − stable, of scores stable − candidate, of times and costs
 * candidate / stable − 1. Where neither arm's bounds fail, the true harm is inside.
 */
export function harmBetween({ kind }: Watch, stable: Seen, candidate: Seen): Harm {
  const worse = kind === 'share' ? difference : kind === 'score' ? lossOf : excess
  const isKnown = stable.estimate !== null && candidate.estimate !== null
  const [least, most] =
    kind === 'score'
      ? [worse(stable.low, candidate.high), worse(stable.high, candidate.low)]
      : [worse(stable.high, candidate.low), worse(stable.low, candidate.high)]
  return {
    estimate: isKnown ? worse(stable.estimate ?? 0, candidate.estimate ?? 0) : null,
    low: least,
    high: most,
  }
}

function difference(stable: number, candidate: number): number {
  return candidate - stable
}

function lossOf(stable: number, candidate: number): number {
  return stable - candidate
}

/** Two that cost nothing are alike; beside what costs nothing anything is infinitely more. */
function excess(stable: number, candidate: number): number {
  if (candidate === 0) return stable === 0 ? 0 : -1
  return stable === Number.POSITIVE_INFINITY ? -1 : candidate / stable - 1
}
