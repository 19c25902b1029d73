/** A version is its content: the canonical JSON text of it (RFC 8785) and the SHA-256 of that text's bytes. */

import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

export type Content = {
  /** Canonical: members sorted, no spaces, one spelling per number. */
  readonly text: string
  /** Lower-case hex. */
  readonly hash: string
}

/** Throws RangeError for what JSON cannot hold. */
export function contentOf(value: unknown): Content {
  const text = canonicalize(value)
  if (text === undefined) throw new RangeError('A content is a JSON value.')
  return { text, hash: hash('sha256', text, 'hex') }
}
