/** Every metric of traffic that is watched: its name, unit, and which way harms. The one list of them. Pure. */

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

/** Fewer requests than this are no rate, and no mean. */
export const LEAST_REQUESTS = 20

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
