/** What a run takes, said before it begins: money, and the least difference that its items can show. */

import type { Sql } from 'postgres'
import { minimumDetectableEffect } from '../../lib/statistics/power.ts'
import { costOf } from '../../registry/prices/cost.ts'
import { type Price, priceInBatches } from '../../registry/prices/price.ts'
import type { PlannedRun } from './create-run.ts'
import type { RunScorer } from './run-content.ts'
import type { There } from './taken-over/count-there.ts'

export type Forecast = {
  /** That are left to make: answers that are there already are asked of nobody. */
  calls: number
  /** Micro-USD of these calls, and of what judges ask about all answers; null when unknown. */
  cost: bigint | null
  costRests:
    | 'earlier runs'
    | 'list prices'
    | 'models that run here'
    | 'answers that are there'
    | 'nothing known'
  /** For each scorer the least true difference that is seen in four runs of five; null for a scale without bounds. */
  sees: { scorer: string; difference: number | null }[]
}

/** What the first target of a subject costs; `free` for one that runs here. */
export type Target = { price: Price | null; free: boolean } | null

/** English prose, as measured for indexes; prompts and answers are much alike. */
const CHARACTERS_PER_TOKEN = 4
/** An answer of a paragraph or two. */
const OUTPUT_TOKENS = 250

export async function forecast(
  sql: Sql,
  projectId: string,
  { content, measure, subject }: PlannedRun,
  { items, target, there = null }: { items: number; target: Target; there?: There | null },
): Promise<Forecast> {
  const answers = content.subject.kind === 'recorded' ? 0 : items * content.repeats
  const calls = answers - (there?.answers ?? 0)
  const [earlier] = await sql<{ cost: number | null; judging: number | null; characters: number }[]>`
    SELECT past.cost, past.judging,
      (SELECT coalesce(avg(octet_length(i.content)), 0) FROM dataset_version_items p
        JOIN dataset_items i ON i.project_id = ${projectId} AND i.hash = p.hash
        WHERE p.dataset_id = ${content.dataset.id})::double precision AS characters
    FROM (SELECT avg(e.cost)::double precision AS cost, avg(coalesce((SELECT sum(s.cost) FROM eval_scores s
          WHERE s.run_id = e.run_id AND s.position = e.position AND s.repeat = e.repeat), 0))::double precision AS judging
        FROM eval_results e JOIN eval_runs r ON r.id = e.run_id
        WHERE r.project_id = ${projectId} AND r.subject = ${subject} AND r.measure_hash = ${measure}
          AND r.content::jsonb ? 'batch' = ${content.batch === true} AND e.cost IS NOT NULL AND e.cached_from IS NULL) AS past`
  // What judges will ask is known from runs that had the same ones, and from nothing else.
  const asksMore = content.scorers.some(({ judge }) => judge === true)
  const ofOne = earlier === undefined || earlier.cost === null ? null : earlier.cost
  const known = { earlier: ofOne, characters: earlier?.characters ?? 0 }
  const judging = (earlier?.judging ?? 0) * answers
  const asked = content.batch === true ? inBatches(target) : target
  const price = asksMore
    ? ofEarlier(calls, ofOne, judging)
    : priceOf({ calls, answers, judging }, known, asked)
  const pilot = await readSpread(sql, projectId, measure)
  return {
    calls,
    ...price,
    sees: content.scorers.map((scorer) => ({
      scorer: scorer.name,
      difference: seen(scorer, items, content.repeats, pilot.get(scorer.name) ?? null),
    })),
  }
}

function inBatches(target: Target): Target {
  if (target === null || target.price === null) return target
  return { ...target, price: priceInBatches(target.price) }
}

/** `judging` in micro-USD of all answers, those that are there already among them. */
function ofEarlier(
  calls: number,
  earlier: number | null,
  judging: number,
): Pick<Forecast, 'cost' | 'costRests'> {
  if (earlier === null) return { cost: null, costRests: 'nothing known' }
  return { cost: BigInt(Math.ceil(earlier * calls + judging)), costRests: 'earlier runs' }
}

function priceOf(
  { calls, answers, judging }: { calls: number; answers: number; judging: number },
  { earlier, characters }: { earlier: number | null; characters: number },
  target: Target,
): Pick<Forecast, 'cost' | 'costRests'> {
  if (answers === 0 || target?.free === true) return { cost: 0n, costRests: 'models that run here' }
  if (calls === 0) return { cost: 0n, costRests: 'answers that are there' }
  if (earlier !== null) return ofEarlier(calls, earlier, judging)
  const price = target?.price ?? null
  if (price === null) return { cost: null, costRests: 'nothing known' }
  const usage = {
    inputTokens: Math.ceil(characters / CHARACTERS_PER_TOKEN),
    outputTokens: OUTPUT_TOKENS,
    cachedInputTokens: 0,
    reasoningTokens: 0,
  }
  const one = costOf(usage, price)
  return one === null
    ? { cost: null, costRests: 'nothing known' }
    : { cost: one * BigInt(calls), costRests: 'list prices' }
}

type Pilot = { ofMeans: number; ofRepeats: number }

/** Variances of the newest finished run that was measured alike, by scorer. */
async function readSpread(sql: Sql, projectId: string, measure: string): Promise<Map<string, Pilot>> {
  const rows = await sql<{ scorer: string; ofMeans: number | null; ofRepeats: number | null }[]>`
    SELECT scorer, var_samp(mean) AS "ofMeans", avg(variance) AS "ofRepeats" FROM (
      SELECT s.scorer, s.position, avg(s.value) AS mean, var_samp(s.value) AS variance FROM eval_scores s
      WHERE s.outcome = 'scored' AND s.run_id = (SELECT id FROM eval_runs
        WHERE project_id = ${projectId} AND measure_hash = ${measure} AND state = 'done' ORDER BY id DESC LIMIT 1)
      GROUP BY s.scorer, s.position) AS items
    GROUP BY scorer`
  return new Map(
    rows.flatMap(({ scorer, ofMeans, ofRepeats }) =>
      ofMeans === null ? [] : [[scorer, { ofMeans, ofRepeats: ofRepeats ?? 0 }] as const],
    ),
  )
}

/**
 * Two runs as unlike as if they had nothing to do with each other: paired ones are mostly closer, so that less is seen than
 * this. Without a pilot the spread is the largest that a share can have, 1/4.
 */
function seen(scorer: RunScorer, items: number, repeats: number, pilot: Pilot | null): number | null {
  if (pilot === null && scorer.values === 'unbounded') return null
  const within = pilot?.ofRepeats ?? 0
  const between = pilot === null ? 0.25 : Math.max(0, pilot.ofMeans - within / repeats)
  return minimumDetectableEffect(
    {
      spread: { between: 2 * between, baseline: within, other: within },
      repeats: { baseline: repeats, other: repeats },
      sides: 2,
    },
    items,
  )
}
