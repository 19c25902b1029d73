/** The `monitoring` section of aval.yaml: how long what requests came to is kept, and whether bodies are read by themselves. */

import { z } from 'zod'
import { parseDurationMs } from '../lib/units.ts'

export type MonitoringConfig = {
  /** Whole days after the day that the sums are of; no narrower level is kept longer than a wider one. */
  keep: { minuteDays: number; hourDays: number; dayDays: number }
  /** Each day's comparisons and judges open bodies, though nobody asked. */
  readsBodies: boolean
}

const DAY_MS = 86_400_000
const MAX_DAYS = 3650
const KEPT = 'whole days such as 30d, at most 3650d'
const keptDays = z.string(KEPT).transform((text, context) => {
  const days = (parseDurationMs(text) ?? 0) / DAY_MS
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days
  context.addIssue({ code: 'custom', message: KEPT })
  return z.NEVER
})

export const monitoringShape = z.strictObject({
  keep: z
    .strictObject({
      minutes: keptDays.optional(),
      hours: keptDays.optional(),
      days: keptDays.optional(),
    })
    .optional(),
  read_bodies: z.boolean().optional(),
})

/** What is in force; a narrower level that would be kept longer than a wider one becomes a problem. */
export function resolveMonitoring(
  file: z.infer<typeof monitoringShape> | undefined,
  problems: string[],
): MonitoringConfig {
  // Eight days of minutes: a window across midnight is compared with the same hours a week before.
  const { minutes = 8, hours = 90, days = 730 } = file?.keep ?? {}
  const least = (key: string, value: number, expected: number, narrower: string) => {
    if (value >= expected) return
    problems.push(
      `aval.yaml: monitoring.keep.${key}: ${value} days where at least the ${expected} of ${narrower} are expected.`,
    )
  }
  least('hours', hours, minutes, 'minutes')
  least('days', days, hours, 'hours')
  return {
    keep: { minuteDays: minutes, hourDays: hours, dayDays: days },
    readsBodies: file?.read_bodies ?? false,
  }
}
