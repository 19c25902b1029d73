/** Which days may go. Pure: the policy, the partitions there are and the time give the answer. */

import type { TombstoneTable } from './tombstone.ts'

export type RetentionPolicy = {
  profile: string
  /** Whole days a row, and its bodies, stay after the day they were made on. */
  days: number
  bodyDays: number
}

/** One daily partition: `requests_20260131`. */
export type DayPartition = { table: TombstoneTable; day: string; name: string }

const DAY_MS = 86_400_000

/** The first day that stays, `YYYY-MM-DD`: a row of the last second of the day before is more than `days` days old. */
export function firstKeptDay(nowMs: number, days: number): string {
  return dayText(Math.floor(nowMs / DAY_MS) * DAY_MS - days * DAY_MS)
}

/** What is older than the policy keeps, the oldest first and bodies before their rows. */
export function planDrops(
  partitions: readonly DayPartition[],
  policy: RetentionPolicy,
  nowMs: number,
): DayPartition[] {
  const kept = {
    requests: firstKeptDay(nowMs, policy.days),
    request_bodies: firstKeptDay(nowMs, policy.bodyDays),
  }
  return partitions
    .filter(({ table, day }) => day < kept[table])
    .toSorted((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1))
}

/** The partition a name stands for, null for any other table. */
export function parsePartition(name: string): DayPartition | null {
  const match = /^(requests|request_bodies)_(\d{4})(\d{2})(\d{2})$/.exec(name)
  if (match === null) return null
  return { name, table: match[1] as TombstoneTable, day: `${match[2]}-${match[3]}-${match[4]}` }
}

/** `ai-act: 184 days`. */
export function policyText(policy: RetentionPolicy, table: TombstoneTable): string {
  return `${policy.profile}: ${table === 'requests' ? policy.days : policy.bodyDays} days`
}

/** The day after, for keys: what is made before midnight may seal what is logged after it. */
export function dayAfter(day: string): string {
  return dayText(Date.parse(`${day}T00:00:00Z`) + DAY_MS)
}

function orderOf({ day, table }: DayPartition): string {
  return `${day} ${table === 'request_bodies' ? 0 : 1}`
}

function dayText(ms: number): string {
  return new Date(Math.max(0, ms)).toISOString().slice(0, 10)
}
