/** Points of one subject in the past, as the rollups give them: for histories, for learning anew, and for when a change began. */

import type { Sql, TransactionSql } from 'postgres'
import type { Subject } from '../alerts/alert.ts'
import type { Place } from '../rollups/figures.ts'
import type { Level } from '../rollups/levels.ts'
import { readRollups } from '../rollups/read.ts'
import { pointsOf } from './metrics.ts'

export type SubjectPoint = { atMs: number; metric: string; value: number; requests: number }
export type PointsQuery = {
  projectId: string
  subject: Subject
  fromMs: number
  toMs: number
  level: Level
  bucketMs: number
}

const MAX_BUCKETS = 10_000

/**
 * Oldest first, of every metric with enough traffic in the bucket; nothing of buckets without. At most 10,000 buckets, those with the most
 * requests. What other readers of the traffic add, such as scores, is not in the rollups and not here.
 */
export async function readSubjectPoints(
  sql: Sql | TransactionSql,
  { subject, bucketMs, ...query }: PointsQuery,
): Promise<SubjectPoint[]> {
  const { rows } = await readRollups(sql, {
    ...query,
    by: [],
    where: placeOf(subject),
    bucketMs,
    limit: MAX_BUCKETS,
  })
  return rows
    .flatMap(({ atMs, figures }) =>
      atMs === null
        ? []
        : pointsOf(figures, bucketMs).map((point) => ({ atMs, ...point, requests: figures.requests })),
    )
    .sort((one, other) => one.atMs - other.atMs)
}

/** The traffic of a subject. A name with a slash is no route: it is what is asked of an upstream directly. */
export function placeOf({ kind, name }: Subject): Partial<Place> {
  if (kind === 'upstream') return { upstream: name }
  const slash = name.indexOf('/')
  return slash < 0
    ? { route: name }
    : { route: null, upstream: name.slice(0, slash), model: name.slice(slash + 1) }
}
