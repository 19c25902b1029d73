/** One value held against one bar: when an alert opens, and when it ends. Pure. */

import type { AlertBar, Subject } from '../alerts/alert.ts'
import type { AlertRule } from '../alerts/rules.ts'
import { BUCKET_MS, MAX_SPAN } from '../watch/buckets.ts'

/** A rule that has a bar, and so a name. */
export type BarRule = AlertRule & { name: string; bar: NonNullable<AlertRule['bar']> }
export type BarState = 'ok' | 'alert'

/** How one route or upstream stands at one bar; milliseconds. */
export type Standing = {
  subject: Subject
  bar: AlertBar
  state: BarState
  sinceMs: number
  /** Since when it has been where its state is not; null while it is not. */
  turningMs: number | null
  /** End of the newest window with enough traffic, and its value, in the metric's unit. */
  newestMs: number
  value: number
  /** End of the newest window in which anything was asked. */
  heardMs: number
}
/** `heard`: something was asked in the window; none at all are a rate of 0. */
export type WindowValue = { value: number; heard: boolean }
/** `turned`: since when what opens or ends had been so; null where nothing does. */
export type Judged = { standing: Standing; turned: { sinceMs: number } | null }

/** A longer time without a value says nothing of what was in it: what stood before does not count on. */
const MAX_GAP_MS = MAX_SPAN * BUCKET_MS

/**
 * The value of the window that ends with the bucket from `atMs` on. It must be beyond the limit in every window for as long as the bar
 * says before an alert opens, and on it or within for as long before it ends; one on the limit itself is within. A bucket without a
 * value interrupts neither, an hour without one does.
 */
export function judgeBar(
  before: Standing | null,
  { value, heard }: WindowValue,
  atMs: number,
  { bar, subject }: Pick<Standing, 'subject' | 'bar'>,
): Judged {
  const endMs = atMs + BUCKET_MS
  const { state, sinceMs, newestMs, turningMs, heardMs } = before ?? newStanding(endMs)
  const isElsewhere = (state === 'alert') !== isBeyond(bar, value)
  const known = newestMs < atMs - MAX_GAP_MS ? null : turningMs
  const turning = isElsewhere ? (known ?? atMs) : null
  const newest = { newestMs: endMs, value, heardMs: heard ? endMs : heardMs }
  const standing = { subject, bar, state, sinceMs, turningMs: turning, ...newest }
  if (turning === null || endMs - turning < bar.forMs) return { standing, turned: null }
  const turned = {
    ...standing,
    state: state === 'ok' ? 'alert' : 'ok',
    sinceMs: endMs,
    turningMs: null,
  } as const
  return { standing: turned, turned: { sinceMs: turning } }
}

function newStanding(nowMs: number): Omit<Standing, 'subject' | 'bar' | 'value'> {
  return { state: 'ok', sinceMs: nowMs, newestMs: nowMs, turningMs: null, heardMs: nowMs }
}

function isBeyond({ side, limit }: AlertBar, value: number): boolean {
  return side === 'above' ? value > limit : value < limit
}

export function hasOwnBar(rule: AlertRule): rule is BarRule {
  return rule.bar !== null && rule.name !== null
}

/** As its alerts bear it. */
export function barOf({ name, bar }: BarRule): AlertBar {
  return { rule: name, ...bar }
}

/** Whether nothing about the bar has changed since. */
export function isSameBar(one: AlertBar, other: AlertBar): boolean {
  const members = ['rule', 'metric', 'side', 'limit', 'overMs', 'forMs'] as const
  return members.every((member) => one[member] === other[member])
}
