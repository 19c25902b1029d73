/** The value of each metric of a route's or an upstream's traffic, where enough was asked. Pure. */

import { LEAST_REQUESTS, type MetricName } from '../../lib/watched-metrics.ts'
import type { Figures } from '../rollups/figures.ts'
import { quantileOf, type Sketch } from '../rollups/sketch.ts'

/** Requests, or answers, below which there is no point: for a 95 % quantile three of them are expected above it. */
const LEAST = { share: 50, mean: LEAST_REQUESTS, p50: 20, p95: 60 } as const

/** In the metric's unit. `metric` is one of `METRICS`, or one that another reader of the traffic adds, such as `score:grounded`. */
export type MetricPoint = { metric: string; value: number }

/**
 * One point for each metric that has enough of what it is about, in `spanMs` of traffic; the others have none. Shares of tokens and
 * cost are over the requests that tell them. Latency is a quantile, never the mean: a few long answers move a mean, and nobody waits it.
 */
export function pointsOf(figures: Figures, spanMs: number): MetricPoint[] {
  const { outcomes } = figures
  const errors = errorsOf(figures)
  const answerable = answerableOf(figures)
  const values: Record<MetricName, number | null> = {
    requests_per_minute: figures.requests < LEAST_REQUESTS ? null : figures.requests / (spanMs / 60_000),
    error_rate: ratio(errors, answerable, LEAST.share),
    refusal_rate: ratio(outcomes.guardrail + figures.filtered, answerable - errors, LEAST.share),
    cut_rate: ratio(figures.cut, outcomes.completed, LEAST.share),
    latency_p50: quantile(figures.latency, 0.5),
    latency_p95: quantile(figures.latency, 0.95),
    ttft_p50: quantile(figures.ttft, 0.5),
    ttft_p95: quantile(figures.ttft, 0.95),
    ms_per_output_token_p50: quantile(figures.msPerOutputToken, 0.5),
    cost_per_request: ratio(Number(figures.costMicroUsd), figures.priced, LEAST.mean),
    input_tokens: ratio(figures.inputTokens, figures.told, LEAST.mean),
    output_tokens: ratio(figures.outputTokens, figures.told, LEAST.mean),
  }
  return Object.entries(values).flatMap(([metric, value]) => (value === null ? [] : [{ metric, value }]))
}

/** What went wrong on our side or upstream. Who gives up has not met an error, and what is rejected is the caller's to mend. */
export function errorsOf({ outcomes }: Figures): number {
  return outcomes.upstream_error + outcomes.upstream_cut + outcomes.timeout + outcomes.gateway_crash
}

function answerableOf({ requests, outcomes }: Figures): number {
  return requests - outcomes.client_abort - outcomes.rejected
}

function ratio(sum: number, count: number, least: number): number | null {
  return count < least ? null : sum / count
}

function quantile(sketch: Sketch, share: 0.5 | 0.95): number | null {
  return sketch.count < (share === 0.5 ? LEAST.p50 : LEAST.p95) ? null : quantileOf(sketch, share)
}
