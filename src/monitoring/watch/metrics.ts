/** What is watched of the traffic of a route or an upstream: each metric with its unit, and its value where enough was asked. Pure. */

import type { Figures } from '../rollups/figures.ts'
import { quantileOf, type Sketch } from '../rollups/sketch.ts'

/** `a_minute`: requests in a minute. `share`: 0…1. */
export type Unit = 'a_minute' | 'share' | 'ms' | 'micro_usd' | 'tokens' | 'score'
export type Metric = {
  unit: Unit
  text: string
  /** Which way harms; a change the other way is told to nobody. */
  harm: 'up' | 'down' | 'either'
  /**
   * What the detector is given: the logarithm of what has a long tail, so that twice and half as much are as far; the arcsine of the
   * root of a share, whose noise does not grow with the share (Anscombe 1948, <https://doi.org/10.1093/biomet/35.3-4.246>).
   */
  scale: 'plain' | 'log' | 'arcsine'
}

/** Requests, or answers, below which there is no point: for a 95 % quantile three of them are expected above it. */
const LEAST = { share: 50, mean: 20, p50: 20, p95: 60 } as const
export const LEAST_REQUESTS = LEAST.mean

export const METRICS = {
  requests_per_minute: { unit: 'a_minute', text: 'requests/min', harm: 'either', scale: 'log' },
  error_rate: { unit: 'share', text: 'errors', harm: 'up', scale: 'arcsine' },
  refusal_rate: { unit: 'share', text: 'refusals', harm: 'up', scale: 'arcsine' },
  cut_rate: { unit: 'share', text: 'answers cut', harm: 'up', scale: 'arcsine' },
  latency_p50: { unit: 'ms', text: 'latency p50', harm: 'up', scale: 'log' },
  latency_p95: { unit: 'ms', text: 'latency p95', harm: 'up', scale: 'log' },
  ttft_p50: { unit: 'ms', text: 'ttft p50', harm: 'up', scale: 'log' },
  ttft_p95: { unit: 'ms', text: 'ttft p95', harm: 'up', scale: 'log' },
  ms_per_output_token_p50: { unit: 'ms', text: 'ms/output token p50', harm: 'up', scale: 'log' },
  cost_per_request: { unit: 'micro_usd', text: 'cost/request', harm: 'up', scale: 'log' },
  input_tokens: { unit: 'tokens', text: 'input tokens', harm: 'either', scale: 'log' },
  output_tokens: { unit: 'tokens', text: 'output tokens', harm: 'either', scale: 'log' },
} as const satisfies Record<string, Metric>
export type MetricName = keyof typeof METRICS
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

/** How a metric is shown and judged that another reader of the traffic adds: `score:grounded`, `retrieval_empty:handbook@5`. */
export function metricOf(name: string): Metric {
  if (Object.hasOwn(METRICS, name)) return METRICS[name as MetricName]
  const [kind = '', of = ''] = name.split(/:(.*)/s)
  const text = `${kind.replaceAll('_', ' ')} ${of}`.trim()
  if (kind === 'score' || kind === 'retrieval_cosine_p50') {
    return { unit: 'score', text, harm: 'down', scale: 'plain' }
  }
  return { unit: 'share', text, harm: 'up', scale: 'arcsine' }
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
