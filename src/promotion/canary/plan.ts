/** How a candidate is let onto a label's traffic, and what counts as harm. */

/** A quantile of milliseconds, and by how much more than the stable release's it is harm: 0.2 is a fifth. */
export type QuantileMargin = { quantile: number; ratio: number }

export type CanaryPlan = {
  /** Of the users, in hundredths of a per cent, ascending; after the last of them everybody. */
  stages: readonly number[]
  /** Of each stage. */
  holdMs: number
  requestsMin: number
  /** A stage without a decision by then is rolled back. */
  maxWaitMs: number
  /** How often a candidate that does no harm may be rolled back, over all metrics, stages and looks. */
  alpha: number
  /** `unharmed`: nothing is shown to be harmful. `proven`: every metric is shown to be harmless. */
  advance: 'unharmed' | 'proven'
  /** Null is not watched. */
  margins: {
    errors: number | null
    refusals: number | null
    latency: QuantileMargin | null
    ttft: QuantileMargin | null
    cost: { ratio: number } | null
    /** Score units, by the scorer's name. */
    quality: Readonly<Record<string, number>>
  }
}
