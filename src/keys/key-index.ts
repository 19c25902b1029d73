/** All keys of one moment in memory, and the check itself. Pure: no clock, no database, no logging. */

import { type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { type DeclaredKeys, digestName, type KeyEntry } from './declared.ts'
import type { VirtualKey } from './key.ts'
import { digestSecret, parseToken } from './token.ts'

/** Stored keys by id and declared keys; swapped whole, never changed in place. */
export type KeyIndex = { stored: ReadonlyMap<string, KeyEntry>; declared: DeclaredKeys }

/** What a wrong id is compared with, so that it costs what a wrong secret costs. */
const DUMMY = randomBytes(32)

/**
 * The key a token stands for at `nowMs`, or null. Unknown, expired and wrong take one path: one digest, one
 * constant-time compare. (Revoked keys are not in the index.)
 */
export function findByToken(
  index: KeyIndex,
  pepper: KeyObject,
  token: string,
  nowMs: number,
): VirtualKey | null {
  const own = parseToken(token)
  const digest = digestSecret(pepper, own?.secret ?? token)
  const entry =
    own === null
      ? index.declared.byDigest.get(digestName(digest))
      : (index.stored.get(own.id) ?? index.declared.byId.get(own.id))
  const equal = timingSafeEqual(digest, entry?.digest ?? DUMMY)
  if (entry === undefined || !equal) return null
  const { expiresAtMs } = entry.key
  return expiresAtMs === null || nowMs < expiresAtMs ? entry.key : null
}
