/** What a card shows of its evidence: verdict, scorers, rules, judges, flips and failures. Pure. */

import { demandText } from '../../evals/reports/numbers.ts'
import { coverageText } from '../../evals/reports/report.ts'
import { differenceText, estimateText, probabilityText } from '../../lib/interval-text.ts'
import type { Card, CardFigure, CardFlips, CardJudge, CardRule, CardScorer, CardSuite } from './card.ts'
import type { Block, Section } from './page.ts'

export const OPEN_QUESTION = 'No finished run: nothing is known.'

export function evaluationSection({ evaluation }: Card): Section {
  const title = 'Evaluation'
  if (evaluation === null) {
    const text = 'No verdict was made of this release, so nothing is concluded here. Runs: aval eval history'
    return { title, blocks: [{ kind: 'text', text }] }
  }
  const { outcome, alpha, multiple, reasons, suites, scorers, rules } = evaluation
  const level = multiple === 'holm' ? 'adjusted for the number of rules (Holm)' : 'for each rule'
  const bySuite = suites.map((one) => [
    one.suite,
    `${one.items} × ${one.repeats}`,
    one.run,
    finishedText(one),
    one.baseline === null
      ? 'none'
      : `${one.baseline.subject}, ${one.baseline.run}, ${one.baseline.shared_items} items in both`,
    one.run_hash,
  ])
  return {
    title,
    blocks: [
      { kind: 'facts', facts: [['verdict', `${outcome}, at ${alpha} one-sided ${level}`]] },
      ...(reasons.length === 0 ? [] : [{ kind: 'list', items: reasons } as const]),
      {
        kind: 'table',
        head: ['suite', 'items × repeats', 'run', 'finished', 'baseline', 'SHA-256 of the run'],
        rows: bySuite,
      },
      {
        kind: 'table',
        head: ['suite', 'scorer', 'of', 'estimate', 'baseline', 'difference', 'judged'],
        rows: scorers.map(scorerRow),
      },
      {
        kind: 'table',
        head: ['suite', 'scorer', 'of', 'demanded', 'verdict', 'p', 'adjusted p', 'because'],
        rows: rules.map(ruleRow),
      },
    ],
  }
}

/** A run is as old as the oldest answer in it. */
function finishedText({ finished_at: finished, taken_over: taken }: CardSuite): string {
  if (taken === undefined) return finished
  return `${finished}, with ${taken.answers} answers and ${taken.judgements} judgements of earlier runs, from ${taken.oldest_at} on`
}

function scorerRow(one: CardScorer): string[] {
  const { values, difference, decides } = one
  const p = difference === null ? '' : `, adjusted ${probabilityText(difference.adjusted_p)}`
  return [
    one.suite,
    `${one.scorer} (${one.kind} v${one.version}, ${one.better} is better${decides ? '' : ', decides nothing'})`,
    sliceText(one),
    estimateText(values, intervalOf(one.estimate)),
    estimateText(values, intervalOf(one.baseline)),
    `${differenceText(values, intervalOf(difference))}${p}`,
    coverageText(one.coverage),
  ]
}

function ruleRow(one: CardRule): string[] {
  const { perturbation, ...rule } = one
  return [
    one.suite,
    one.scorer,
    sliceText(one),
    demandText(perturbation === null ? rule : { ...rule, perturbation }),
    one.verdict,
    probabilityText(one.p),
    probabilityText(one.adjusted_p),
    one.reason,
  ]
}

function sliceText({ slice }: { slice: string | null }): string {
  return slice ?? 'all items'
}

/** An end without a bound is infinite. */
function intervalOf(of: CardFigure | null): { estimate: number; low: number; high: number } | null {
  if (of === null) return null
  const { value, low, high } = of
  return {
    estimate: value,
    low: low ?? Number.NEGATIVE_INFINITY,
    high: high ?? Number.POSITIVE_INFINITY,
  }
}

export function judgesSection({ evaluation, judges }: Card): Section {
  const title = 'Judges'
  if (judges.length === 0) {
    const text = evaluation === null ? 'No verdict: nothing is known.' : 'No model judged.'
    return { title, blocks: [{ kind: 'text', text }] }
  }
  const head = [
    'suite',
    'judge',
    'of',
    'model',
    'calibration',
    'kappa',
    'sensitivity',
    'specificity',
    'people would give',
  ]
  return { title, blocks: [{ kind: 'table', head, rows: judges.map(judgeRow) }, ...missesOf(judges)] }
}

function judgeRow(one: CardJudge): string[] {
  const text = (of: CardJudge['kappa']) => estimateText('share', of && { ...of, estimate: of.value })
  const { corrected } = one
  return [
    one.suite,
    one.scorer,
    sliceText(one),
    one.models.join(', ') || 'as its items name them',
    one.calibration === null
      ? 'not calibrated: it decides nothing'
      : `${one.calibration}, ${one.truths} truths${one.decides ? '' : ': it decides nothing'}`,
    text(one.kappa),
    text(one.sensitivity),
    text(one.specificity),
    corrected === null ? 'unknown' : `${text(corrected)} (${corrected.method}, ${corrected.truths} truths)`,
  ]
}

function missesOf(judges: readonly CardJudge[]): Block[] {
  const items = judges.flatMap(({ scorer, misses, slice }) =>
    slice === null ? misses.map((miss) => `${scorer}: ${miss}`) : [],
  )
  return items.length === 0 ? [] : [{ kind: 'list', items }]
}

export function fairnessSection({ evaluation, robustness }: Card): Section {
  const title = 'Robustness and fairness'
  if (robustness.length === 0) {
    const text =
      evaluation === null
        ? 'No verdict: nothing is known.'
        : 'Not measured: no dataset of the evidence has perturbed items. aval dataset perturb makes them.'
    return { title, blocks: [{ kind: 'text', text }] }
  }
  const head = ['suite', 'scorer', 'of', 'perturbed by', 'flips', 'pairs', 'now failing', 'now passing']
  return { title, blocks: [{ kind: 'table', head, rows: robustness.map(flipsRow) }] }
}

function flipsRow(one: CardFlips): string[] {
  return [
    one.suite,
    one.scorer,
    sliceText(one),
    one.perturbation,
    estimateText('binary', intervalOf(one.rate)),
    `${one.decided} of ${one.pairs}`,
    String(one.now_failing),
    String(one.now_passing),
  ]
}

export function failuresSection({ failures }: Card): Section {
  const title = 'Known failures'
  if (failures === null) return { title, blocks: [{ kind: 'text', text: OPEN_QUESTION }] }
  const { total, items } = failures
  if (total === 0) {
    const text = 'No item failed a scorer. Scorers that only measure fail nothing.'
    return { title, blocks: [{ kind: 'text', text }] }
  }
  const head = ['suite', 'item', 'scorer', 'failed', 'because', 'run']
  const rows = items.map((one) => [
    one.suite,
    one.item,
    one.scorer,
    `${one.failed} of ${one.decided}`,
    one.reason ?? `see: aval eval results ${one.run}`,
    one.run,
  ])
  const shown = items.length < total ? `The worst ${items.length} of ${total}.` : `All ${total}.`
  return {
    title,
    blocks: [
      { kind: 'text', text: shown },
      { kind: 'table', head, rows },
    ],
  }
}
