/** A verdict as a card tells it: scorers, rules, judges and flips, each in one flat list. Pure. */

import type { FlipSummary, ScorerSummary } from '../evidence/scorer-summary.ts'
import type { PromotionVerdict, RuleVerdict, SuiteSummary } from '../evidence/verdict.ts'
import type { Card, CardEvaluation, CardFlips, CardJudge, CardRule, CardScorer, CardSuite } from './card.ts'

type Interval = { estimate: number; low: number; high: number }

/** `evaluation` is null without a verdict, and the lists are empty. */
export function evaluationOf(
  verdict: PromotionVerdict | null,
): Pick<Card, 'evaluation' | 'judges' | 'robustness'> {
  if (verdict === null) return { evaluation: null, judges: [], robustness: [] }
  const { outcome, alpha, multiple, reasons, rules, suites } = verdict
  const rows = suites.flatMap(({ suite, scorers }) => scorers.map((scorer) => ({ suite, scorer })))
  const evaluation: CardEvaluation = {
    outcome,
    alpha,
    multiple,
    reasons,
    suites: suites.map(suiteOf),
    scorers: rows.map(({ suite, scorer }) => scorerOf(suite, scorer)),
    rules: rules.map(ruleOf),
  }
  return {
    evaluation,
    judges: rows.filter(({ scorer }) => scorer.judge).map(({ suite, scorer }) => judgeOf(suite, scorer)),
    robustness: rows.flatMap(({ suite, scorer }) => scorer.flips.map((one) => flipsOf(suite, scorer, one))),
  }
}

function suiteOf({ suite, items, repeats, seed, candidate, baseline }: SuiteSummary): CardSuite {
  return {
    suite,
    run: candidate.id,
    run_hash: candidate.hash,
    finished_at: candidate.finishedAt,
    ...takenOverOf(candidate),
    items,
    repeats,
    seed,
    baseline:
      baseline === null
        ? null
        : { run: baseline.id, subject: baseline.subject, shared_items: baseline.sharedItems },
  }
}

function takenOverOf({ takenOver }: SuiteSummary['candidate']): Pick<CardSuite, 'taken_over'> {
  if (takenOver === undefined) return {}
  const { answers, judgements, oldestAt } = takenOver
  return { taken_over: { answers, judgements, oldest_at: oldestAt } }
}

function scorerOf(suite: string, row: ScorerSummary): CardScorer {
  const { scorer, slice, kind, version, values, better, decides, coverage, estimate, baseline } = row
  return {
    ...{ suite, scorer, slice, kind, version, values, better, decides, coverage, estimate, baseline },
    difference: differenceOf(row.difference),
  }
}

function differenceOf(of: ScorerSummary['difference']): CardScorer['difference'] {
  if (of === null) return null
  const { adjustedP, ...figure } = of
  return { ...figure, adjusted_p: adjustedP }
}

function ruleOf(one: RuleVerdict): CardRule {
  const { suite, scorer, slice, rule, perturbation, bar, verdict, reason, low, high, p, adjustedP } = one
  return {
    suite,
    scorer,
    slice,
    rule,
    perturbation,
    bar,
    verdict,
    reason,
    low,
    high,
    p,
    adjusted_p: adjustedP,
  }
}

function judgeOf(
  suite: string,
  { scorer, slice, models, decides, calibration, corrected }: ScorerSummary,
): CardJudge {
  return {
    suite,
    scorer,
    slice,
    models,
    decides,
    calibration: calibration?.id ?? null,
    misses: [...(calibration?.misses ?? [])],
    truths: calibration?.truths ?? null,
    kappa: intervalOf(calibration?.kappa ?? null),
    sensitivity: intervalOf(calibration?.sensitivity ?? null),
    specificity: intervalOf(calibration?.specificity ?? null),
    corrected:
      corrected === null
        ? null
        : { ...intervalOf(corrected), method: corrected.method, truths: corrected.truths },
  }
}

function intervalOf(of: Interval): { value: number; low: number; high: number }
function intervalOf(of: Interval | null): { value: number; low: number; high: number } | null
function intervalOf(of: Interval | null) {
  return of === null ? null : { value: of.estimate, low: of.low, high: of.high }
}

function flipsOf(suite: string, { scorer, slice }: ScorerSummary, one: FlipSummary): CardFlips {
  const { perturbation, pairs, decided, rate, nowFailing, nowPassing } = one
  return {
    ...{ suite, scorer, slice, perturbation, pairs, decided, rate },
    now_failing: nowFailing,
    now_passing: nowPassing,
  }
}
