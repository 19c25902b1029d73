/**
 * Runs set side by side item by item: which items newly fail, newly pass or moved most, by scorer; and the answers of the few
 * that are shown. Pure.
 */

import { passesOverRepeats } from '../runs/passes.ts'
import type { ItemScores, JudgedRow, ScoreRow } from '../runs/result-rows.ts'
import type { Measured } from '../runs/verdict.ts'
import { clip } from '../scorers/outcome.ts'

/** In the order in which they are shown. `failing` is said of a run alone, the others of a run against the first one. */
export const ITEM_CHANGES = [
  'failing',
  'newly failing',
  'no longer judged',
  'newly passing',
  'changed',
] as const
export type ItemChangeKind = (typeof ITEM_CHANGES)[number]

type ItemScore = {
  /** Mean over the repeats that were scored; null without one. */
  mean: number | null
  /** Most of the repeats that could pass did, a tie not counted; null when none could. */
  passed: boolean | null
}
export type ItemScoreChange = {
  scorer: string
  kind: ItemChangeKind
  /** Mean of the run that moved most − mean of the first one; null without both. */
  change: number | null
  /** In the order of the runs. */
  scores: ItemScore[]
}
export type ItemAnswer = {
  /** Of the first repeat, shortened; calls of tools as JSON where there is no text. */
  output: string | null
  error: string | null
  reasons: { scorer: string; outcome: ScoreRow['outcome']; reason: string }[]
}
export type ItemChange = {
  itemId: string
  position: number
  scores: ItemScoreChange[]
  /** In the order of the runs; null where `withAnswers` has not seen the item. */
  answers: (ItemAnswer | null)[]
}
type ScorerChanges = {
  scorer: string
  /** Items that the first run and another have in common. */
  compared: number
  /** Of all items, not only of those shown. */
  counts: Record<ItemChangeKind, number>
}
export type ItemComparison = {
  /** Ids; the first is what the others are compared with. */
  runs: string[]
  scorers: ScorerChanges[]
  /** Worst first, bounded. */
  items: ItemChange[]
}

/** For each scorer this many of its items are shown, and this many items in all. */
const MOST_PER_SCORER = 10
const MOST_ITEMS = 50
const MAX_OUTPUT_CHARS = 4_000
const MAX_REASON_CHARS = 300
const MAX_REASONS = 50
/** Means over repeats that differ by less differ by rounding. */
const ROUNDING = 1e-9

/** A run as its measurement has it: each scorer's judgements of each item. */
export type ComparedRun = Pick<Measured, 'id' | 'scores'>

/**
 * What changed from the first run to the others; of one run alone, what fails. With several others an item stands for the one
 * that changed it most. Items are the same when their ids and contents are. `alike` names the scorers that judge all runs by the
 * same rules; null takes every one.
 */
export function compareItems(
  runs: readonly ComparedRun[],
  alike: ReadonlySet<string> | null = null,
): ItemComparison {
  const scorers = [...(runs[0]?.scores.keys() ?? [])].filter((scorer) => alike?.has(scorer) !== false)
  const found = scorers.toSorted().map((scorer) => scorerChanges(scorer, runs))
  return {
    runs: runs.map(({ id }) => id),
    scorers: found.map(({ changes }) => changes),
    items: mergeItems(
      found.map(({ most }) => most),
      runs,
    ),
  }
}

type Found = { itemId: string; position: number; change: ItemScoreChange }

function scorerChanges(
  scorer: string,
  runs: readonly ComparedRun[],
): { changes: ScorerChanges; most: Found[] } {
  const counts = Object.fromEntries(ITEM_CHANGES.map((kind) => [kind, 0])) as Record<ItemChangeKind, number>
  const found: Found[] = []
  let compared = 0
  const [own, ...rest] = runs.map(({ scores }) => scores.get(scorer) ?? [])
  const byItem = rest.map((items) => new Map(items.map((item) => [keyOf(item), item])))
  for (const item of own ?? []) {
    const first = scoreOf(item)
    const others = byItem.map((items) => scoreOf(items.get(keyOf(item))))
    if (first === null) continue
    if (runs.length > 1 && others.every((other) => other === null)) continue
    compared += 1
    const change = strongest(scorer, first, others)
    if (change === null) continue
    counts[change.kind] += 1
    const shown = [first, ...others].map((score) => score ?? { mean: null, passed: null })
    const { itemId, position } = item
    found.push({ itemId, position, change: { ...change, scores: shown } })
  }
  const most = found.sort((a, b) => byStrength(a.change, b.change) || a.position - b.position)
  return { changes: { scorer, compared, counts }, most: most.slice(0, MOST_PER_SCORER) }
}

function keyOf({ itemId, hash }: ItemScores): string {
  return `${itemId} ${hash}`
}

/** Null for an item that the run does not have, or has not judged yet. */
function scoreOf(item: ItemScores | undefined): ItemScore | null {
  if (item === undefined || item.scored + item.abstained + item.errors === 0) return null
  const { mean, passRate = null } = item
  return { mean, passed: passesOverRepeats(passRate) }
}

type Change = Omit<ItemScoreChange, 'scores'>

function strongest(scorer: string, first: ItemScore, others: readonly (ItemScore | null)[]): Change | null {
  if (others.length === 0) return first.passed === false ? { scorer, kind: 'failing', change: null } : null
  const changes = others.flatMap((other) => {
    const kind = other === null ? null : kindOf(first, other)
    if (other === null || kind === null) return []
    const change = first.mean === null || other.mean === null ? null : other.mean - first.mean
    return [{ scorer, kind, change }]
  })
  return changes.sort(byStrength)[0] ?? null
}

function kindOf(first: ItemScore, other: ItemScore): ItemChangeKind | null {
  if (first.passed === true && other.passed === false) return 'newly failing'
  if (first.mean !== null && other.mean === null) return 'no longer judged'
  if (first.passed === false && other.passed === true) return 'newly passing'
  const moved = first.mean === null || other.mean === null ? 0 : Math.abs(other.mean - first.mean)
  return moved > ROUNDING ? 'changed' : null
}

function byStrength(a: Change, b: Change): number {
  return (
    ITEM_CHANGES.indexOf(a.kind) - ITEM_CHANGES.indexOf(b.kind) ||
    Math.abs(b.change ?? 0) - Math.abs(a.change ?? 0)
  )
}

/** Each scorer's first items before any scorer's second ones: units differ, so sizes of changes cannot be compared. */
function mergeItems(byScorer: readonly (readonly Found[])[], runs: readonly ComparedRun[]): ItemChange[] {
  const ranked = byScorer
    .flatMap((found) => found.map((one, rank) => ({ ...one, rank })))
    .sort(
      (a, b) =>
        ITEM_CHANGES.indexOf(a.change.kind) - ITEM_CHANGES.indexOf(b.change.kind) ||
        a.rank - b.rank ||
        a.position - b.position,
    )
  const items = new Map<string, ItemChange>()
  for (const { itemId, position, change } of ranked) {
    const item = items.get(itemId)
    if (item !== undefined) item.scores.push(change)
    else if (items.size < MOST_ITEMS)
      items.set(itemId, { itemId, position, scores: [change], answers: runs.map(() => null) })
  }
  return [...items.values()]
}

/** The comparison with what a run answered; rows of other items are passed over. The first repeat that comes is kept. */
export function withAnswers(
  comparison: ItemComparison,
  runId: string,
  rows: Iterable<JudgedRow>,
): ItemComparison {
  const at = comparison.runs.indexOf(runId)
  const wanted = new Set(comparison.items.map(({ itemId }) => itemId))
  const answers = new Map<string, ItemAnswer>()
  for (const row of rows) {
    if (wanted.has(row.itemId) && !answers.has(row.itemId)) answers.set(row.itemId, answerOf(row))
  }
  const items = comparison.items.map((item) => ({
    ...item,
    answers: item.answers.map((answer, run) =>
      run === at ? (answer ?? answers.get(item.itemId) ?? null) : answer,
    ),
  }))
  return { ...comparison, items }
}

function answerOf({ result, scores }: JudgedRow): ItemAnswer {
  const calls = result.toolCalls === '[]' ? null : result.toolCalls
  const output = result.output === null || result.output === '' ? (calls ?? result.output) : result.output
  const error = result.error ?? result.errorCode
  return {
    output: output === null ? null : clip(output, MAX_OUTPUT_CHARS),
    error: error === null ? null : clip(error, MAX_REASON_CHARS),
    reasons: scores.slice(0, MAX_REASONS).map(({ scorer, outcome, reason }) => ({
      scorer,
      outcome,
      reason: clip(reason, MAX_REASON_CHARS),
    })),
  }
}
