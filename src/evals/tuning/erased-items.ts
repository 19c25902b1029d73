/** Which items of a dataset are of people whose data was erased since: what was copied before must not leave the house after. */

import type { Sql } from 'postgres'
import type { PlacedItem } from '../datasets/store.ts'

/**
 * Positions of those whose group is the pseudonym of an erased subject, or whose logged request was one's. An erasure counts from its
 * approval on. A request that retention has let go is known by the group alone.
 */
export async function findErased(
  sql: Sql,
  projectId: string,
  items: readonly PlacedItem[],
): Promise<Set<number>> {
  const given = items
    .filter(({ item }) => item.source !== undefined)
    .map(({ position, item }) => ({
      position,
      subject: item.group ?? null,
      request: item.source?.request_id,
    }))
  if (given.length === 0) return new Set()
  const rows = await sql.unsafe<{ position: number }[]>(
    `WITH erased AS (
       SELECT DISTINCT subject FROM erasures
       WHERE project_id = $1 AND state IN ('approved', 'executing', 'executed')
     )
     SELECT position FROM json_to_recordset($2::json) AS given (position integer, subject text, request text)
     WHERE subject IN (SELECT subject FROM erased)
       OR EXISTS (SELECT FROM requests r JOIN erased e ON e.subject = r.subject
                  WHERE r.project_id = $1 AND r.id = given.request)`,
    [projectId, JSON.stringify(given)],
  )
  return new Set(rows.map(({ position }) => position))
}
