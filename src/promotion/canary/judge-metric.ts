/** Whether one metric shows harm beyond its margin, shows that there is none, or leaves it open. Pure. */

import { NO_BOUNDS } from '../../lib/statistics/ends.ts'
import { type Harm, harmBetween } from './harm.ts'
import { count, harmText, marginText, seenText } from './metric-text.ts'
import { type Arm, type Seen, seenOf } from './metrics.ts'
import type { Watch } from './plan.ts'

export type Arms = { stable: Arm; candidate: Arm }

export type MetricVerdict = {
  metric: Watch['metric']
  stable: Seen
  candidate: Seen
  /** Bounds of the harm in the margin's unit. */
  harm: Harm
  margin: number
  /** `error` is a metric whose figures cannot be: it is never a reason to go on. */
  state: 'harmful' | 'harmless' | 'open' | 'error'
  /** One sentence with the numbers. */
  reason: string
  /** About how many requests of the candidate settle it, were everything as it is estimated to be; null is not known. */
  requestsMore: number | null
}

/** More of the values missing than this, and nothing is called harmless: those might be the bad ones. */
const MOST_UNKNOWN = 0.05
/** More requests than this is as good as never, and no number to print. */
const MOST_REQUESTS_MORE = 10_000_000

const UNKNOWN: Harm = { estimate: null, ...NO_BOUNDS }
const NOTHING: Seen = { n: 0, unknown: 0, ...UNKNOWN }

/**
 * Harmful when the lower bound of the harm is above the margin, harmless when the upper one is below and at most a twentieth
 * of the values is missing. `alpha` is that of one bound (`alphaOfBound`). Figures that no arm can have are an error that says
 * which.
 */
export function judgeMetric(watch: Watch, arms: Arms, alpha: number): MetricVerdict {
  const { metric, margin } = watch
  const seen = {
    stable: seenOrError(watch, arms.stable, alpha),
    candidate: seenOrError(watch, arms.candidate, alpha),
  }
  const broken = (['stable', 'candidate'] as const).flatMap((arm) => {
    const of = seen[arm]
    return of instanceof RangeError ? [`${arm}: ${of.message}`] : []
  })
  const stable = seen.stable instanceof RangeError ? NOTHING : seen.stable
  const candidate = seen.candidate instanceof RangeError ? NOTHING : seen.candidate
  if (broken.length > 0) {
    const reason = `${metric} cannot be judged: ${broken.join(' ')}`
    return { metric, stable, candidate, harm: UNKNOWN, margin, state: 'error', reason, requestsMore: null }
  }
  const harm = harmBetween(watch, stable, candidate)
  return {
    metric,
    stable,
    candidate,
    harm,
    margin,
    ...stateOf(watch, { stable, candidate, harm }, arms.candidate.requests),
  }
}

function seenOrError(watch: Watch, arm: Arm, alpha: number): Seen | RangeError {
  try {
    return seenOf(watch, arm, alpha)
  } catch (error) {
    if (error instanceof RangeError) return error
    throw error
  }
}

function stateOf(
  watch: Watch,
  { stable, candidate, harm }: { stable: Seen; candidate: Seen; harm: Harm },
  requests: number,
): Pick<MetricVerdict, 'state' | 'reason' | 'requestsMore'> {
  const { metric, margin } = watch
  const empty = emptyArms(stable, candidate)
  if (empty !== null) return { state: 'open', reason: `${metric}: ${empty}.`, requestsMore: null }
  const facts = `${metric}: ${seenText(watch, candidate)} against ${seenText(watch, stable)}; worse by ${harmText(watch, harm)}`
  if (harm.low > margin) {
    return {
      state: 'harmful',
      reason: `${facts}, above the margin of ${marginText(watch, margin)}.`,
      requestsMore: null,
    }
  }
  const missing = Math.max(unknownShare(stable), unknownShare(candidate))
  if (harm.high >= margin) {
    const { requestsMore, text } = openUntil(harm, margin, requests)
    const reason = `${facts}, around the margin of ${marginText(watch, margin)}; ${text}.`
    return { state: 'open', reason, requestsMore }
  }
  if (missing > MOST_UNKNOWN) {
    const share = `${(100 * missing).toFixed(0)} % of the values are missing`
    return { state: 'open', reason: `${facts}, below the margin, but ${share}.`, requestsMore: null }
  }
  return {
    state: 'harmless',
    reason: `${facts}, below the margin of ${marginText(watch, margin)}.`,
    requestsMore: null,
  }
}

function emptyArms(stable: Seen, candidate: Seen): string | null {
  if (candidate.n === 0)
    return stable.n === 0 ? 'neither arm has a value yet' : 'the candidate has no value yet'
  return stable.n === 0 ? 'what is stable has no value yet' : null
}

function unknownShare({ n, unknown }: Seen): number {
  return unknown / (n + unknown)
}

/**
 * Bounds close in with 1/√n, so it takes n · (reach / distance)²: how far the bound lies from the estimate, and the estimate
 * from the margin. A little more in truth, as bounds for all looks close in more slowly by a logarithm.
 */
function openUntil(
  { estimate, low, high }: Harm,
  margin: number,
  requests: number,
): { requestsMore: number | null; text: string } {
  const isWorse = (estimate ?? 0) > margin
  // A share or a score is worse by −1 at least and by 1 at most, a ratio by −1: there the bound is the end of the scale.
  if (isWorse ? low <= -1 : high === Number.POSITIVE_INFINITY) {
    return { requestsMore: null, text: 'too few values for a bound yet' }
  }
  const reach = isWorse ? (estimate ?? 0) - low : high - (estimate ?? 0)
  const more = Math.ceil(requests * ((reach / ((estimate ?? 0) - margin)) ** 2 - 1))
  return more <= MOST_REQUESTS_MORE
    ? { requestsMore: Math.max(1, more), text: `about ${count(Math.max(1, more))} requests more settle it` }
    : { requestsMore: null, text: 'so near to it that no number of requests can be told' }
}
