/** The `audit` section of aval.yaml, with its defaults. */

import { readPrivateKey } from '../lib/ed25519.ts'
import type { Secret } from '../lib/secret.ts'
import type { ConfigFile } from './schema.ts'

export type AuditConfig = {
  maxSpoolBytes: number | null
  keepMs: number
  /** The log's name in its signed heads. */
  origin: string
  /** False keeps bodies readable to whoever reads spool or database. */
  sealBodies: boolean
}

const DAY_MS = 86_400_000

export function resolveAudit(file: ConfigFile): AuditConfig {
  const { audit } = file
  return {
    maxSpoolBytes: audit?.max_spool ?? null,
    keepMs: audit?.keep ?? DAY_MS,
    origin: audit?.origin ?? 'aval',
    sealBodies: audit?.seal_bodies ?? true,
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
