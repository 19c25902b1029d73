/** What is watched, and what people and policies are told when it changed. Types alone. */

import type { Change } from '../detectors/detector.ts'

/** A route, or an upstream over all routes. */
export type Subject = { kind: 'route' | 'upstream'; name: string }

/** One watched figure: `latency_p95` of `support-answer`. */
export type SeriesKey = { projectId: string; subject: Subject; metric: string }

/** `bar`: above or below a fixed threshold; `data`: two windows of traffic are not alike. */
export type AlertChange = Change | 'bar' | 'data'

export type Alert = SeriesKey & {
  /** `alr_…` */
  id: string
  change: AlertChange
  /** When the change probably began, when it was noticed, when it was over; milliseconds. */
  beganAtMs: number
  openedAtMs: number
  endedAtMs: number | null
  /** In the metric's unit, at the point that opened it. */
  value: number | null
  usual: number | null
  excess: number
  explanation: Explanation | null
  acked: { atMs: number; by: string; byName: string | null; note: string | null } | null
}

/** Each cause is a share of the whole change, in the unit of the metric: they add up to `difference`. */
export type Explanation = {
  before: Window
  after: Window
  difference: number
  unit: 'micro_usd' | 'ms' | 'share' | 'score' | 'count'
  causes: readonly { cause: string; amount: number }[]
  /** Nearest to the beginning of the change first. */
  changes: readonly NearbyChange[]
  /** Which part of the traffic moved most: by one dimension, what its share of the difference is. */
  segments: readonly { dimension: string; value: string; amount: number }[]
}

/** Milliseconds; the second is not included. `level`: the metric over the whole window. */
export type Window = { fromMs: number; toMs: number; requests: number; level: number | null }

/** `target`: what can be pasted into the next command, such as `support-answer@r14` or `dec_…`. */
export type NearbyChange = {
  kind: 'release' | 'price' | 'upstream' | 'index' | 'config'
  atMs: number
  target: string
  text: string
}
