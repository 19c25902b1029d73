/** Draws requests of a route from the log: the same ones for the same seed, each as likely as any other. Opens no body. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'
import { sha256Hex } from '../../lib/sha256.ts'
import type { SampledRequest } from './sampled-request.ts'

export type DrawQuery = {
  projectId: string
  route: string
  /** Requests that began from `fromMs` on and before `toMs`, milliseconds. */
  fromMs: number
  toMs: number
  seed: number
}

/** One person who asks a lot is not the traffic: no more of one pseudonym than this. Requests that name nobody all count. */
const MAX_OF_SUBJECT = 5
/** Drawn beyond what is wanted, for those that are one person's too many. */
const SPARE = 3

/** Rows of the project that one statement goes over: the embedded database has one session, and nobody waits long for it. */
const PAGE = 4_000
/** Requests whose details one statement reads. */
const CHUNK = 500

/** Planned anew for each page, so that the index by time is read in its order and no further. */
const CANDIDATES = `
  WITH page AS (
    SELECT id, subject, started_at, route = $2 AND operation IN ('chat', 'completions', 'responses')
      AND shadow_of IS NULL AND replay_of IS NULL AND ${ASKED_BY_APPS} AS fits
    FROM requests
    WHERE project_id = $1 AND (started_at, id) > ($3::timestamptz, $4) AND started_at >= $3::timestamptz
      AND started_at < $5::timestamptz AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date
      AND day <= ($5::timestamptz AT TIME ZONE 'UTC')::date
    ORDER BY started_at, id LIMIT $6)
  SELECT id, subject, fits, size::integer AS size, started_at::text AS "startedAt"
  FROM (SELECT *, count(*) OVER () AS size, row_number() OVER (ORDER BY started_at, id) AS nth FROM page) AS numbered
  WHERE fits OR nth = size ORDER BY nth`
const DETAILS = `
  SELECT id, subject, error_code IS NOT DISTINCT FROM 'invalid_variables' AS "refusedVariables",
    (outcome = 'guardrail' OR finish_reason IS NOT DISTINCT FROM 'content_filter') AS filtered,
    CASE WHEN retrieval IS NULL THEN NULL ELSE index END AS index,
    (SELECT max((context ->> 'cosine')::float8) FROM jsonb_array_elements(retrieval -> 'contexts') AS context) AS cosine,
    (SELECT json_agg(context ->> 'document') FROM jsonb_array_elements(retrieval -> 'contexts') AS context)::text AS documents
  FROM requests
  WHERE project_id = $1 AND id IN (SELECT value FROM json_array_elements_text($2::json) AS wanted (value))
    AND started_at >= $3::timestamptz AND started_at < $4::timestamptz
    AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date AND day <= ($4::timestamptz AT TIME ZONE 'UTC')::date`

type Candidate = { id: string; subject: string | null; rank: string }
type Row = Omit<SampledRequest, 'window' | 'search'> & {
  index: string | null
  cosine: number | null
  documents: string | null
}

/**
 * At most `wanted` requests that apps sent: none of runs, judges, replays and shadows. In the order of the SHA-256 of seed and id, so
 * that anybody can draw again. Goes over the project's rows of the window a page at a time. Rejects with the signal's reason.
 */
export async function drawRequests(
  sql: Sql,
  query: DrawQuery,
  wanted: number,
  { signal, page = PAGE }: { signal?: AbortSignal; page?: number } = {},
): Promise<Omit<SampledRequest, 'window'>[]> {
  const lowest = await drawCandidates(sql, query, { most: wanted * (1 + SPARE), page, signal })
  const taken = new Map<string, number>()
  const chosen = lowest.filter(({ subject }) => {
    if (subject === null) return true
    const before = taken.get(subject) ?? 0
    taken.set(subject, before + 1)
    return before < MAX_OF_SUBJECT
  })
  return await readDetails(
    sql,
    query,
    chosen.slice(0, wanted).map(({ id }) => id),
  )
}

/** Those of the lowest hashes, in their order. Holds twice as many at most. */
async function drawCandidates(
  sql: Sql,
  { projectId, route, fromMs, toMs, seed }: DrawQuery,
  { most, page, signal }: { most: number; page: number; signal: AbortSignal | undefined },
): Promise<Candidate[]> {
  type Listed = Omit<Candidate, 'rank'> & { fits: boolean | null; size: number; startedAt: string }
  let lowest: Candidate[] = []
  let after = { startedAt: instant(fromMs), id: '' }
  for (;;) {
    signal?.throwIfAborted()
    const place = [projectId, route, after.startedAt, after.id, instant(toMs), page]
    const rows = await sql.unsafe<Listed[]>(CANDIDATES, place)
    for (const { id, subject, fits } of rows)
      if (fits === true) lowest.push({ id, subject, rank: sha256Hex(`${seed} ${id}`) })
    if (lowest.length > 2 * most) lowest = lowestOf(lowest, most)
    const last = rows.at(-1)
    if (last === undefined || last.size < page) return lowestOf(lowest, most)
    after = last
  }
}

function lowestOf(candidates: readonly Candidate[], most: number): Candidate[] {
  return candidates.toSorted((a, b) => (a.rank === b.rank ? 0 : a.rank < b.rank ? -1 : 1)).slice(0, most)
}

/** In the order of the ids. One that went meanwhile is left out. */
async function readDetails(
  sql: Sql,
  { projectId, fromMs, toMs }: DrawQuery,
  ids: readonly string[],
): Promise<Omit<SampledRequest, 'window'>[]> {
  const found = new Map<string, Omit<SampledRequest, 'window'>>()
  for (let from = 0; from < ids.length; from += CHUNK) {
    const some = JSON.stringify(ids.slice(from, from + CHUNK))
    const rows = await sql.unsafe<Row[]>(DETAILS, [projectId, some, instant(fromMs), instant(toMs)])
    for (const { index, cosine, documents, ...row } of rows) {
      const names = JSON.parse(documents ?? '[]') as readonly string[]
      found.set(row.id, { ...row, search: index === null ? null : { index, cosine, documents: names } })
    }
  }
  return ids.flatMap((id) => found.get(id) ?? [])
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
