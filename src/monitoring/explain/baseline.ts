/** Which traffic a changed window is compared with. Pure. */

import type { Baseline } from '../alerts/alert.ts'

/** Milliseconds; the last one is not included. */
export type Span = { fromMs: number; toMs: number }

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS
/** Less than a bucket of the watched series is no window. */
const LEAST_MS = 5 * MINUTE_MS
const MOST_MS = DAY_MS
/** Two windows of at most this length, one after the other, are of much the same hours. */
const ALIKE_MS = 2 * HOUR_MS
/** Fewer requests a week ago, or a smaller share of today's, are another traffic. */
const LEAST_REQUESTS = 50
const LEAST_SHARE = 0.1

/**
 * The window that an alert is about: from where the change began to where it was noticed, in whole minutes, at least five minutes and at
 * most the last day of it.
 */
export function changedSpan(beganAtMs: number, noticedAtMs: number): Span {
  const toMs = Math.ceil(noticedAtMs / MINUTE_MS) * MINUTE_MS
  const beganMs = Math.floor(beganAtMs / MINUTE_MS) * MINUTE_MS
  return { fromMs: Math.max(toMs - MOST_MS, Math.min(beganMs, toMs - LEAST_MS)), toMs }
}

/** The same length right before the change. */
export function justBefore({ fromMs, toMs }: Span, beganAtMs: number): Span {
  const endMs = Math.min(fromMs, Math.floor(beganAtMs / MINUTE_MS) * MINUTE_MS)
  return { fromMs: endMs - (toMs - fromMs), toMs: endMs }
}

/** In whole hours where the length need not be kept to the minute: where minutes are kept for a week or less those of it may be gone. */
export function weekBefore({ fromMs, toMs }: Span, keepLength: boolean): Span {
  const span = { fromMs: fromMs - WEEK_MS, toMs: toMs - WEEK_MS }
  return keepLength || toMs - fromMs <= ALIKE_MS ? span : inHours(span)
}

/** Both ends moved back to the hour. */
export function inHours({ fromMs, toMs }: Span): Span {
  const hour = (ms: number) => Math.floor(ms / HOUR_MS) * HOUR_MS
  return { fromMs: hour(fromMs), toMs: hour(toMs) }
}

/** Of such a window the sums by the hour say as much as those by the minute. */
export function isInHours({ fromMs, toMs }: Span): boolean {
  return fromMs % HOUR_MS === 0 && toMs % HOUR_MS === 0
}

/** Requests of the changed window and of the two that it can be compared with. `isVolume`: how much was asked is what changed. */
export function chooseBaseline(
  span: Span,
  requests: { after: number; justBefore: number; weekBefore: number },
  isVolume: boolean,
): Baseline & { kind: 'just_before' | 'week_before' } {
  const lengthMs = span.toMs - span.fromMs
  const isAlike = lengthMs % DAY_MS === 0 || (lengthMs <= ALIKE_MS && !isVolume)
  const hasWeek = requests.weekBefore >= Math.max(LEAST_REQUESTS, LEAST_SHARE * requests.after)
  if (hasWeek && (!isAlike || requests.justBefore === 0)) {
    const why =
      requests.justBefore === 0
        ? 'right before it nothing was asked'
        : 'right before it were other hours of the day'
    return { kind: 'week_before', why: `the same hours a week before: ${why}` }
  }
  const why = isAlike
    ? 'much the same hours of the day'
    : `a week before there were only ${requests.weekBefore} requests`
  return { kind: 'just_before', why: `the same length right before: ${why}` }
}
