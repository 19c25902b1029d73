/** Calls whose body is as large as a file. */

import type { Timeouts } from './provider.ts'

/** How long a body as large as a file may take to go up, at most. */
export const LARGE_BODY_MS = 10 * 60_000

/** The first byte comes when the last one of the body has gone. */
export function forLargeBody(timeouts: Timeouts): Timeouts {
  return { ...timeouts, firstByteMs: LARGE_BODY_MS, totalMs: LARGE_BODY_MS }
}
