/** The limits of a key as the data plane asks for them: take a place, give it back, say what is left. */

import type { VirtualKey } from '../keys/key.ts'

/** `x-ratelimit-*` response headers; empty for a key without limits. */
export type LimitHeaders = Readonly<Record<string, string>>

export type Admission = {
  /** Takes one request and one place of the key's limits. Throws LimitError with Retry-After. `release` is called once. */
  acquire(key: VirtualKey): { headers: LimitHeaders; release: () => void }
}
