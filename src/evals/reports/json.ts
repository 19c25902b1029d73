/** A report as programs read it: everything, in snake case. A field is added, never given another meaning. Pure. */

import { usdText } from '../../lib/money.ts'
import type { Difference } from '../../lib/statistics/difference.ts'
import type { Estimate } from '../../lib/statistics/estimate.ts'
import type { Flips } from '../robustness/flips.ts'
import type { TakenOver } from '../runs/count-results.ts'
import type { Gate } from '../runs/gates.ts'
import type { Compared, ScorerVerdict } from '../runs/verdict.ts'
import { exitCodeOf } from './exit-code.ts'
import { ITEM_CHANGES, type ItemChange, type ItemChangeKind, type ItemComparison } from './items.ts'
import type { Report } from './report.ts'

/** Counts up when a field goes or means something else. */
const FORMAT = 'aval.eval-report/1'

/** A plain object. An end or standard error without bound, which one group of items alone has, is null, as JSON has no infinity. */
export function reportJson(report: Report): object {
  const { verdict, about, items } = report
  const { baseline } = verdict
  return {
    format: FORMAT,
    verdict: verdict.verdict,
    uncovered: verdict.uncovered,
    exit_code: exitCodeOf(verdict),
    reasons: verdict.reasons,
    suite: about.suite,
    dataset: about.dataset,
    split: about.split,
    run: verdict.run,
    baseline:
      baseline === null
        ? null
        : {
            id: baseline.id,
            subject: baseline.subject,
            shared_items: baseline.sharedItems,
            taken_over: takenOverJson(baseline.takenOver),
          },
    items: verdict.items,
    repeats: verdict.repeats,
    alpha: about.alpha,
    coverage: about.coverage,
    created_at: about.createdAt,
    finished_at: about.finishedAt,
    cost_usd: usdText(about.cost),
    unpriced: about.unpriced,
    taken_over: takenOverJson(verdict.takenOver),
    git_commit: about.gitCommit,
    hashes: about.hashes,
    scorers: verdict.scorers.map((scorer) => ({
      ...scorerJson(scorer),
      uncovered: !scorer.covered,
    })),
    item_changes: items === null ? null : changesJson(items),
  }
}

/** Null where every answer and judgement is the run's own. */
function takenOverJson(of: TakenOver | undefined) {
  if (of === undefined) return null
  const { answers, judgements, saved, savedUnpriced, oldestAt } = of
  const price = { saved_usd: usdText(BigInt(saved)), saved_unpriced: savedUnpriced }
  return { answers, judgements, ...price, oldest_at: oldestAt }
}

function scorerJson(scorer: ScorerVerdict) {
  return {
    scorer: scorer.scorer,
    kind: scorer.kind,
    version: scorer.version,
    values: scorer.values,
    better: scorer.better,
    decides: scorer.decides,
    coverage: scorer.coverage,
    estimate: intervalJson(scorer.estimate),
    reliability: scorer.reliability && {
      repeats: scorer.reliability.repeats,
      always: intervalJson(scorer.reliability.always),
      ever: intervalJson(scorer.reliability.ever),
    },
    calibration: scorer.calibration,
    corrected: scorer.corrected,
    compared: scorer.compared === null ? null : comparedJson(scorer.compared),
    gates: scorer.gates.map(gateJson),
    ...(scorer.flips !== undefined && { flips: scorer.flips.map(flipsJson) }),
  }
}

function flipsJson({ perturbation, pairs, decided, rate, nowFailing, nowPassing, difference }: Flips) {
  return {
    perturbation,
    pairs,
    decided,
    rate: intervalJson(rate),
    now_failing: nowFailing,
    now_passing: nowPassing,
    difference: difference === null ? null : { ...intervalJson(difference), p: difference.p },
  }
}

function comparedJson({ baseline, difference, adjustedP, reads }: Compared) {
  return {
    baseline: intervalJson(baseline),
    difference: difference === null ? null : { ...intervalJson(difference), p: difference.p },
    adjusted_p: adjustedP,
    reads: snakeCase(reads),
  }
}

function gateJson({ rule, bar, verdict, reason, low, high, itemsMore, perturbation }: Gate) {
  const of = perturbation === undefined ? {} : { perturbation }
  return { rule, ...of, bar, verdict, reason, low: bounded(low), high: bounded(high), items_more: itemsMore }
}

function intervalJson(interval: Estimate | Difference | null) {
  if (interval === null) return null
  const { estimate, low, high, se, method, items, groups } = interval
  return { estimate, low: bounded(low), high: bounded(high), se: bounded(se), method, items, groups }
}

function changesJson({ runs, scorers, items }: ItemComparison) {
  const counts = (of: Record<ItemChangeKind, number>) =>
    Object.fromEntries(ITEM_CHANGES.map((kind) => [snakeCase(kind), of[kind]]))
  return {
    runs,
    scorers: scorers.map(({ scorer, compared, counts: of }) => ({ scorer, compared, ...counts(of) })),
    items: items.map(itemJson),
  }
}

function itemJson({ itemId, position, scores, answers }: ItemChange) {
  return {
    item_id: itemId,
    position,
    scores: scores.map(({ scorer, kind, change, scores: runs }) => ({
      scorer,
      kind: snakeCase(kind),
      change,
      runs,
    })),
    answers,
  }
}

function bounded(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null
}

function snakeCase(words: string): string {
  return words.replaceAll(' ', '_')
}
