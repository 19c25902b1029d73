/**
 * How good rankings are, by the judgements of people: the measures of trec_eval, one query at a time. Pure; what a mean of
 * them is worth stands in `src/lib/statistics/bootstrap.ts`.
 */

/** Query id → document id → relevance. Above 0 is relevant and is the gain; 0 and below are judged not relevant. */
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Query id → document ids, best first. */
export type Rankings = ReadonlyMap<string, readonly string[]>

/** How deep nDCG looks: the depth that public tables print. */
export const NDCG_DEPTH = 10

export const METRICS = ['ndcg', 'recall', 'reciprocalRank', 'precision'] as const
export type Metric = (typeof METRICS)[number]

/** Each from 0 to 1. */
export type QueryMetrics = Record<Metric, number>

export type RunMetrics = {
  /** How deep recall and precision look. */
  k: number
  /** In the order of the judgements; a query without a ranking has 0 in everything. */
  queries: { id: string; metrics: QueryMetrics }[]
  /** Judged queries left out because no document is relevant: no ranking could find one. */
  withoutRelevant: number
  /** Of `queries`, those without a ranking. */
  unanswered: number
}

/**
 * The measures of one ranking, null when no judged document is relevant. As trec_eval computes them
 * (https://github.com/usnistgov/trec_eval: `ndcg_cut.10`, `recall.k`, `recip_rank`, `P.k`):
 *
 * - ndcg: Σ gain / log2(rank + 1) over the first `ndcgDepth`, over the same sum of the best order of all judged documents,
 *   whether found or not. The gain is the relevance itself (Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418).
 * - recall: relevant documents among the first k, over all relevant ones.
 * - reciprocalRank: 1 / rank of the first relevant document, 0 without one, over the whole ranking as given. Rankings of
 *   different depths therefore compare only where it was found in both.
 * - precision: relevant documents among the first k, over k, also when the ranking is shorter.
 *
 * A document that comes again counts where it came first and takes no rank. Documents without a judgement are not
 * relevant.
 */
export function measureQuery(
  ranking: readonly string[],
  judged: ReadonlyMap<string, number>,
  k: number,
  ndcgDepth = NDCG_DEPTH,
): QueryMetrics | null {
  const gains = [...judged.values()].filter((relevance) => relevance > 0)
  if (gains.length === 0) return null
  const found = [...new Set(ranking)].map((id) => Math.max(0, judged.get(id) ?? 0))
  const relevantAmongK = found.slice(0, k).filter((gain) => gain > 0).length
  const first = found.findIndex((gain) => gain > 0)
  const best = gains.sort((a, b) => b - a)
  return {
    ndcg: discounted(found, ndcgDepth) / discounted(best, ndcgDepth),
    recall: relevantAmongK / gains.length,
    reciprocalRank: first < 0 ? 0 : 1 / (first + 1),
    precision: relevantAmongK / k,
  }
}

function discounted(gains: readonly number[], depth: number): number {
  return gains.slice(0, depth).reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0)
}

/**
 * The measures of every judged query, so that a run that leaves a query out cannot look better for it (trec_eval's `-c`).
 * Throws RangeError for a k that is no whole number of at least 1.
 */
export function measureRun(rankings: Rankings, judgements: Judgements, k: number): RunMetrics {
  if (!Number.isInteger(k) || k < 1) throw new RangeError(`k is a whole number of at least 1, not ${k}.`)
  const run: RunMetrics = { k, queries: [], withoutRelevant: 0, unanswered: 0 }
  for (const [id, judged] of judgements) {
    const ranking = rankings.get(id)
    const metrics = measureQuery(ranking ?? [], judged, k)
    if (metrics === null) {
      run.withoutRelevant += 1
      continue
    }
    run.queries.push({ id, metrics })
    if (ranking === undefined) run.unanswered += 1
  }
  return run
}
