/**
 * Requests per minute and requests at once, per key, in this process. Reads no clock and no database: the time is
 * passed in (monotonic milliseconds), and everything it remembers is bounded.
 */

/** The window of a per-minute limit. */
export const RATE_WINDOW_MS = 60_000

/**
 * At most this many moments are remembered per key. Admissions beyond it share a moment, and the later time counts:
 * a limit above 1,024 a minute is then a little strict, never lax.
 */
const MOMENTS_MAX = 1024

/** Admissions between two sweeps of idle keys. What remains is bounded by the keyring, which bounds its keys. */
const SWEEP_EVERY = 4096

/** A concurrency slot frees when another request ends, which nobody can foresee; one second keeps retries cheap. */
const CONCURRENCY_RETRY_MS = 1000

export type KeyLimits = { rpm: number | null; concurrency: number | null }

/** For the x-ratelimit-* headers. `resetMs` is when the window is empty again if nothing more is sent. */
export type RateState = { limit: number; remaining: number; resetMs: number }

type Admission =
  | { admitted: true; rate: RateState | null; release: () => void }
  | {
      admitted: false
      reason: 'rate_limit_exceeded' | 'concurrency_limit_exceeded'
      /** Exact to the millisecond for the rate: a request sent then is admitted, one sent earlier is not. */
      retryAfterMs: number
      rate: RateState | null
    }

/** Admissions of the last minute: moments in order, each with how many requests it stands for. */
export type RateLog = { moments: { atMs: number; count: number }[]; first: number; total: number }

type KeyUse = { log: RateLog; running: number }

export type Limiter = {
  /**
   * Admits or refuses one request of a key. A refused request consumes nothing. Call `release` once the request has
   * ended; calling it again does nothing.
   */
  admit(keyId: string, limits: KeyLimits, nowMs: number): Admission
  /** Requests of a key that run now. */
  running(keyId: string): number
  /** How many keys are remembered. */
  readonly size: number
}

export function createLimiter(): Limiter {
  const uses = new Map<string, KeyUse>()
  let admissions = 0
  return {
    admit(keyId, limits, nowMs) {
      admissions += 1
      if (admissions % SWEEP_EVERY === 0) sweep(uses, nowMs)
      const use = uses.get(keyId) ?? { log: emptyLog(), running: 0 }
      if (limits.concurrency !== null && use.running >= limits.concurrency) {
        const rate = limits.rpm === null ? null : rateState(use.log, limits.rpm, nowMs)
        return {
          admitted: false,
          reason: 'concurrency_limit_exceeded',
          retryAfterMs: CONCURRENCY_RETRY_MS,
          rate,
        }
      }
      if (limits.rpm !== null) {
        const retryAfterMs = takeRate(use.log, limits.rpm, nowMs)
        if (retryAfterMs > 0) {
          const rate = rateState(use.log, limits.rpm, nowMs)
          return { admitted: false, reason: 'rate_limit_exceeded', retryAfterMs, rate }
        }
      }
      use.running += 1
      uses.set(keyId, use)
      const rate = limits.rpm === null ? null : rateState(use.log, limits.rpm, nowMs)
      return { admitted: true, rate, release: releaseOnce(use) }
    },
    running: (keyId) => uses.get(keyId)?.running ?? 0,
    get size() {
      return uses.size
    },
  }
}

/** The headers OpenAI's own API sends, which its clients and proxies read; durations as `1.234s`. */
export function rateHeaders(rate: RateState | null): Record<string, string> {
  if (rate === null) return {}
  return {
    'x-ratelimit-limit-requests': String(rate.limit),
    'x-ratelimit-remaining-requests': String(rate.remaining),
    'x-ratelimit-reset-requests': `${(Math.ceil(rate.resetMs) / 1000).toString()}s`,
  }
}

export function emptyLog(): RateLog {
  return { moments: [], first: 0, total: 0 }
}

/**
 * Sliding-window log: admits at most `limit` requests in any 60 s, whichever 60 s one looks at, and lets a sender at
 * an even pace have all of them. (A token bucket or GCRA with burst `limit` would let through twice as many.)
 * Records and returns 0 when admitted, else the whole milliseconds, rounded up, until a request will be.
 */
export function takeRate(log: RateLog, limit: number, nowMs: number): number {
  forget(log, nowMs)
  if (log.total >= limit) return retryAfter(log, limit, nowMs)
  const last = log.moments.at(-1)
  const share = Math.ceil(limit / MOMENTS_MAX)
  if (last !== undefined && log.first < log.moments.length && (last.atMs >= nowMs || last.count < share)) {
    last.atMs = Math.max(last.atMs, nowMs)
    last.count += 1
  } else {
    log.moments.push({ atMs: nowMs, count: 1 })
  }
  log.total += 1
  return 0
}

/** Drops moments that left the window; the array is cut when half of it is dropped, so the cost stays constant. */
function forget(log: RateLog, nowMs: number): void {
  for (let moment = log.moments[log.first]; moment !== undefined; moment = log.moments[log.first]) {
    if (moment.atMs + RATE_WINDOW_MS > nowMs) break
    log.total -= moment.count
    log.first += 1
  }
  if (log.first > 64 && log.first * 2 > log.moments.length) {
    log.moments = log.moments.slice(log.first)
    log.first = 0
  }
}

/** A limit that was lowered at run time may need more than the oldest moment to leave. */
function retryAfter(log: RateLog, limit: number, nowMs: number): number {
  let excess = log.total - limit + 1
  for (let at = log.first; at < log.moments.length; at += 1) {
    const moment = log.moments[at]
    if (moment === undefined) break
    excess -= moment.count
    if (excess <= 0) return Math.ceil(moment.atMs + RATE_WINDOW_MS - nowMs)
  }
  return RATE_WINDOW_MS
}

function rateState(log: RateLog, limit: number, nowMs: number): RateState {
  forget(log, nowMs)
  const last = log.total === 0 ? undefined : log.moments.at(-1)
  return {
    limit,
    remaining: Math.max(0, limit - log.total),
    resetMs: last === undefined ? 0 : Math.max(0, last.atMs + RATE_WINDOW_MS - nowMs),
  }
}

function releaseOnce(use: KeyUse): () => void {
  let released = false
  return () => {
    if (released) return
    released = true
    use.running -= 1
  }
}

/** Forgets keys that run nothing and sent nothing for a minute. */
function sweep(uses: Map<string, KeyUse>, nowMs: number): void {
  for (const [id, use] of uses) {
    forget(use.log, nowMs)
    if (use.running === 0 && use.log.total === 0) uses.delete(id)
  }
}
