/** Draws requests of a route from the log: the same ones for the same seed, each as likely as any other. Opens no body. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'
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

type Row = Omit<SampledRequest, 'window' | 'search'> & {
  index: string | null
  cosine: number | null
  documents: string | null
}

/**
 * At most `wanted` requests that apps sent: none of runs, judges, replays and shadows. In the order of the SHA-256 of seed and id, so
 * that anybody can draw again. Reads the window's rows of the project; bounded by the statement timeout.
 */
export async function drawRequests(
  sql: Sql,
  { projectId, route, fromMs, toMs, seed }: DrawQuery,
  wanted: number,
): Promise<Omit<SampledRequest, 'window'>[]> {
  const rows = await sql<Row[]>`
    SELECT id, subject, error_code IS NOT DISTINCT FROM 'invalid_variables' AS "refusedVariables",
      (outcome = 'guardrail' OR finish_reason IS NOT DISTINCT FROM 'content_filter') AS filtered,
      CASE WHEN retrieval IS NULL THEN NULL ELSE index END AS index,
      (SELECT max((context ->> 'cosine')::float8) FROM jsonb_array_elements(retrieval -> 'contexts') AS context) AS cosine,
      (SELECT json_agg(context ->> 'document') FROM jsonb_array_elements(retrieval -> 'contexts') AS context)::text AS documents
    FROM requests
    WHERE project_id = ${projectId} AND route = ${route} AND operation IN ('chat', 'completions', 'responses')
      AND shadow_of IS NULL AND replay_of IS NULL AND ${sql.unsafe(ASKED_BY_APPS)}
      AND started_at >= ${instant(fromMs)}::timestamptz AND started_at < ${instant(toMs)}::timestamptz
      AND day >= ${dayOf(fromMs)}::date AND day <= ${dayOf(toMs)}::date
    ORDER BY sha256(convert_to(${`${seed} `} || id, 'UTF8')), id LIMIT ${wanted * (1 + SPARE)}`
  const taken = new Map<string, number>()
  return rows
    .filter(({ subject }) => {
      if (subject === null) return true
      const before = taken.get(subject) ?? 0
      taken.set(subject, before + 1)
      return before < MAX_OF_SUBJECT
    })
    .slice(0, wanted)
    .map(({ index, cosine, documents, ...row }) => ({
      ...row,
      search:
        index === null
          ? null
          : { index, cosine, documents: JSON.parse(documents ?? '[]') as readonly string[] },
    }))
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

function dayOf(ms: number): string {
  return instant(ms).slice(0, 10)
}
