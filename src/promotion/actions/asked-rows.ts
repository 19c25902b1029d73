/** All SQL of whose requests an alert about a route is made of: those that one label served, and all of them. */

import type { Sql } from 'postgres'
import { ASKED_BY_APPS } from '../../db/asked-by-apps.ts'

export type AskedQuery = {
  projectId: string
  route: string
  label: string
  /** What the label serves, a canary too. */
  releaseIds: readonly string[]
  /** Of the beginning of requests, from `fromMs` on and before `toMs`, milliseconds. */
  fromMs: number
  toMs: number
}
export type Asked = { ofLabel: number; ofRoute: number }

/** More says nothing more about which part is the greater one. */
const MAX_SPAN_MS = 86_400_000
const MAX_REQUESTS = 100_000

/** Counts what apps asked of the route in the last day of the window, its newest hundred thousand requests at most: that day is the bound of what is read. */
export async function countAsked(sql: Sql, query: AskedQuery): Promise<Asked> {
  const { projectId, route, label, releaseIds, toMs } = query
  const fromMs = Math.max(query.fromMs, toMs - MAX_SPAN_MS)
  if (fromMs >= toMs) return { ofLabel: 0, ofRoute: 0 }
  const [row] = await sql.unsafe<Asked[]>(ASKED, [
    projectId,
    route,
    label,
    JSON.stringify(releaseIds),
    new Date(fromMs).toISOString(),
    new Date(toMs).toISOString(),
  ])
  return row ?? { ofLabel: 0, ofRoute: 0 }
}

const ASKED = `
  SELECT count(*)::integer AS "ofRoute",
    (count(*) FILTER (WHERE requested_model IN ($2 || '@' || $3, CASE WHEN $3 = 'production' THEN $2 END)
      AND release_id IN (SELECT value FROM json_array_elements_text($4::json) AS served (value))))::integer AS "ofLabel"
  FROM (
    SELECT requested_model, release_id FROM requests
    WHERE project_id = $1 AND route = $2 AND replay_of IS NULL AND shadow_of IS NULL AND ${ASKED_BY_APPS}
      AND started_at >= $5::timestamptz AND started_at < $6::timestamptz
      AND day >= ($5::timestamptz AT TIME ZONE 'UTC')::date AND day <= ($6::timestamptz AT TIME ZONE 'UTC')::date
    ORDER BY started_at DESC LIMIT ${MAX_REQUESTS}) AS asked`
