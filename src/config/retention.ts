/** The `retention` section of aval.yaml: a profile sets how long the log is kept, and nothing may go below its floor. */

import type { ConfigFile, RETENTION_PROFILES } from './schema.ts'

type RetentionProfile = (typeof RETENTION_PROFILES)[number]

export type RetentionConfig = {
  profile: RetentionProfile
  /** Whole days a row stays after the day it was made on. */
  days: number
  /** The same for its bodies; never more than `days`. */
  bodyDays: number
}

/** `usual` when the file names no days; `days` and `bodyDays` are what it may go down to. */
type Floor = { usual: number; days: number; bodyDays: number; source: string }

/**
 * Days below which a profile's log may not go. The failure that counts is a row that is gone when it is asked for, so
 * each is the law's or the standard's time rounded up to whole days.
 */
const FLOORS: Readonly<Record<RetentionProfile, Floor>> = {
  // No law: a quarter, which most disks hold. Who must keep less (data minimisation) may.
  default: { usual: 90, days: 1, bodyDays: 1, source: 'no law' },
  // EU AI Act Art. 19(1) and 26(6): at least six months; 184 is the longest six.
  'ai-act': { usual: 184, days: 184, bodyDays: 184, source: 'EU AI Act Art. 19 and 26(6): six months' },
  // 45 CFR 164.316(b)(2)(i): six years; 2192 with two leap days.
  hipaa: { usual: 2192, days: 2192, bodyDays: 1, source: 'HIPAA 164.316(b)(2)(i): six years' },
  // PCI DSS 4.0 10.5.1: twelve months, and a month to look back from the day after.
  pci: { usual: 400, days: 400, bodyDays: 1, source: 'PCI DSS 10.5.1: twelve months' },
}

const DAY_MS = 86_400_000

/** The policy in force; whatever contradicts the profile becomes a problem that names the floor. */
export function resolveRetention(file: ConfigFile, problems: string[]): RetentionConfig {
  const { retention, audit } = file
  const profile = retention?.profile ?? 'default'
  const floor = FLOORS[profile]
  const days = retention?.days ?? floor.usual
  const bodyDays = retention?.bodies === undefined ? days : retention.bodies / DAY_MS
  const below = (key: string, value: number, least: number) =>
    problems.push(
      `aval.yaml: retention.${key}: ${value} days where at least ${least} are expected by the profile "${profile}" (${floor.source}).`,
    )
  if (days < floor.days) below('days', days, floor.days)
  if (retention?.bodies !== undefined && bodyDays < floor.bodyDays) below('bodies', bodyDays, floor.bodyDays)
  if (bodyDays > days) {
    problems.push(
      `aval.yaml: retention.bodies: ${bodyDays} days where at most ${days} are expected: a body goes with its row at the latest.`,
    )
  }
  if (profile === 'hipaa' && audit?.seal_bodies === false) {
    problems.push(
      'aval.yaml: audit.seal_bodies: false where true is expected by the profile "hipaa": its bodies are always sealed.',
    )
  }
  if (profile === 'pci' && audit?.redaction?.kinds?.card === 'off') {
    problems.push(
      'aval.yaml: audit.redaction.kinds.card: text "off" where mask, tokenise or drop is expected by the profile "pci".',
    )
  }
  return { profile, days, bodyDays }
}
