/** Requests and tokens summed up by who, where and when. What nobody told is counted apart and never as 0. */

import type { SQL } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import type { Db } from '../../db/client.ts'
import { and, desc, eq, gte, isNotNull, isNull, lt, or, sql } from '../../db/orm.ts'
import { requests } from '../../db/schema.ts'
import type { RequestScope } from '../store.ts'

export const USAGE_GROUPS = ['key', 'project', 'route', 'upstream', 'model', 'day'] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

export type UsageQuery = {
  scope: RequestScope
  /** One or more, in the order in which they shall stand. */
  groupBy: readonly UsageGroup[]
  /** First and first-not-included instant of the start, milliseconds. */
  sinceMs: number
  untilMs: number
}

export type UsageRow = {
  /** A value for each group asked for; null where the request had none, such as a route for a direct call. */
  group: Readonly<Partial<Record<UsageGroup, string | null>>>
  requests: number
  /** Those of them that did not complete. */
  failed: number
  /** Requests that went to an upstream which told no input or no output tokens: the sums below are without them. */
  unknownUsage: number
  /** Sums of what upstreams told; null when none of them told. */
  inputTokens: number | null
  outputTokens: number | null
  cachedInputTokens: number | null
  reasoningTokens: number | null
}

const MAX_USAGE_ROWS = 1000

/** By the number of requests, the most first, at most 1000; `more` when there are more. Bounded by the statement timeout. */
export async function sumUsage(db: Db, query: UsageQuery): Promise<{ rows: UsageRow[]; more: boolean }> {
  const { scope, groupBy, sinceMs, untilMs } = query
  const own = eq(requests.projectId, scope.projectId)
  const groups = groupBy.map((group) => GROUPS[group])
  const count = sql<number>`sum(${requests.occurrences})`.mapWith(Number)
  const found = await db
    .select({
      // Named, because a group's value is text or null whatever its column is.
      values: sql<(string | null)[]>`json_build_array(${sql.join(groups, sql`, `)})::text`,
      requests: count,
      failed: counted(sql`${requests.outcome} <> 'completed'`),
      unknownUsage: counted(UNKNOWN_USAGE),
      inputTokens: told(requests.inputTokens),
      outputTokens: told(requests.outputTokens),
      cachedInputTokens: told(requests.cachedInputTokens),
      reasoningTokens: told(requests.reasoningTokens),
    })
    .from(requests)
    .where(
      and(
        scope.unowned ? or(own, isNull(requests.projectId)) : own,
        gte(requests.startedAt, new Date(sinceMs)),
        lt(requests.startedAt, new Date(untilMs)),
        gte(requests.day, dayOf(sinceMs)),
        lt(requests.day, dayOf(untilMs + DAY_MS)),
      ),
    )
    .groupBy(...groups)
    .orderBy(desc(count), ...groups)
    .limit(MAX_USAGE_ROWS + 1)
  const rows = found.slice(0, MAX_USAGE_ROWS).map(({ values, ...figures }) => ({
    group: named(groupBy, JSON.parse(String(values)) as (string | null)[]),
    ...figures,
  }))
  return { rows, more: found.length > MAX_USAGE_ROWS }
}

const DAY_MS = 86_400_000

const GROUPS: Readonly<Record<UsageGroup, SQL>> = {
  key: sql`${requests.keyName}`,
  project: sql`${requests.projectId}`,
  route: sql`${requests.route}`,
  upstream: sql`${requests.upstream}`,
  model: sql`${requests.model}`,
  day: sql`${requests.day}`,
}

/** A request that was refused before any upstream used nothing: that is known. */
const UNKNOWN_USAGE = and(
  isNotNull(requests.upstream),
  or(isNull(requests.inputTokens), isNull(requests.outputTokens)),
)

function counted(condition: SQL | undefined) {
  return sql<number>`coalesce(sum(${requests.occurrences}) FILTER (WHERE ${condition}), 0)`.mapWith(Number)
}

/** SQL's own sum: null when there is nothing to add up. */
function told(column: AnyPgColumn): SQL<number | null> {
  return sql`sum(${column})`.mapWith((value: unknown) => (value === null ? null : Number(value)))
}

function named(groupBy: readonly UsageGroup[], values: readonly (string | null)[]): UsageRow['group'] {
  return Object.fromEntries(groupBy.map((group, index) => [group, values[index] ?? null]))
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
