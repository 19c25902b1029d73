/** All SQL of what processes have under way at upstreams. */

import type { Sql } from 'postgres'
import type { Figures } from './loads.ts'

/** What a worker says beside its figures, of the calls of its runs. */
export type RunFigures = {
  /** Calls that are under way or wait for room. */
  wanted: number
  /** What this worker takes the upstream for able to bear, traffic and runs together. */
  limit: number
  /** Ids of runs that wait for room. */
  waiting: readonly string[]
}
export type ToldFigures = Figures & { runs?: RunFigures }

/** The figures of one process, and how long ago it told them. */
export type LoadRow = {
  process: string
  kind: 'traffic' | 'runs'
  ageMs: number
  upstreams: Readonly<Record<string, ToldFigures>>
}

/** A process that has not told anything for so long says nothing any more: several times as long as it is silent between two words. */
const STALE_MS = 5_000
/** Of one process; the others have no figures. */
const MAX_UPSTREAMS = 64

/** Replaces what the process said before, and removes those that have been gone for a minute. */
export async function putLoad(
  sql: Sql,
  { process, kind }: Pick<LoadRow, 'process' | 'kind'>,
  upstreams: ReadonlyMap<string, ToldFigures>,
): Promise<void> {
  const told = JSON.stringify(Object.fromEntries(busiest(upstreams)))
  await sql`
    WITH gone AS (
      DELETE FROM upstream_loads WHERE process IN (
        SELECT process FROM upstream_loads WHERE seen_at < now() - interval '1 minute' AND process <> ${process}
        FOR UPDATE SKIP LOCKED))
    INSERT INTO upstream_loads (process, kind, seen_at, upstreams)
    VALUES (${process}, ${kind}, now(), ${told}::text::jsonb)
    ON CONFLICT (process) DO UPDATE SET seen_at = excluded.seen_at, upstreams = excluded.upstreams`
}

function busiest(upstreams: ReadonlyMap<string, ToldFigures>): [string, ToldFigures][] {
  return [...upstreams].toSorted(([, a], [, b]) => b.underWay - a.underWay).slice(0, MAX_UPSTREAMS)
}

/** What all processes said in the last five seconds, by the database's clock. */
export async function readLoads(sql: Sql): Promise<LoadRow[]> {
  const rows = await sql<{ process: string; kind: LoadRow['kind']; age: number; upstreams: string }[]>`
    SELECT process, kind, greatest(0, extract(epoch FROM now() - seen_at) * 1000)::float8 AS age, upstreams::text AS upstreams
    FROM upstream_loads WHERE seen_at > now() - make_interval(secs => ${STALE_MS / 1000}) ORDER BY process`
  return rows.map(({ process, kind, age, upstreams }) => ({
    process,
    kind,
    ageMs: age,
    upstreams: JSON.parse(upstreams) as LoadRow['upstreams'],
  }))
}

/** A process that stops in order takes its figures with it. */
export async function removeLoad(sql: Sql, process: string): Promise<void> {
  await sql`DELETE FROM upstream_loads WHERE process = ${process}`
}
