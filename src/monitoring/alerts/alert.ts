/** What is watched, and what people and policies are told when it changed. Types, and what a value is held against. Pure. */

import type { Outcome } from '../../audit/record.ts'
import type { Change } from '../detectors/detector.ts'

/** A route, or an upstream over all routes. */
export type Subject = { kind: 'route' | 'upstream'; name: string }

/** One watched figure: `latency_p95` of `support-answer`. */
export type SeriesKey = { projectId: string; subject: Subject; metric: string }

/** `data`: two windows of traffic are not alike. `bar`: it passed a value that a rule names. */
export type AlertChange = Change | 'data' | 'bar'

/** The bar of a rule, as the rule had it when the alert opened. */
export type AlertBar = {
  /** The rule's name. */
  rule: string
  metric: string
  side: 'above' | 'below'
  /** In the metric's unit. */
  limit: number
  /** How much traffic each value is over, and how long it stands beyond the limit or within before anything follows; milliseconds. */
  overMs: number
  forMs: number
}

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
  /** Null for a bar. */
  usual: number | null
  /** How many times its limit the detector's score was; 1 for a bar. */
  excess: number
  /** Null for what a detector or a comparison found by itself. */
  bar: AlertBar | null
  explanation: Explanation | null
  acked: { atMs: number; by: string; byName: string | null; note: string | null } | null
}

/**
 * Why a metric changed between two windows. Causes are shares of `difference`, in `unit`, and add up to it; where something about
 * them is not known, `unknowns` says what and why, and nothing is guessed.
 */
export type Explanation = {
  /** When the change probably began. */
  beganAtMs: number
  baseline: Baseline
  before: Window
  after: Window
  /** What the causes are of. A quantile has no parts, so for one it is a mean; null where the metric has no parts at all. */
  measure: Measured | null
  /** Of the measure before; null where it was of nothing. */
  base: number | null
  /** Of the measure, after − before; 0 where one of the two is not known. */
  difference: number
  /** Null where the metric has no parts. */
  unit: ExplainedUnit | null
  /** The largest first, whichever its sign. */
  causes: readonly { cause: Cause; amount: number }[]
  unknowns: readonly Unknown[]
  /** Nearest to the beginning of the change first. */
  changes: readonly NearbyChange[]
  /** Which part of the traffic moved most: by one dimension, what its share of the difference is. */
  segments: readonly { dimension: string; value: string; amount: number }[]
}

export type ExplainedUnit = 'micro_usd' | 'ms' | 'share' | 'score' | 'tokens' | 'a_minute'
export type Measured =
  | 'spend'
  | 'cost_per_request'
  | 'mean_duration'
  | 'mean_ttft'
  | 'ms_per_output_token'
  | 'requests_per_minute'
  | 'error_rate'
  | 'refusal_rate'
  | 'cut_rate'
  | 'input_tokens'
  | 'output_tokens'
  | 'mean_score'

/**
 * `mix`: traffic moved between places. `within`: the figure itself, at every place. `other`: cost that tokens and figures do not tell,
 * such as images and rounding. `tokens`, `tokens_or_price`: what could not be told apart, for want of the price's figures.
 */
export type Cause =
  | 'volume'
  | 'input_tokens'
  | 'cached_input'
  | 'output_tokens'
  | 'reasoning_tokens'
  | 'price'
  | 'mix'
  | 'other'
  | 'tokens'
  | 'tokens_or_price'
  | 'queue'
  | 'first_token'
  | 'length'
  | 'speed'
  | 'within'
  | Outcome
  | 'filtered'
  | 'cut'

/** `requests`: of both windows together, how many it is about. */
export type Unknown = {
  reason: /** Nothing to compare with, or nothing to compare. */
    | 'no_traffic_before'
    | 'no_traffic_after'
    /** Requests that went to an upstream and do not say what they cost: they are in none of the parts. */
    | 'unpriced'
    /** Priced by figures that nobody has any more. */
    | 'price_figures'
    /** Answers that did not stream, or told no tokens: the parts are of the others alone. */
    | 'not_timed'
    /** More places than are read at once: they are in the whole difference, as `other` or `within`, and in no segment. */
    | 'places_left_out'
    /** The metric is of nothing that has parts. */
    | 'no_parts'
  requests: number
}

/** Which traffic is taken for usual: right before, the same hours a week before, or as somebody asked. `why`: a sentence. */
export type Baseline = { kind: 'just_before' | 'week_before' | 'given'; why: string }

/** Milliseconds; the last one is not included. `level`: the metric over the whole window; null for too little traffic. */
export type Window = { fromMs: number; toMs: number; requests: number; level: number | null }

/** `target`: what can be pasted into the next command, such as `support-answer@r14` or `dec_…`. */
export type NearbyChange = {
  kind: 'release' | 'price' | 'upstream' | 'model' | 'index' | 'config'
  atMs: number
  target: string
  text: string
}

/** What an alert's value is held against, in its metric's unit: the bar's limit, or what is usual. */
export function heldAgainst({ bar, usual }: Pick<Alert, 'bar' | 'usual'>): number | null {
  return bar?.limit ?? usual
}
