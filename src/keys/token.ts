/** The text of a virtual key, `vk_<id>_<secret>`, and its digest. Nothing here keeps or prints a secret. */

import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** Lower-case Crockford letters as `newId` writes them, then 43 letters of 62: 256 bits (43 × log2 62 = 256.03). */
const TOKEN = /^(vk_[0-9a-hjkmnp-tv-z]{26})_([0-9A-Za-z]{43})$/
const SECRET_LETTERS = 43
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The largest multiple of 62 that fits a byte: bytes above it are drawn again, or some letters would be likelier. */
const UNBIASED_BELOW = 248

/** A pepper shorter than the digest would be the weakest part of it. */
const PEPPER_MIN_BYTES = 32

/** `id` is the row's id (`vk_…`), `secret` the part whose digest is stored. */
export type TokenParts = { id: string; secret: string }

/** Reads a key of our own shape; null for any other text, whose shape belongs to another gateway. */
export function parseToken(token: string): TokenParts | null {
  const match = TOKEN.exec(token)
  if (match?.[1] === undefined || match[2] === undefined) return null
  return { id: match[1], secret: match[2] }
}

/** 256 random bits as 43 letters and digits, so that a double click selects the whole key. */
export function newSecret(): string {
  let secret = ''
  while (secret.length < SECRET_LETTERS) {
    for (const byte of randomBytes(64)) {
      if (byte < UNBIASED_BELOW && secret.length < SECRET_LETTERS) secret += ALPHABET.charAt(byte % 62)
    }
  }
  return secret
}

/** The whole key as it is shown once. `id` comes from `newId('vk', …)`. */
export function formatToken(parts: TokenParts): string {
  return `${parts.id}_${parts.secret}`
}

/** The pepper as a key object: HMAC with it costs a fifth of HMAC with a buffer. Throws a RangeError below 32 bytes. */
export function pepperKey(pepper: Buffer): KeyObject {
  if (pepper.length < PEPPER_MIN_BYTES) {
    throw new RangeError(`The pepper holds ${pepper.length} bytes; it needs ${PEPPER_MIN_BYTES} or more.`)
  }
  return createSecretKey(pepper)
}

/**
 * HMAC-SHA-256 (RFC 2104) of a secret, 32 bytes. A slow hash would protect nothing here: a secret of 256 random
 * bits cannot be guessed, and tens of milliseconds per check would let anyone stop the gateway with wrong keys.
 */
export function digestSecret(pepper: KeyObject, secret: string): Buffer {
  return createHmac('sha256', pepper).update(secret).digest()
}

const BEARER = /^bearer +(\S+) *$/i

/** Longer texts are not keys; refusing them here bounds the work of a digest. */
const TOKEN_MAX_LETTERS = 512

/** The token a client presents: `Authorization: Bearer …` first, else `x-api-key`; null when there is none. */
export function presentedToken(authorization: string | undefined, apiKey: string | undefined): string | null {
  const token = authorization === undefined ? apiKey : BEARER.exec(authorization.slice(0, 600))?.[1]
  return token === undefined || token === '' || token.length > TOKEN_MAX_LETTERS ? null : token
}
