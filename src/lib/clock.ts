/** Time is passed in wherever behaviour depends on it, so that tests can hold it still. */

export type Clock = {
  /** Wall time, milliseconds since the Unix epoch. */
  nowMs(): number
  /** Monotonic time in milliseconds with fractions; never compare it with `nowMs`. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}
