/** Reads what a report is made of: a run, the one beside it, their judgements, and the items that differ. */

import type { Sql } from 'postgres'
import { readEvidence } from '../reviews/judge-evidence.ts'
import { countResults } from '../runs/count-results.ts'
import { measureRun } from '../runs/measure.ts'
import { readFirstJudged } from '../runs/result-rows.ts'
import { parseRunContent } from '../runs/run-content.ts'
import type { RunRow } from '../runs/run-rows.ts'
import type { Measured, Verdict } from '../runs/verdict.ts'
import { compareItems, type ItemComparison, withAnswers } from './items.ts'
import type { Reckon } from './reckoner.ts'
import type { Report } from './report.ts'

export type ReportDeps = { sql: Sql; reckon: Reckon }

/** `baseline` null is a report of one run alone. Both have ended. */
export async function makeReport(
  { sql, reckon }: ReportDeps,
  run: RunRow,
  baseline: RunRow | null,
): Promise<Report> {
  const content = parseRunContent(run.content)
  const counts = await countResults(sql, run.id)
  const candidate = await measureRun(sql, run)
  const other = baseline === null ? null : await measureRun(sql, baseline)
  const verdict = await reckon(candidate, other, await readEvidence(sql, run))
  const alike = other === null ? null : alikeIn(verdict)
  const compared = other === null ? [candidate] : [other, candidate]
  const runs = baseline === null ? [run] : [baseline, run]
  return {
    verdict,
    about: {
      suite: run.suite,
      dataset: `${content.dataset.name}@${content.dataset.version}`,
      split: content.split,
      createdAt: run.createdAt,
      finishedAt: run.finishedAt,
      cost: BigInt(counts.cost),
      unpriced: counts.unpriced,
      alpha: content.alpha,
      coverage: content.coverage,
      gitCommit: run.gitCommit,
      hashes: { content: run.hash, measure: run.measureHash, dataset: content.dataset.hash },
    },
    items: await answeredBy(sql, runs, compared, compareItems(compared, alike)),
  }
}

/** Scorers of one name with other rules say nothing about each other's items. */
function alikeIn({ scorers }: Verdict): Set<string> {
  return new Set(scorers.flatMap(({ scorer, compared }) => (compared === null ? [] : [scorer])))
}

/** The items that are shown, with what each run answered in its first repeat. */
async function answeredBy(
  sql: Sql,
  runs: readonly RunRow[],
  measured: readonly Measured[],
  comparison: ItemComparison,
): Promise<ItemComparison> {
  const shown = new Set(comparison.items.map(({ itemId }) => itemId))
  let answered = comparison
  for (const [at, run] of runs.entries()) {
    const [items = []] = measured[at]?.scores.values() ?? []
    const positions = items.filter(({ itemId }) => shown.has(itemId)).map(({ position }) => position)
    answered = withAnswers(answered, run.id, await readFirstJudged(sql, run, positions))
  }
  return answered
}
