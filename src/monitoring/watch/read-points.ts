/** Points of one subject in the past, as the rollups give them: for histories, for learning anew, and for when a change began. */

import type { Sql, TransactionSql } from 'postgres'
import type { Subject } from '../alerts/alert.ts'
import type { Level } from '../rollups/levels.ts'
import { readRollups } from '../rollups/read.ts'
import { pointsOf } from './metrics.ts'
import { placeOfSubject } from './place-of-subject.ts'

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
    where: placeOfSubject(subject),
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
