/** Which requests are judged: decided by the request's id alone, so that every worker, and whoever checks, decides alike. Pure. */

import { hash } from 'node:crypto'

/** As many bits as a double holds exactly: 13 hex letters. */
const HASH_LETTERS = 13
const HASH_RANGE = 2 ** 52
/** Apart from every other choice made by an id, such as which of two releases serves it: one would follow from the other. */
const PURPOSE = 'live sample'

/**
 * True for about `share` of all ids, 0…1. Ids are random and ours, so no caller chooses. A smaller share is part of a larger one.
 * Hash-based selection: RFC 5475 §6.2.2, with SHA-256 for the hash.
 */
export function inSample(requestId: string, share: number): boolean {
  const digest = hash('sha256', `${PURPOSE}\0${requestId}`, 'hex')
  return Number.parseInt(digest.slice(0, HASH_LETTERS), 16) < share * HASH_RANGE
}
