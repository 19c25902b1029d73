/** How far a run is, what it has cost, and what of it earlier runs had answered already. */

import type { Sql } from 'postgres'

/** What a run took over from earlier ones: how many answers and judgements, what they had cost, and since when the oldest is there. */
export type TakenOver = {
  answers: number
  judgements: number
  /** Micro-USD as text, of those whose price is known. */
  saved: string
  /** Of how many nobody knows what they had cost. */
  savedUnpriced: number
  /** ISO 8601, UTC. */
  oldestAt: string
}

export type RunCounts = {
  answered: number
  failed: number
  /** Micro-USD that the run itself paid for answers and judgements whose price is known, as text, also of those made again since. */
  cost: string
  /** Answers and judgements that somebody is paid for, and nobody knows how much. */
  unpriced: number
  /** Of `unpriced`, the answers that are there. */
  unpricedAnswers: number
  /** Units with all their scores. */
  judged: number
  abstained: number
  errors: number
  /** Null when all is the run's own. */
  takenOver: TakenOver | null
}
type Row = Omit<RunCounts, 'takenOver'> & Omit<TakenOver, 'oldestAt'> & { oldestAt: string | null }

/** Throws when there is no such run. */
export async function countResults(sql: Sql, runId: string): Promise<RunCounts> {
  const [row] = await sql<Row[]>`
    SELECT e.answered, e.failed, (r.forgotten_cost + e.cost + s.cost)::text AS cost,
      (r.forgotten_unpriced + e.unpriced + s.unpriced)::integer AS unpriced, e.unpriced AS "unpricedAnswers",
      s.judged, s.abstained, s.errors, e.taken AS answers, s.taken AS judgements, (e.saved + s.saved)::text AS saved,
      (e.saved_unpriced + s.saved_unpriced)::integer AS "savedUnpriced",
      to_char(least(e.oldest, s.oldest) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "oldestAt"
    FROM eval_runs r
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE outcome = 'answered')::integer AS answered,
        count(*) FILTER (WHERE outcome = 'failed')::integer AS failed,
        coalesce(sum(cost) FILTER (WHERE cached_from IS NULL), 0) AS cost,
        count(*) FILTER (WHERE cost IS NULL AND NOT free AND cached_from IS NULL)::integer AS unpriced,
        count(cached_from)::integer AS taken, min(cached_at) AS oldest,
        count(*) FILTER (WHERE cost IS NULL AND NOT free AND cached_from IS NOT NULL) AS saved_unpriced,
        coalesce(sum(cost) FILTER (WHERE cached_from IS NOT NULL), 0) AS saved
      FROM eval_results WHERE run_id = r.id) AS e
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE scores = r.scorers)::integer AS judged, coalesce(sum(cost), 0) AS cost,
        coalesce(sum(unpriced), 0) AS unpriced, coalesce(sum(abstained), 0)::integer AS abstained,
        coalesce(sum(errors), 0)::integer AS errors, coalesce(sum(taken), 0)::integer AS taken,
        coalesce(sum(saved), 0) AS saved, coalesce(sum(saved_unpriced), 0) AS saved_unpriced, min(oldest) AS oldest
      FROM (SELECT count(*) AS scores, sum(cost) FILTER (WHERE cached_from IS NULL) AS cost,
          count(*) FILTER (WHERE cost IS NULL AND cached_from IS NULL) AS unpriced,
          count(*) FILTER (WHERE outcome = 'abstained') AS abstained, count(*) FILTER (WHERE outcome = 'error') AS errors,
          count(cached_from) AS taken, sum(cost) FILTER (WHERE cached_from IS NOT NULL) AS saved, min(cached_at) AS oldest,
          count(*) FILTER (WHERE cost IS NULL AND cached_from IS NOT NULL) AS saved_unpriced
        FROM eval_scores WHERE run_id = r.id GROUP BY position, repeat) AS units) AS s
    WHERE r.id = ${runId}`
  if (row === undefined) throw new Error(`The run ${runId} is gone.`)
  const { answers, judgements, saved, savedUnpriced, oldestAt, ...counts } = row
  const takenOver = oldestAt === null ? null : { answers, judgements, saved, savedUnpriced, oldestAt }
  return { ...counts, takenOver }
}
