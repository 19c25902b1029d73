/** Makes comparisons to be done: one that somebody asks for, and those that are due by themselves once a day. */

import type { Sql } from 'postgres'
import { newId } from '../../lib/ids.ts'
import { insertCheck, listDueRoutes, type NewCheck } from './check-rows.ts'
import { LEAST_SIZE } from './finding.ts'

/** How long the recent window and the baseline before it are, milliseconds. */
export type WindowLengths = { recentMs: number; baselineMs: number }

const DAY_MS = 86_400_000
/** A day against the week before it, so that each day of the week is in the baseline. */
export const WINDOWS: WindowLengths = { recentMs: DAY_MS, baselineMs: 7 * DAY_MS }
/** An hour less than a day, as the round comes once an hour. */
const DUE_MS = 23 * 3_600_000
const MAX_DUE = 100

/** The new comparison's id; null when one of the route waits already. */
export async function queueCheck(
  sql: Sql,
  { projectId, route }: { projectId: string; route: string },
  {
    nowMs,
    askedBy,
    windows = WINDOWS,
  }: { nowMs: number; askedBy: { id: string; name: string | null } | null; windows?: WindowLengths },
): Promise<string | null> {
  const recentFromMs = nowMs - windows.recentMs
  const check: NewCheck = {
    id: newId('dck', nowMs),
    projectId,
    route,
    baselineFromMs: recentFromMs - windows.baselineMs,
    recentFromMs,
    recentToMs: nowMs,
    askedBy: askedBy?.id ?? null,
    askedByName: askedBy?.name ?? null,
    createdAtMs: nowMs,
  }
  return (await insertCheck(sql, check)) ? check.id : null
}

/** How many were made. Routes with less traffic than can be compared are left out. */
export async function queueDueChecks(sql: Sql, nowMs: number): Promise<number> {
  const span = { sinceMs: nowMs - DUE_MS, untilMs: nowMs }
  const due = await listDueRoutes(sql, { ...span, least: LEAST_SIZE, limit: MAX_DUE })
  let made = 0
  for (const place of due) {
    if ((await queueCheck(sql, place, { nowMs, askedBy: null })) !== null) made += 1
  }
  return made
}
