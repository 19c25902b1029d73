/** What keeps alerts quiet for a while. Types, and whether one fits. Pure. */

import type { SeriesKey, Subject } from './alert.ts'

/** Null for any; never both. */
export type SilenceMatcher = { subject: Subject | null; metric: string | null }

export type Silence = SilenceMatcher & {
  /** `sil_…` */
  id: string
  projectId: string
  reason: string
  createdBy: string
  createdByName: string | null
  createdAtMs: number
  untilMs: number
  /** Before that. */
  ended: { atMs: number; by: string; byName: string | null } | null
}

/** A day in which nobody looks is long; a month is as long as it may be. */
export const MAX_SILENCE_MS = 30 * 86_400_000

export function silenceFits(silence: SilenceMatcher & { projectId: string }, key: SeriesKey): boolean {
  const { projectId, subject, metric } = silence
  return (
    projectId === key.projectId &&
    (subject === null || (subject.kind === key.subject.kind && subject.name === key.subject.name)) &&
    (metric === null || metric === key.metric)
  )
}
