/** What a card says of runs beside their verdict: which items failed, what answers cost and how long they took. */

import type { Sql } from 'postgres'
import { type FailedItem, readAnswerFigures, readFailedItems } from '../../evals/runs/figure-rows.ts'
import { parseRunContent, type RunContent } from '../../evals/runs/run-content.ts'
import { findRun, listRuns, type RunRow } from '../../evals/runs/run-rows.ts'
import { plainKind } from '../../evals/scorers/negate.ts'
import { clip } from '../../evals/scorers/outcome.ts'
import { printableLine } from '../../lib/printable.ts'
import type { ReleaseRow } from '../../registry/releases/store.ts'
import type { PromotionVerdict } from '../evidence/verdict.ts'
import type { CardFailure, CardFailures, CardOperation } from './card.ts'
import { usdEach } from './usd-each.ts'

export type CardRun = { suite: string; row: RunRow; content: RunContent }

const MAX_FAILURES = 20
/** Of a live card: among so many newest runs of the release each suite's newest is looked for. */
const MAX_RUNS = 200
const MAX_REASON_CHARS = 160
/** Kinds whose reasons are not Aval's own words, as those of judges are not. */
const OTHERS_WORDS: readonly string[] = ['javascript', 'assertions']

/** The candidate's runs of the verdict; without one each suite's newest finished run of the release. */
export async function findRuns(
  sql: Sql,
  { id, projectId, route, number }: ReleaseRow,
  verdict: PromotionVerdict | null,
): Promise<CardRun[]> {
  if (verdict !== null) {
    const runs: CardRun[] = []
    for (const { suite, candidate } of verdict.suites) {
      const row = await findRun(sql, projectId, candidate.id)
      if (row === null) throw new Error(`A verdict rests on the run ${candidate.id}, which is not there.`)
      runs.push({ suite, row, content: parseRunContent(row.content) })
    }
    return runs
  }
  const filter = { suite: null, subject: `${route}@r${number}`, tag: null }
  const newest = await listRuns(sql, projectId, filter, { after: null, limit: MAX_RUNS })
  const bySuite = new Map<string, RunRow>()
  for (const row of newest) {
    if (row.state === 'done' && row.releaseId === id && !bySuite.has(row.suite)) bySuite.set(row.suite, row)
  }
  return [...bySuite].map(([suite, row]) => ({ suite, row, content: parseRunContent(row.content) }))
}

/** Null without a run. Items and scorers by name, and no word of an answer: a card is kept for good. */
export async function readFailures(sql: Sql, runs: readonly CardRun[]): Promise<CardFailures | null> {
  if (runs.length === 0) return null
  const found: (FailedItem & { run: CardRun })[] = []
  let total = 0
  for (const run of runs) {
    const failed = await readFailedItems(sql, run.row, MAX_FAILURES)
    total += failed.total
    found.push(...failed.items.map((item) => ({ ...item, run })))
  }
  // A stable sort: within a run they are in this order already.
  const worst = found.toSorted((a, b) => b.scorers - a.scorers || b.failed / b.decided - a.failed / a.decided)
  return { total, items: worst.slice(0, MAX_FAILURES).map(failureOf) }
}

function failureOf({
  itemId,
  scorer,
  failed,
  decided,
  reason,
  run,
}: FailedItem & { run: CardRun }): CardFailure {
  const rules = run.content.scorers.find(({ name }) => name === scorer)
  const isOthers = rules === undefined || rules.judge === true || OTHERS_WORDS.includes(plainKind(rules.kind))
  return {
    suite: run.suite,
    run: run.row.id,
    item: itemId,
    scorer,
    failed,
    decided,
    reason: isOthers ? null : clip(withoutQuotes(printableLine(reason)), MAX_REASON_CHARS),
  }
}

/** Scorers quote in these marks; a quotation that was cut off ends with the text. */
function withoutQuotes(text: string): string {
  return text.replaceAll(/"(?:\\.|[^"\\])*(?:"|$)|“[^”]*(?:”|$)/g, '"…"')
}

export async function readOperation(sql: Sql, { suite, row }: CardRun): Promise<CardOperation> {
  const figures = await readAnswerFigures(sql, row.id)
  return {
    suite,
    run: row.id,
    answered: figures.answered,
    failed: figures.failed,
    cost_usd: usdEach(BigInt(figures.cost), figures.priced + figures.free),
    unpriced: figures.unpriced,
    latency_p50_ms: figures.latencyP50Ms,
    latency_p95_ms: figures.latencyP95Ms,
  }
}
