/** The `audit` section of aval.yaml, with its defaults. */

import { readPrivateKey } from '../lib/ed25519.ts'
import type { RedactionRules } from '../lib/redaction-rules.ts'
import type { Secret } from '../lib/secret.ts'
import { resolveRedaction } from './redaction.ts'
import type { ConfigFile } from './schema.ts'

/** The same shape as the audit room's; config imports no room. */
export type GuaranteeConfig = {
  durability: 'process' | 'power' | 'replicated'
  policy: 'required' | 'best_effort'
  deadlineMs: number
}

export type AuditConfig = {
  guarantee: GuaranteeConfig
  maxSpoolBytes: number | null
  keepMs: number
  /** The log's name in its signed heads. */
  origin: string
  /** False keeps bodies readable to whoever reads spool or database. */
  sealBodies: boolean
  /** What is taken out of bodies before the log keeps them. */
  redaction: RedactionRules
}

const DAY_MS = 86_400_000
/** A busy disk takes its time; a caller should not wait much longer for a record than for a fast answer. */
const DEFAULT_DEADLINE_MS = 250

export function resolveAudit(file: ConfigFile): AuditConfig {
  const { audit } = file
  return {
    guarantee: resolveGuarantee(audit, undefined),
    maxSpoolBytes: audit?.max_spool ?? null,
    keepMs: audit?.keep ?? DAY_MS,
    origin: audit?.origin ?? 'aval',
    sealBodies: audit?.seal_bodies ?? true,
    redaction: resolveRedaction(audit?.redaction),
  }
}

type GuaranteeFile = {
  durability?: GuaranteeConfig['durability'] | undefined
  policy?: GuaranteeConfig['policy'] | undefined
  deadline?: number | undefined
}

/** A route's own words, then those of the whole log, then the defaults. */
export function resolveGuarantee(
  audit: GuaranteeFile | undefined,
  route: GuaranteeFile | undefined,
): GuaranteeConfig {
  return {
    durability: route?.durability ?? audit?.durability ?? 'process',
    policy: route?.policy ?? audit?.policy ?? 'required',
    deadlineMs: route?.deadline ?? audit?.deadline ?? DEFAULT_DEADLINE_MS,
  }
}

/** The signing key itself when it can be read as one; else a problem that says what it should be. */
export function readableKey(secret: Secret | null, problems: string[]): Secret | null {
  if (secret === null) return null
  try {
    readPrivateKey(secret.reveal())
    return secret
  } catch (error) {
    problems.push(`${secret.source}: ${error instanceof Error ? error.message : 'no private key.'}`)
    return null
  }
}
