/** Which five minutes are read when. Pure. */

export const BUCKET_MS = 300_000
/** A point covers so many buckets at most, where one alone has too little traffic. */
export const MAX_SPAN = 12
/** A bucket is read once it has been over for so long: what began in it has ended and is on its way by then, or is in no point. */
const SETTLE_MS = 120_000
/** Buckets that were missed are read later, but none older than this: a day says nothing of now. */
const MAX_BEHIND_MS = 86_400_000

/** The end of the newest bucket that may be read. */
export function settledTo(nowMs: number): number {
  return Math.floor((nowMs - SETTLE_MS) / BUCKET_MS) * BUCKET_MS
}

/**
 * The beginning of the next bucket: where the cursor stands, at most a day behind. Without a cursor, and for one that a clock which was
 * ahead left in the future, it is the newest bucket.
 */
export function nextBucket(cursorMs: number | null, settledToMs: number): number {
  const newest = settledToMs - BUCKET_MS
  if (cursorMs === null || cursorMs > settledToMs + MAX_SPAN * BUCKET_MS) return newest
  return Math.max(cursorMs, settledToMs - MAX_BEHIND_MS)
}
