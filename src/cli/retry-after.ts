/** How long a server asks to be left alone. */

const DEFAULT_WAIT_MS = 1000

/** Retry-After in milliseconds or seconds; a date, or none, is one second. */
export function waitOf(headers: Headers): number {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN)
  if (ms >= 0) return ms
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return seconds >= 0 ? seconds * 1000 : DEFAULT_WAIT_MS
}
