/** Building again a version whose build failed, or that was dropped: the same manifest is the same version. */

import type { Sql } from 'postgres'
import { dropPartitions } from './partitions.ts'
import type { BuildState, BuildStep, IndexRow } from './store.ts'

/**
 * Makes the build wait again; false when it needs none. What was cut off in the middle goes on there. A version that was
 * dropped, or whose finished index did not hold what was asked of it, begins anew.
 */
export async function retryBuild(sql: Sql, { id, number }: IndexRow, now: string): Promise<boolean> {
  return await sql.begin(async (transaction) => {
    const [build] = await transaction<{ state: BuildState; step: BuildStep | null }[]>`
      SELECT state, step FROM index_builds WHERE index_id = ${id} FOR UPDATE`
    if (build === undefined || (build.state !== 'failed' && build.state !== 'dropped')) return false
    const { state, step } = build
    if (state === 'dropped' || step === 'index' || step === 'validate') {
      await dropPartitions(transaction, number)
      await transaction`
        UPDATE index_builds SET step = NULL, documents_done = 0, chunks_total = NULL, chunks_done = 0, tokens = 0,
          mean_lexemes = NULL, configurations = NULL, validation = NULL
        WHERE index_id = ${id}`
    }
    await transaction`
      UPDATE index_builds SET state = 'queued', run = NULL, attempts = 0, error = NULL,
        updated_at = ${now}::timestamptz
      WHERE index_id = ${id}`
    return true
  })
}

/** Chunks a second of the newest finished build with this model, waits included; null when there is none. */
export async function findBuildRate(
  sql: Sql,
  projectId: string,
  { upstream, model }: { upstream: string; model: string },
): Promise<number | null> {
  const rows = await sql<{ rate: number | null }[]>`
    SELECT b.chunks_done / nullif(extract(epoch FROM b.updated_at - b.created_at), 0)::double precision AS rate
    FROM index_versions v JOIN index_builds b ON b.index_id = v.id
    WHERE v.project_id = ${projectId} AND b.state = 'ready'
      AND v.content::jsonb #>> '{embedding,upstream}' = ${upstream}
      AND v.content::jsonb #>> '{embedding,model}' = ${model}
    ORDER BY v.id DESC LIMIT 1`
  return rows[0]?.rate ?? null
}
