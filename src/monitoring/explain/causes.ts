/** The causes of a change of any measure that the figures of traffic hold. Pure. */

import type { Cause, Explanation, Unknown } from '../alerts/alert.ts'
import { type Causes, requestCostChange, spendChange } from './cost.ts'
import { durationChange, notTimed, ttftChange } from './latency.ts'
import { meanChange } from './mean-change.ts'
import { type Measure, meanOf } from './measures.ts'
import { changeOf, type Pair, ratioPair } from './midpoint.ts'
import type { Amounts, FiguresOf } from './model-cost.ts'
import { sumPair, type Windows } from './places.ts'

export type Explained = Pick<Explanation, 'base' | 'difference' | 'causes' | 'unknowns'>

/** Below this share of either level an amount is what floating point left over. */
const NOTHING = 1e-9

/** `minutes` of either window, for what is told by the minute. Without traffic on one side there is no cause, and that is said. */
export function causesOf(measure: Measure, windows: Windows, minutes: Pair, figuresOf: FiguresOf): Explained {
  const level = levelOf(measure, windows, minutes)
  const unknowns = [...emptyWindows(measure, windows), ...uncounted(measure, windows)]
  if (unknowns.some(({ reason }) => reason.startsWith('no_traffic'))) {
    return { base: level.before, difference: 0, causes: [], unknowns }
  }
  const whole = { before: level.before ?? 0, after: level.after ?? 0 }
  const found = amountsOf(measure, windows, whole, figuresOf)
  return {
    base: whole.before,
    difference: changeOf(whole),
    causes: largestFirst(found.causes, whole),
    unknowns: [...unknowns, ...found.unknowns],
  }
}

/** The largest first, without those that are nothing. */
export function largestFirst(amounts: Amounts, level: Pair): Explanation['causes'] {
  const least = NOTHING * (Math.abs(level.before) + Math.abs(level.after))
  return (Object.entries(amounts) as [Cause, number][])
    .filter(([, amount]) => Math.abs(amount) > least)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .map(([cause, amount]) => ({ cause, amount }))
}

function amountsOf(measure: Measure, windows: Windows, level: Pair, figuresOf: FiguresOf): Causes {
  const known = (causes: Amounts): Causes => ({ causes, unknowns: [] })
  const mean = meanOf(measure)
  if (mean !== null) return known(meanChange(windows, mean))
  if (measure.name === 'cost_per_request') return requestCostChange(windows, figuresOf)
  if (measure.name === 'spend') return spendChange(windows, figuresOf)
  if (measure.name === 'mean_duration') return known(durationChange(windows))
  if (measure.name === 'mean_ttft') return known(ttftChange(windows))
  return known({ volume: changeOf(level) })
}

/** Null where nothing was counted. */
function levelOf({ name, sum, count }: Measure, windows: Windows, minutes: Pair) {
  const sums = sumPair(windows, sum)
  if (name === 'spend') return sums
  if (count === null) return ratioPair(sums, minutes)
  const counts = sumPair(windows, count)
  const ratio = (side: 'before' | 'after') => (counts[side] === 0 ? null : sums[side] / counts[side])
  return { before: ratio('before'), after: ratio('after') }
}

/** What is added up is known to be 0 without traffic; what is averaged is not. */
function emptyWindows({ count }: Measure, windows: Windows): Unknown[] {
  if (count === null) return []
  const counts = sumPair(windows, count)
  return [
    ...(counts.before === 0 ? [{ reason: 'no_traffic_before', requests: 0 } as const] : []),
    ...(counts.after === 0 ? [{ reason: 'no_traffic_after', requests: 0 } as const] : []),
  ]
}

/** Requests that the measure is not about, because they do not say what it needs. */
function uncounted({ name }: Measure, windows: Windows): readonly Unknown[] {
  if (name === 'mean_duration' || name === 'mean_ttft' || name === 'ms_per_output_token')
    return notTimed(windows)
  if (name !== 'spend' && name !== 'cost_per_request') return []
  const { before, after } = sumPair(windows, ({ unpriced }) => unpriced)
  return before + after === 0 ? [] : [{ reason: 'unpriced', requests: before + after }]
}
