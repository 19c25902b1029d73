/**
 * A circuit breaker per upstream and model, and the share of calls that may be retries. Both keep a sick upstream
 * from being hit harder than a healthy one. State is memory of this process only.
 */

import type { Clock } from '../lib/clock.ts'

/** Opening too late costs every caller a timeout; too early costs one upstream a few seconds. */
const FAILURES_TO_OPEN = 5
const OPEN_MS = 5000
/** Retries allowed per first attempt, and how many may be saved up (an error storm then sends at most 1.2 times). */
const RETRY_SHARE = 0.2
const RETRY_SAVINGS = 10
/** Model ids of direct calls come from callers; the oldest is forgotten beyond this. */
const MAX_CIRCUITS = 10_000

type Circuit = { failures: number; openUntilMs: number; probing: boolean; retryTokens: number }

export type Breaker = {
  /** Milliseconds until a call may be tried; 0 = now. A half-open circuit lets one probe through. */
  waitMs(target: string): number
  /** Counts a first attempt (it earns a share of a retry) or spends a retry; false when none is left. */
  begin(target: string, isRetry: boolean): boolean
  succeeded(target: string): void
  failed(target: string): void
  /** The call ended without saying anything about the upstream's health (client left). */
  released(target: string): void
  /** The targets that are not called for now. */
  open(): readonly string[]
}

export function createBreaker(clock: Clock): Breaker {
  const circuits = new Map<string, Circuit>()
  const circuitOf = (target: string): Circuit => {
    const known = circuits.get(target)
    if (known !== undefined) return known
    const oldest = circuits.size >= MAX_CIRCUITS ? circuits.keys().next().value : undefined
    if (oldest !== undefined) circuits.delete(oldest)
    const fresh = { failures: 0, openUntilMs: 0, probing: false, retryTokens: RETRY_SAVINGS }
    circuits.set(target, fresh)
    return fresh
  }
  return {
    waitMs(target) {
      const circuit = circuits.get(target)
      if (circuit === undefined || circuit.failures < FAILURES_TO_OPEN) return 0
      const left = circuit.openUntilMs - clock.monotonicMs()
      if (left > 0) return left
      return circuit.probing ? OPEN_MS : 0
    },
    begin(target, isRetry) {
      const circuit = circuitOf(target)
      if (isRetry && circuit.retryTokens < 1) return false
      circuit.retryTokens = Math.min(RETRY_SAVINGS, circuit.retryTokens + (isRetry ? -1 : RETRY_SHARE))
      if (circuit.failures >= FAILURES_TO_OPEN) circuit.probing = true
      return true
    },
    succeeded(target) {
      const circuit = circuitOf(target)
      circuit.failures = 0
      circuit.probing = false
    },
    failed(target) {
      const circuit = circuitOf(target)
      circuit.failures += 1
      circuit.probing = false
      if (circuit.failures >= FAILURES_TO_OPEN) circuit.openUntilMs = clock.monotonicMs() + OPEN_MS
    },
    released(target) {
      circuitOf(target).probing = false
    },
    open() {
      const nowMs = clock.monotonicMs()
      return [...circuits]
        .filter(([, { failures, openUntilMs }]) => failures >= FAILURES_TO_OPEN && openUntilMs > nowMs)
        .map(([target]) => target)
    },
  }
}
