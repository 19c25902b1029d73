/** What every report is made of: one verdict, the facts of its run, and the items that differ. Renderers take it and nothing else. */

import { formatUsd } from '../../lib/money.ts'
import type { Coverage, ScorerVerdict, Verdict } from '../runs/verdict.ts'
import { exitCodeOf } from './exit-code.ts'
import type { ItemComparison } from './items.ts'

type About = {
  suite: string
  /** With its version: `support-questions@7`. */
  dataset: string
  split: string | null
  /** ISO 8601, UTC. */
  createdAt: string
  /** Null while the run has not ended. */
  finishedAt: string | null
  /** Micro-USD of the answers and judgements whose price is known, and of how many it is not known. */
  cost: bigint
  unpriced: number
  /** Of the suite's decisions, one-sided. */
  alpha: number
  /** Share of judgements that the suite demands. */
  coverage: number
  gitCommit: string | null
  /** SHA-256 in hexadecimal: of all that was fixed for the run, of how it measures, of the dataset's version. */
  hashes: { content: string; measure: string; dataset: string }
}

export type Report = { verdict: Verdict; about: About; items: ItemComparison | null }

/** `inconclusive (exit 101)`. */
export function outcomeText({ verdict }: Report): string {
  return `${verdict.verdict} (exit ${exitCodeOf(verdict)})`
}

/** `1,596 of 1,600 (4 abstained)`; what is nought is left out. */
export function coverageText({ scored, abstained, errors, expected }: Coverage): string {
  const missing = expected - scored - abstained - errors
  const parts = [
    abstained > 0 ? `${counted(abstained)} abstained` : '',
    errors > 0 ? `${counted(errors)} ${errors === 1 ? 'error' : 'errors'}` : '',
    missing > 0 ? `${counted(missing)} not judged` : '',
  ].filter((part) => part !== '')
  return `${counted(scored)} of ${counted(expected)}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`
}

/** What stands above every report for people, label and value. Values hold names that others chose. */
export function factsOf({ verdict, about }: Report): [label: string, value: string][] {
  const { run, baseline, items, repeats, scorers } = verdict
  const split = about.split === null ? '' : `, split ${about.split}`
  const size = `${counted(items)} ${items === 1 ? 'item' : 'items'} × ${counted(repeats)} ${repeats === 1 ? 'repeat' : 'repeats'}`
  const unpriced = about.unpriced === 0 ? '' : `, unknown of ${counted(about.unpriced)} answers or judgements`
  return [
    ['suite', about.suite],
    ['candidate', `${run.subject}, ${run.id}`],
    baseline === null
      ? ['baseline', 'none']
      : ['baseline', `${baseline.subject}, ${baseline.id}, ${counted(baseline.sharedItems)} items in both`],
    ['dataset', `${about.dataset}${split}, ${size}`],
    ['judged', coverageText(sumOf(scorers))],
    ['cost', `${formatUsd(about.cost)}${unpriced}`],
  ]
}

export function counted(count: number): string {
  return count.toLocaleString('en-US')
}

function sumOf(scorers: readonly ScorerVerdict[]): Coverage {
  const sum = (read: (coverage: Coverage) => number) =>
    scorers.reduce((total, { coverage }) => total + read(coverage), 0)
  return {
    scored: sum(({ scored }) => scored),
    abstained: sum(({ abstained }) => abstained),
    errors: sum(({ errors }) => errors),
    expected: sum(({ expected }) => expected),
  }
}
