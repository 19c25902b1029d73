/** What every report is made of: one verdict, the facts of its run, and the items that differ. Renderers take it and nothing else. */

import { formatUsd } from '../../lib/money.ts'
import { durationText } from '../../lib/units.ts'
import type { TakenOver } from '../runs/count-results.ts'
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
    ...takenOverFacts({ verdict, about }),
    ['cost', `${formatUsd(about.cost)}${unpriced}`],
  ]
}

/** What of the candidate, and of the baseline, earlier runs had answered. Nothing where all is their own. */
export function takenOverFacts({ verdict, about }: Pick<Report, 'verdict' | 'about'>): [string, string][] {
  const given = [
    { label: 'taken over', of: verdict.takenOver },
    { label: 'in the baseline', of: verdict.baseline?.takenOver },
  ]
  return given.flatMap(({ label, of }): [string, string][] =>
    of === undefined ? [] : [[label, takenOverText(of, about.createdAt)]],
  )
}

/** `38 answers and 40 judgements of earlier runs, the oldest 3 d before this one; $0.12 saved`. `at` is when the run was begun. */
function takenOverText(of: TakenOver, at: string): string {
  const { answers, judgements, saved, savedUnpriced, oldestAt } = of
  const parts = [
    answers > 0 ? `${counted(answers)} ${answers === 1 ? 'answer' : 'answers'}` : '',
    judgements > 0 ? `${counted(judgements)} ${judgements === 1 ? 'judgement' : 'judgements'}` : '',
  ].filter((part) => part !== '')
  const unknown = savedUnpriced === 0 ? '' : `, unknown of ${counted(savedUnpriced)}`
  return `${parts.join(' and ')} of earlier runs, ${oldestText(oldestAt, at)}; ${formatUsd(BigInt(saved))} saved${unknown}`
}

/** In the largest unit that the age has one of. */
function oldestText(oldestAt: string, at: string): string {
  const ageMs = Date.parse(at) - Date.parse(oldestAt)
  const size = [86_400_000, 3_600_000, 60_000, 1000].find((one) => ageMs >= one)
  // Another run may have asked while this one waited or went on.
  if (size === undefined) return 'none older than this one'
  return `the oldest ${durationText(Math.floor(ageMs / size) * size)} before this one`
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
