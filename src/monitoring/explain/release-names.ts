/** Segments under names that can be pasted into the next command. */

import type { Sql } from 'postgres'
import type { Explanation } from '../alerts/alert.ts'
import type { Segment } from './segments.ts'

const NAMES = { releaseId: 'release', keyId: 'key' } as const
const SEGMENTS_MAX = 100

/** `releaseId` `rel_…` becomes `release` `support-answer@r14`; null becomes `none`. */
export async function nameReleases(
  sql: Sql,
  projectId: string,
  segments: readonly Segment[],
): Promise<Explanation['segments']> {
  const ids = segments.flatMap(({ dimension, value }) =>
    dimension === 'releaseId' && value !== null ? [value] : [],
  )
  const rows = await sql<{ id: string; name: string }[]>`
    SELECT id, route || '@r' || number AS name FROM releases
    WHERE project_id = ${projectId} AND id = ANY(${ids}) LIMIT ${SEGMENTS_MAX}`
  const names = new Map(rows.map(({ id, name }) => [id, name]))
  return segments.map(({ dimension, value, amount }) => ({
    dimension: dimension === 'releaseId' || dimension === 'keyId' ? NAMES[dimension] : dimension,
    value: value === null ? 'none' : (names.get(value) ?? value),
    amount,
  }))
}
