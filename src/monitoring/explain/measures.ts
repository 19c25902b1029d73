/** What of a metric can be taken apart: sum over count, and of which unit. Pure. */

import type { ExplainedUnit, Measured } from '../alerts/alert.ts'
import type { Figures } from '../rollups/figures.ts'
import { errorsOf } from '../watch/metrics.ts'
import type { Mean } from './mean-change.ts'

export type Measure = {
  name: Measured
  unit: ExplainedUnit
  sum: (figures: Figures) => number
  /** Null for what is added up over all traffic and divided by nothing but time. */
  count: ((figures: Figures) => number) | null
}

const timed = (figures: Figures) => figures.timed
const ttft = ({ queueMs, firstTokenMs }: Figures) => queueMs + firstTokenMs

const MEASURES: Readonly<Record<Exclude<Measured, 'mean_score'>, Omit<Measure, 'name'>>> = {
  spend: { unit: 'micro_usd', sum: ({ costMicroUsd }) => Number(costMicroUsd), count: null },
  cost_per_request: {
    unit: 'micro_usd',
    sum: ({ costMicroUsd }) => Number(costMicroUsd),
    count: ({ priced }) => priced,
  },
  mean_duration: { unit: 'ms', sum: (figures) => ttft(figures) + figures.generationMs, count: timed },
  mean_ttft: { unit: 'ms', sum: ttft, count: timed },
  ms_per_output_token: {
    unit: 'ms',
    sum: ({ generationMs }) => generationMs,
    count: ({ timedOutputTokens }) => timedOutputTokens,
  },
  requests_per_minute: { unit: 'a_minute', sum: ({ requests }) => requests, count: null },
  error_rate: { unit: 'share', sum: errorsOf, count: answerable },
  refusal_rate: {
    unit: 'share',
    sum: ({ outcomes, filtered }) => outcomes.guardrail + filtered,
    count: (figures) => answerable(figures) - errorsOf(figures),
  },
  cut_rate: { unit: 'share', sum: ({ cut }) => cut, count: ({ outcomes }) => outcomes.completed },
  input_tokens: { unit: 'tokens', sum: ({ inputTokens }) => inputTokens, count: ({ told }) => told },
  output_tokens: { unit: 'tokens', sum: ({ outputTokens }) => outputTokens, count: ({ told }) => told },
}

/** Quantiles of a metric are explained by its mean: a quantile of a sum is not the sum of quantiles. */
const MEASURED: Readonly<Record<string, keyof typeof MEASURES>> = {
  latency_p50: 'mean_duration',
  latency_p95: 'mean_duration',
  ttft_p50: 'mean_ttft',
  ttft_p95: 'mean_ttft',
  ms_per_output_token_p50: 'ms_per_output_token',
}

/** Null for a metric that the figures of traffic do not hold. */
export function measureOf(metric: string): Measure | null {
  const name = MEASURED[metric] ?? metric
  return isMeasured(name) ? { name, ...MEASURES[name] } : null
}

function isMeasured(name: string): name is keyof typeof MEASURES {
  return Object.hasOwn(MEASURES, name)
}

/** Kinds of the measures that are a mean over places; null for the others. */
export function meanOf(measure: Measure): Mean | null {
  const kinds = KINDS[measure.name]
  if (kinds === undefined || measure.count === null) return null
  const places =
    measure.unit === 'ms' ? (['upstream', 'model'] as const) : (['upstream', 'model', 'keyId'] as const)
  return { kinds, count: measure.count, places }
}

const outcome = (name: 'upstream_error' | 'upstream_cut' | 'timeout' | 'gateway_crash' | 'guardrail') => ({
  cause: name,
  sum: ({ outcomes }: Figures) => outcomes[name],
})

const KINDS: Readonly<Partial<Record<Measured, Mean['kinds']>>> = {
  ms_per_output_token: [{ cause: 'speed', sum: ({ generationMs }) => generationMs }],
  error_rate: [
    outcome('upstream_error'),
    outcome('upstream_cut'),
    outcome('timeout'),
    outcome('gateway_crash'),
  ],
  refusal_rate: [outcome('guardrail'), { cause: 'filtered', sum: ({ filtered }) => filtered }],
  cut_rate: [{ cause: 'cut', sum: ({ cut }) => cut }],
  input_tokens: [
    { cause: 'input_tokens', sum: ({ inputTokens, cachedInputTokens }) => inputTokens - cachedInputTokens },
    { cause: 'cached_input', sum: ({ cachedInputTokens }) => cachedInputTokens },
  ],
  output_tokens: [
    { cause: 'output_tokens', sum: ({ outputTokens, reasoningTokens }) => outputTokens - reasoningTokens },
    { cause: 'reasoning_tokens', sum: ({ reasoningTokens }) => reasoningTokens },
  ],
}

/** What can be answered at all: who gives up and what is refused as wrong asked for nothing that could go wrong. */
function answerable({ requests, outcomes }: Figures): number {
  return requests - outcomes.client_abort - outcomes.rejected
}
