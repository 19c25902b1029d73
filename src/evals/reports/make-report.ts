/** Reads what a report is made of: a run, the one beside it, their judgements, and the items that differ. */

import type { Sql } from 'postgres'
import { readEvidence } from '../reviews/judge-evidence.ts'
import { measureRun } from '../runs/measure.ts'
import { countResults, type JudgedRow, type Place, readJudged } from '../runs/result-rows.ts'
import { parseRunContent } from '../runs/run-content.ts'
import type { RunRow } from '../runs/run-rows.ts'
import type { Verdict } from '../runs/verdict.ts'
import { addJudged, compareItems, type ItemComparison, type ItemTallies, withAnswers } from './items.ts'
import type { Reckon } from './reckoner.ts'
import type { Report } from './report.ts'

/** Rows of answers are read in pages of this many and never held. */
const PAGE = 200

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
  const items =
    baseline === null
      ? await itemsOf(sql, [run], null, null)
      : await itemsOf(sql, [baseline, run], sharedIds(candidate, other), alikeIn(verdict))
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
    items,
  }
}

type Measured = Awaited<ReturnType<typeof measureRun>>

/** Items whose content is the same in both runs; null for a run alone. */
function sharedIds(candidate: Measured, other: Measured | null): Set<string> | null {
  if (other === null) return null
  const [first] = candidate.scores.values()
  const [second] = other.scores.values()
  const hashes = new Map((second ?? []).map(({ itemId, hash }) => [itemId, hash]))
  const same = (first ?? []).filter(({ itemId, hash }) => hashes.get(itemId) === hash)
  return new Set(same.map(({ itemId }) => itemId))
}

/** Scorers of one name with other rules say nothing about each other's items. */
function alikeIn({ scorers }: Verdict): Set<string> {
  return new Set(scorers.flatMap(({ scorer, compared }) => (compared === null ? [] : [scorer])))
}

async function itemsOf(
  sql: Sql,
  runs: readonly RunRow[],
  shared: Set<string> | null,
  alike: Set<string> | null,
): Promise<ItemComparison> {
  const compared = []
  for (const run of runs) {
    const items: ItemTallies = new Map()
    for await (const page of pagesOf(sql, run)) addJudged(items, page)
    compared.push({ id: run.id, items })
  }
  let comparison = compareItems(compared, shared, alike)
  for (const run of runs) {
    for await (const page of pagesOf(sql, run)) comparison = withAnswers(comparison, run.id, page)
  }
  return comparison
}

async function* pagesOf(sql: Sql, run: RunRow): AsyncGenerator<JudgedRow[]> {
  let after: Place | null = null
  for (;;) {
    const rows: JudgedRow[] = await readJudged(sql, run, after, PAGE)
    if (rows.length > 0) yield rows
    if (rows.length < PAGE) return
    after = rows.at(-1) ?? null
  }
}
