/**
 * Several rankings become one list: fused by rank, thinned by document, spread by likeness. Pure and deterministic: the
 * same lists always give the same order, so that a retrieval can be made again.
 */

type RankedList = {
  /** How `ranks` calls this list. One name, one list. */
  name: string
  /** At least 0; only the ratio between the lists matters. */
  weight: number
  /** Best first. An id that comes again counts where it came first. */
  ids: readonly string[]
  /** One for each id, higher is better: BM25, a cosine. Left out, only ranks count. */
  scores?: readonly number[] | undefined
}

export type Fused = {
  id: string
  score: number
  /** Rank (from 1) in each list that holds the id, by the list's name. */
  ranks: Record<string, number>
}

/**
 * Weighted reciprocal rank fusion: score(d) = Σ weight_i · nearness_i(d) / (constant + rank_i(d)) over the lists that hold
 * d, ranks from 1 (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
 * Methods", SIGIR 2009, https://doi.org/10.1145/1571941.1572114, there without weights and nearness, with a constant of
 * 60). A small constant trusts first places, a large one trusts agreement.
 *
 * nearness is the score of d over the best score of its list, 0 for what is below 0: a second place that scores half as
 * much as the first counts half as much. It is 1 for a list without scores or with none above 0. What it is worth, and
 * which weights: docs/adr/0022-hybrid-fusion.md.
 *
 * Highest score first. Equal scores: better rank in the first list, then in the next, then the id by code units; what a
 * list does not hold ranks last in it. Throws RangeError for a constant or a weight below 0 or not finite, for two lists of
 * one name, and for scores that are not one finite number for each id.
 *
 * @example fuse([{ name: 'text', weight: 1, ids: ['a', 'b'] }, { name: 'vector', weight: 1, ids: ['b'] }], 60)[0]?.id // 'b'
 */
export function fuse(lists: readonly RankedList[], constant: number): Fused[] {
  checkLists(lists, constant)
  const found = new Map<string, Fused>()
  for (const { name, weight, ids, scores } of lists) {
    const best = scores?.reduce((most, score) => Math.max(most, score), 0) ?? 0
    let rank = 0
    for (const [at, id] of ids.entries()) {
      const fused = found.get(id) ?? { id, score: 0, ranks: {} }
      if (Object.hasOwn(fused.ranks, name)) continue
      rank += 1
      const nearness = best > 0 ? Math.max(0, scores?.[at] ?? 0) / best : 1
      fused.ranks[name] = rank
      fused.score += (weight * nearness) / (constant + rank)
      found.set(id, fused)
    }
  }
  return [...found.values()].sort(
    (a, b) => b.score - a.score || byRanks(lists, a, b) || byCodeUnits(a.id, b.id),
  )
}

function checkLists(lists: readonly RankedList[], constant: number): void {
  if (!(constant >= 0 && Number.isFinite(constant))) {
    throw new RangeError(`The constant of a fusion is a number of at least 0, not ${constant}.`)
  }
  for (const { name, weight, ids, scores } of lists) {
    if (!(weight >= 0 && Number.isFinite(weight))) {
      throw new RangeError(`The weight of the list "${name}" is a number of at least 0, not ${weight}.`)
    }
    if (scores !== undefined && (scores.length !== ids.length || !scores.every(Number.isFinite))) {
      throw new RangeError(
        `The list "${name}" has ${ids.length} ids, and its scores are not one number for each.`,
      )
    }
  }
  if (new Set(lists.map(({ name }) => name)).size < lists.length) {
    throw new RangeError('Two lists of a fusion have one name.')
  }
}

function byRanks(lists: readonly RankedList[], a: Fused, b: Fused): number {
  for (const { name } of lists) {
    const [left, right] = [a.ranks[name] ?? Number.MAX_SAFE_INTEGER, b.ranks[name] ?? Number.MAX_SAFE_INTEGER]
    if (left !== right) return left - right
  }
  return 0
}

/** Not by locale: the order must be the same on every machine. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * The list without what its document already gave `cap` times, order kept. Throws RangeError for a cap that is no whole
 * number of at least 1.
 */
export function capPerDocument<Item>(
  list: readonly Item[],
  documentOf: (item: Item) => string,
  cap: number,
): Item[] {
  if (!Number.isInteger(cap) || cap < 1)
    throw new RangeError(`A cap is a whole number of at least 1, not ${cap}.`)
  const taken = new Map<string, number>()
  return list.filter((item) => {
    const document = documentOf(item)
    const count = (taken.get(document) ?? 0) + 1
    taken.set(document, count)
    return count <= cap
  })
}

/**
 * Maximal marginal relevance (Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents
 * and Producing Summaries", SIGIR 1998, https://doi.org/10.1145/290941.291025): the next one is always that with the
 * highest lambda · relevance − (1 − lambda) · its greatest likeness to one already chosen.
 *
 * Relevance is the candidate's score over the largest score, because fused scores are small and cosines are not; likeness
 * is the inner product of `vectors`, which must have length 1 and one dimension. A candidate without a vector is like
 * none. lambda 1 keeps the order of the scores, 0 asks for variety alone. Equal values: who came first in `candidates`.
 * At most `limit` of them, chosen first; limit × candidates inner products. Throws RangeError for a lambda outside 0…1, a
 * limit that is no whole number of at least 0, or vectors of different dimensions.
 */
export function mmr<Candidate extends { id: string; score: number }>(
  candidates: readonly Candidate[],
  vectors: ReadonlyMap<string, Float32Array>,
  lambda: number,
  limit: number,
): Candidate[] {
  if (!(lambda >= 0 && lambda <= 1))
    throw new RangeError(`lambda lies between 0 and 1, and ${lambda} does not.`)
  if (!Number.isInteger(limit) || limit < 0) {
    throw new RangeError(`A limit is a whole number of at least 0, not ${limit}.`)
  }
  const largest = candidates.reduce((most, { score }) => Math.max(most, Math.abs(score)), 0) || 1
  const open = candidates.map((candidate) => ({
    candidate,
    relevance: candidate.score / largest,
    vector: vectors.get(candidate.id),
    // Nothing is chosen yet, and nothing can be liked less than its opposite.
    likeness: Number.NEGATIVE_INFINITY,
  }))
  const chosen: Candidate[] = []
  while (chosen.length < limit && open.length > 0) {
    const values = open.map(({ relevance, likeness }) => {
      return lambda * relevance - (1 - lambda) * (chosen.length === 0 ? 0 : likeness)
    })
    const best = values.reduce((leader, value, at) => (value > (values[leader] ?? value) ? at : leader), 0)
    const [taken] = open.splice(best, 1)
    if (taken === undefined) break
    chosen.push(taken.candidate)
    for (const one of open) one.likeness = Math.max(one.likeness, likenessOf(one.vector, taken.vector))
  }
  return chosen
}

/** Cosine of two vectors of length 1. */
function likenessOf(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined) return 0
  if (a.length !== b.length) {
    throw new RangeError(`Vectors of ${a.length} and of ${b.length} dimensions cannot be compared.`)
  }
  return a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
}
