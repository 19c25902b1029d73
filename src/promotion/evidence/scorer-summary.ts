/** What a verdict keeps of a scorer, demanded or only looked at: the figures of a suite or a slice that JSON can hold. Pure. */

import type { RunContent, RunScorer } from '../../evals/runs/run-content.ts'
import { judgeModels } from '../../evals/runs/taken-over/judge-models.ts'
import type { ScorerVerdict } from '../../evals/runs/verdict.ts'

/** An end without a bound, which one group of items alone has, is null: JSON has no infinity. */
export type Figure = {
  value: number
  /** Two-sided, at 95 %. */
  low: number | null
  high: number | null
  method: string
  items: number
  groups: number
}

export type ScorerSummary = {
  scorer: string
  kind: string
  version: number
  /** `language = de`; null for all items. */
  slice: string | null
  values: ScorerVerdict['values']
  better: ScorerVerdict['better']
  judge: boolean
  /** Who judges: `upstream/model` or a route; none where the items name them, or nobody is asked. */
  models: string[]
  decides: boolean
  coverage: ScorerVerdict['coverage']
  estimate: Figure | null
  baseline: Figure | null
  /** Candidate − baseline over the items that both have; `adjustedP` over all scorers of the suite (Holm). */
  difference: (Figure & { p: number; adjustedP: number | null }) | null
  calibration: ScorerVerdict['calibration']
  corrected: ScorerVerdict['corrected']
  flips: FlipSummary[]
}

export type FlipSummary = {
  perturbation: string
  pairs: number
  /** Of which both sides passed or failed. */
  decided: number
  rate: Figure | null
  nowFailing: number
  nowPassing: number
}

type Measured = {
  estimate: number
  low: number
  high: number
  method: string
  items: number
  groups: number
}

export function figureOf(of: Measured): Figure
export function figureOf(of: Measured | null): Figure | null
export function figureOf(of: Measured | null): Figure | null {
  if (of === null) return null
  const { estimate: value, low, high, method, items, groups } = of
  return { value, low: bounded(low), high: bounded(high), method, items, groups }
}

export function bounded(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null
}

/** `rows` are the verdict of a run over the content's scorers, in their order. */
export function summariseScorers(
  rows: readonly ScorerVerdict[],
  { scorers }: Pick<RunContent, 'scorers'>,
  slice: string | null,
): ScorerSummary[] {
  return rows.flatMap((row, at) => {
    const scorer = scorers[at]
    return scorer === undefined ? [] : [summarise(row, scorer, slice)]
  })
}

function summarise(
  row: ScorerVerdict,
  { settings, judge }: Pick<RunScorer, 'settings' | 'judge'>,
  slice: string | null,
): ScorerSummary {
  const { compared, flips = [] } = row
  const difference = compared?.difference ?? null
  return {
    scorer: row.scorer,
    kind: row.kind,
    version: row.version,
    slice,
    values: row.values,
    better: row.better,
    judge: judge === true,
    models: judge === true ? judgeModels(settings) : [],
    decides: row.decides,
    coverage: row.coverage,
    estimate: figureOf(row.estimate),
    baseline: figureOf(compared?.baseline ?? null),
    difference:
      difference === null
        ? null
        : { ...figureOf(difference), p: difference.p, adjustedP: compared?.adjustedP ?? null },
    calibration: row.calibration,
    corrected: row.corrected,
    flips: flips.map(({ perturbation, pairs, decided, rate, nowFailing, nowPassing }) => ({
      perturbation,
      pairs,
      decided,
      rate: figureOf(rate),
      nowFailing,
      nowPassing,
    })),
  }
}
