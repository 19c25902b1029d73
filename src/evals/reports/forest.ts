/**
 * What a forest plot shows, in the unit of the scorer and without a picture: intervals of differences against the margin, and
 * of estimates against the bar. Terminal and page draw the same. Pure.
 */

import type { Scale } from '../../lib/interval-text.ts'
import type { Gate, GateVerdict } from '../runs/gates.ts'
import type { ScorerVerdict, Verdict } from '../runs/verdict.ts'

/** Ends can be infinite. */
type Ends = { low: number; high: number }

export type ForestRow = Ends & {
  scorer: string
  estimate: number
  /** What the gate decided on: one-sided bounds with missing judgements at their worst. Null without a gate. */
  decided: Ends | null
  /** Margins, as −margin, or bars. */
  marks: number[]
  /** The worst of its gates here; null without one. */
  verdict: GateVerdict | null
  /** Lower is better, and the difference was turned: right is better in every row. Never of estimates. */
  isTurned: boolean
}

export type Forest = Ends & {
  of: 'difference' | 'estimate'
  scale: Scale
  /** Values with a label, within the axis. */
  ticks: number[]
  rows: ForestRow[]
}

/**
 * Differences first, then estimates: of scorers with a bar, and of all that have no difference. Shares have one axis in
 * common; a scorer with a unit of its own has an axis of its own.
 */
export function forestsOf({ scorers }: Verdict): Forest[] {
  const differences = scorers.flatMap((scorer) => {
    const row = differenceRow(scorer)
    return row === null ? [] : [{ row, scale: scorer.values }]
  })
  const estimates = scorers.flatMap((scorer) => {
    const row = estimateRow(scorer)
    return row === null ? [] : [{ row, scale: scorer.values }]
  })
  return [...forests('difference', differences), ...forests('estimate', estimates)]
}

type Scaled = { row: ForestRow; scale: Scale }

function forests(of: Forest['of'], all: readonly Scaled[]): Forest[] {
  const shares = all.filter(({ scale }) => scale !== 'unbounded').map(({ row }) => row)
  const others = all.filter(({ scale }) => scale === 'unbounded').map(({ row }) => row)
  return [
    ...(shares.length === 0 ? [] : [forest(of, 'share', shares)]),
    ...others.map((row) => forest(of, 'unbounded', [row])),
  ]
}

function differenceRow(scorer: ScorerVerdict): ForestRow | null {
  const difference = scorer.compared?.difference ?? null
  if (difference === null) return null
  const isTurned = scorer.better === 'lower'
  const ends = isTurned ? { low: -difference.high, high: -difference.low } : difference
  const gates = scorer.gates.filter(({ rule }) => rule === 'not_worse_by')
  return {
    scorer: scorer.scorer,
    // Not `-0` for a difference of nought.
    estimate: isTurned ? 0 - difference.estimate : difference.estimate,
    low: ends.low,
    high: ends.high,
    ...gated(gates, (bar) => -bar),
    isTurned,
  }
}

function estimateRow(scorer: ScorerVerdict): ForestRow | null {
  const gates = scorer.gates.filter(({ rule }) => rule !== 'not_worse_by' && rule !== 'flips_at_most')
  if (scorer.estimate === null || (gates.length === 0 && scorer.compared?.difference != null)) return null
  const { estimate, low, high } = scorer.estimate
  return { scorer: scorer.scorer, estimate, low, high, ...gated(gates, (bar) => bar), isTurned: false }
}

function gated(gates: readonly Gate[], mark: (bar: number) => number) {
  const known = gates.find(({ low, high }) => low !== null && high !== null)
  const order: readonly GateVerdict[] = ['fail', 'inconclusive', 'pass']
  return {
    decided: known === undefined ? null : { low: known.low ?? 0, high: known.high ?? 0 },
    marks: gates.map(({ bar }) => mark(bar)),
    verdict: order.find((one) => gates.some(({ verdict }) => verdict === one)) ?? null,
  }
}

function forest(of: Forest['of'], scale: Scale, rows: ForestRow[]): Forest {
  const shown = rows.flatMap(({ low, high, estimate, decided, marks }) => [
    low,
    high,
    estimate,
    ...(decided === null ? [] : [decided.low, decided.high]),
    ...marks,
  ])
  const bounds = boundsOf(of, scale)
  const finite = [...shown, ...(of === 'difference' ? [0] : [])].filter(Number.isFinite)
  const least = Math.min(...finite)
  const most = Math.max(...finite)
  // Room at both sides, and a width where all values are one.
  const room = (most - least) * 0.05 || Math.max(Math.abs(most) * 0.1, 0.01)
  const low = Math.max(bounds.low, least - room)
  const high = Math.min(bounds.high, most + room)
  return { of, scale, low, high, ticks: ticksOf(low, high), rows }
}

function boundsOf(of: Forest['of'], scale: Scale): Ends {
  if (scale === 'unbounded') return { low: -Infinity, high: Infinity }
  return { low: of === 'difference' ? -1 : 0, high: 1 }
}

/** Round values, two to seven of them: steps of 1, 2 or 5 times a power of ten. */
function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / 6
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step)
  const count = Math.max(0, Math.floor(high / step) - first + 1)
  // Rounded to the step's own digits: 3 · 0.1 is 0.30000000000000004.
  return Array.from({ length: Math.min(count, 10) }, (_, at) => Number(((first + at) * step).toPrecision(12)))
}
