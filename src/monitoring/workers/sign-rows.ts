/** All SQL of workers' signs of life. */

import type { Sql } from 'postgres'
import type { QueueCount } from '../../telemetry/metrics/state-metrics.ts'

export type NewestSign = { ageSeconds: number; queue: readonly QueueCount[] }

/** Writes that `worker` lives and what it saw, and forgets those that have been gone for a day. */
export async function putWorkerSign(sql: Sql, worker: string, queue: readonly QueueCount[]): Promise<void> {
  const counts = JSON.stringify(queue)
  await sql`
    WITH gone AS (DELETE FROM worker_signs WHERE seen_at < now() - interval '1 day' AND worker <> ${worker})
    INSERT INTO worker_signs (worker, seen_at, queue) VALUES (${worker}, now(), ${counts}::text::jsonb)
    ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at, queue = excluded.queue`
}

/** A worker that stops in order takes its sign with it. */
export async function removeWorkerSign(sql: Sql, worker: string): Promise<void> {
  await sql`DELETE FROM worker_signs WHERE worker = ${worker}`
}

/** The newest sign of any worker; null when there is none. A real query: it shows that the database answers. */
export async function readNewestSign(sql: Sql): Promise<NewestSign | null> {
  const [row] = await sql<{ age: number; queue: string }[]>`
    SELECT greatest(0, extract(epoch FROM now() - seen_at))::float8 AS age, queue::text AS queue
    FROM worker_signs ORDER BY seen_at DESC LIMIT 1`
  return row === undefined
    ? null
    : { ageSeconds: row.age, queue: JSON.parse(row.queue) as readonly QueueCount[] }
}
