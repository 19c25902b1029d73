/**
 * Remembers which presented tokens have passed the full check, by their SHA-256, so that a busy app's key costs one
 * plain hash per request instead of an HMAC. Valid for one index only: any change of keys forgets everything.
 */

import { hash } from 'node:crypto'
import type { VirtualKey } from './key.ts'
import type { KeyIndex } from './key-index.ts'

/** More live tokens than this on one gateway are checked in full; the memory stays bounded. */
const MAX_VERIFIED = 10_000

export class VerifiedTokens {
  #index: KeyIndex | null = null
  #keys = new Map<string, VirtualKey>()

  /**
   * The key of a token that passed before under this very index, or what `check` says. Wrong tokens are never kept.
   * The lookup compares digests, so its timing tells nothing about a token.
   */
  find(index: KeyIndex, token: string, nowMs: number, check: () => VirtualKey | null): VirtualKey | null {
    if (this.#index !== index) {
      this.#index = index
      this.#keys = new Map()
    }
    const digest = hash('sha256', token, 'base64')
    const known = this.#keys.get(digest)
    if (known !== undefined) return known.expiresAtMs === null || nowMs < known.expiresAtMs ? known : null
    const key = check()
    if (key !== null && this.#keys.size < MAX_VERIFIED) this.#keys.set(digest, key)
    return key
  }
}
