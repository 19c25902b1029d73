/** The limits of a key as the data plane asks for them: take a place, give it back, say what is left. */

import { LimitError } from '../errors.ts'
import { hasRole, type VirtualKey } from '../keys/key.ts'
import { type KeyLimits, type Limiter, rateHeaders } from '../keys/limiter.ts'
import type { Clock } from '../lib/clock.ts'

/** `x-ratelimit-*` response headers; empty for a key without limits. */
export type LimitHeaders = Readonly<Record<string, string>>

export type Admission = {
  /** Takes one request and one place of the key's limits. Throws LimitError with Retry-After. `release` is called once. */
  acquire(key: VirtualKey): { headers: LimitHeaders; release: () => void }
}

/** `appDefaults` hold for keys with the role app that name no limits of their own; asked each time, so a reload is seen. */
export function createAdmission(limiter: Limiter, appDefaults: () => KeyLimits, clock: Clock): Admission {
  return {
    acquire(key) {
      const limits = limitsOf(key, appDefaults())
      if (limits.rpm === null && limits.concurrency === null) return UNLIMITED
      const admission = limiter.admit(key.id, limits, clock.monotonicMs())
      if (admission.admitted) return { headers: rateHeaders(admission.rate), release: admission.release }
      const { reason, retryAfterMs } = admission
      const message =
        reason === 'rate_limit_exceeded'
          ? `The key "${key.name}" may send ${limits.rpm} requests a minute and has sent them. Try again in ${Math.ceil(retryAfterMs)} ms.`
          : `The key "${key.name}" may have ${limits.concurrency} requests under way and has them. Wait for one to end.`
      throw new LimitError(reason, message, retryAfterMs, rateHeaders(admission.rate))
    },
  }
}

const UNLIMITED = { headers: {}, release() {} }

function limitsOf(key: VirtualKey, defaults: KeyLimits): KeyLimits {
  if (!hasRole(key, 'app')) return { rpm: key.rpm, concurrency: key.concurrency }
  return { rpm: key.rpm ?? defaults.rpm, concurrency: key.concurrency ?? defaults.concurrency }
}
