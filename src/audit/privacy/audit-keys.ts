/**
 * The keys that come from the one audit key: each purpose has its own, so that what is learned of one, or made with
 * one, is worth nothing for another. The audit key itself is a file or an environment variable, never in a database.
 */

import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

export type AuditKeys = {
  /** Wraps data keys. */
  wrapping: KeyObject
  /** Turns subjects into pseudonyms. */
  subjects: KeyObject
  /** Makes redaction tokens. */
  tokens: Buffer
}

const KEY_BYTES = 32
/** Hex letters of a pseudonym: 128 bits, beyond any accidental collision. */
const PSEUDONYM_LETTERS = 32

/** HKDF-SHA-256 (RFC 5869) without salt: the audit key is random, and the labels tell purposes apart. */
export function deriveAuditKeys(auditKey: Buffer): AuditKeys {
  const derive = (label: string) =>
    Buffer.from(hkdfSync('sha256', auditKey, Buffer.alloc(0), `aval ${label} v1`, KEY_BYTES))
  return {
    wrapping: createSecretKey(derive('data key wrapping')),
    subjects: createSecretKey(derive('subject pseudonyms')),
    tokens: derive('redaction tokens'),
  }
}

/**
 * `sub_` and 32 hex letters: the same for the same subject of the same project under the same audit key, and nothing
 * that leads back to the subject without that key. Scoped by project, so that no two projects can compare theirs.
 */
export function pseudonym(keys: AuditKeys, projectId: string | null, subject: string): string {
  const digest = createHmac('sha256', keys.subjects)
    .update(`${projectId ?? ''}\0${subject}`)
    .digest('hex')
  return `sub_${digest.slice(0, PSEUDONYM_LETTERS)}`
}

/** True for what `pseudonym` gives: whoever reads the log and asks anew hands it on as it is. */
export function isPseudonym(subject: string): boolean {
  return /^sub_[0-9a-f]{32}$/.test(subject)
}
