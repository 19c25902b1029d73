/** Waiting between tries: exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015). */

/** Milliseconds to wait before try number `attempt` (0 = first retry): uniform in [0, min(cap, base·2^attempt)). */
export function backoffMs(attempt: number, random: () => number, baseMs = 100, capMs = 2000): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
