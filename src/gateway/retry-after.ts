/** How long an upstream asks to be left alone, as its headers say it. */

/** Milliseconds; null when it does not say, or with a date, which nobody's clock has to agree with. */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null
}
