/** Minutes, hours and days (UTC): how long each is, and the table that keeps it. */

export type Level = 'minute' | 'hour' | 'day'

export const LEVELS: Readonly<Record<Level, { ms: number; table: string; key: readonly string[] }>> = {
  minute: { ms: 60_000, table: 'rollup_minutes', key: ['day', 'project_id', 'at', 'place'] },
  hour: { ms: 3_600_000, table: 'rollup_hours', key: ['project_id', 'at', 'place'] },
  day: { ms: 86_400_000, table: 'rollup_days', key: ['project_id', 'at', 'place'] },
}
