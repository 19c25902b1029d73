/** Counters and histograms of requests, written once for each request, when its end goes to the log. */

import type { Registry } from 'prom-client'
import { DURATION_BUCKETS, PER_TOKEN_BUCKETS, TTFT_BUCKETS } from '../buckets.ts'
import { secondsPerOutputToken } from '../per-token.ts'
import type { RequestEnded, RequestObserver, RequestSeen } from '../requests.ts'
import type { Place, Places } from './places.ts'
import { Counter, Gauge, Histogram } from './prometheus.ts'

const MODEL = ['route', 'upstream', 'model'] as const

/** Registers the metrics. A name is registered once per registry. */
export function requestMetrics(registry: Registry, places: Places): RequestObserver {
  const registers = [registry]
  const metrics = { ...traffic(registers), ...spending(registers), ...upstreams(registers) }
  const inFlight = new Gauge({
    name: 'aval_requests_in_flight',
    help: 'Admitted requests whose end is not on the log yet.',
    registers,
  })
  const unauthenticated = new Counter({
    name: 'aval_unauthenticated_requests_total',
    help: 'Model calls without a valid key.',
    registers,
  })
  return {
    began: () => inFlight.inc(),
    left: () => inFlight.dec(),
    unauthenticated: () => unauthenticated.inc(),
    unlogged: (code) => metrics.errors.inc({ code }),
    ended(seen, ended) {
      const place = places.of(seen, ended)
      if (seen.shadow) metrics.shadows.inc({ route: place.route.route, outcome: ended.outcome })
      else countTraffic(metrics, place, seen, ended)
      countTokens(metrics, place, ended)
      for (const attempt of ended.attempts) {
        const { upstream, model } = places.target(seen, attempt.upstream, attempt.model)
        metrics.attempts.inc({ upstream, model, result: attempt.error ?? 'ok' })
        metrics.attemptSeconds.observe({ upstream, model }, attempt.durationMs / 1000)
      }
    },
  }
}

type Metrics = ReturnType<typeof traffic> & ReturnType<typeof spending> & ReturnType<typeof upstreams>

function countTraffic(metrics: Metrics, place: Place, seen: RequestSeen, ended: RequestEnded): void {
  const { outcome, errorCode, ttftMs, durationMs, usage, retrieval } = ended
  metrics.requests.inc({ ...place.route, outcome })
  metrics.seconds.observe(place.route, durationMs / 1000)
  if (seen.release !== null) metrics.releases.inc({ ...place.release, outcome })
  if (errorCode !== null) metrics.errors.inc({ code: errorCode })
  if (retrieval !== undefined) {
    metrics.retrievalSeconds.observe({ route: place.route.route }, retrieval.durationMs / 1000)
    if (retrieval.without !== null) metrics.retrievalWithout.inc({ without: retrieval.without })
  }
  if (ttftMs === null) return
  metrics.ttft.observe(place.model, ttftMs / 1000)
  const perToken = secondsPerOutputToken(ttftMs, durationMs, usage?.outputTokens ?? null)
  if (perToken !== null) metrics.perToken.observe(place.model, perToken)
}

function countTokens({ tokens, cost, costUnknown }: Metrics, place: Place, ended: RequestEnded): void {
  const { usage, upstream, costMicroUsd } = ended
  if (usage !== null) {
    const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage
    if (inputTokens !== null) tokens.inc({ ...place.model, kind: 'input' }, inputTokens)
    if (outputTokens !== null) tokens.inc({ ...place.model, kind: 'output' }, outputTokens)
    if (cachedInputTokens !== null) tokens.inc({ ...place.model, kind: 'cached_input' }, cachedInputTokens)
    if (reasoningTokens !== null) tokens.inc({ ...place.model, kind: 'reasoning' }, reasoningTokens)
  }
  if (costMicroUsd !== undefined) cost.inc(place.model, costMicroUsd / 1e6)
  else if (upstream !== null) costUnknown.inc(place.model)
}

function traffic(registers: Registry[]) {
  return {
    requests: new Counter({
      name: 'aval_requests_total',
      help: 'Requests that ended, by how.',
      labelNames: ['operation', 'route', 'outcome'],
      registers,
    }),
    releases: new Counter({
      name: 'aval_release_requests_total',
      help: 'Requests that a release served, canaries included.',
      labelNames: ['route', 'release', 'outcome'],
      registers,
    }),
    shadows: new Counter({
      name: 'aval_shadow_requests_total',
      help: 'Requests mirrored to a candidate, which no caller waits for.',
      labelNames: ['route', 'outcome'],
      registers,
    }),
    errors: new Counter({
      name: 'aval_errors_total',
      help: 'Requests that ended with an error, limits included, by its code.',
      labelNames: ['code'],
      registers,
    }),
    seconds: new Histogram({
      name: 'aval_request_duration_seconds',
      help: 'From the first byte of a request to the last of its answer.',
      labelNames: ['operation', 'route'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
    retrievalSeconds: new Histogram({
      name: 'aval_retrieval_duration_seconds',
      help: 'Search of the index of a release: embedding, vectors and words together.',
      labelNames: ['route'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
    retrievalWithout: new Counter({
      name: 'aval_retrieval_degraded_total',
      help: 'Searches that went without a stage, because it was late or failed.',
      labelNames: ['without'],
      registers,
    }),
  }
}

function spending(registers: Registry[]) {
  return {
    tokens: new Counter({
      name: 'aval_tokens_total',
      help: 'Tokens that upstreams told; cached_input is part of input, reasoning of output.',
      labelNames: [...MODEL, 'kind'],
      registers,
    }),
    cost: new Counter({
      name: 'aval_cost_usd_total',
      help: 'What answers cost, in US dollars, for display: the log holds exact amounts.',
      labelNames: MODEL,
      registers,
    }),
    costUnknown: new Counter({
      name: 'aval_cost_unknown_total',
      help: 'Requests that reached an upstream and whose cost is not known.',
      labelNames: MODEL,
      registers,
    }),
  }
}

function upstreams(registers: Registry[]) {
  return {
    ttft: new Histogram({
      name: 'aval_time_to_first_token_seconds',
      help: 'Of streams: from the first byte of a request to the first byte down.',
      labelNames: MODEL,
      buckets: TTFT_BUCKETS,
      registers,
    }),
    perToken: new Histogram({
      name: 'aval_time_per_output_token_seconds',
      help: 'Of streams: after the first token, by every token after the first.',
      labelNames: MODEL,
      buckets: PER_TOKEN_BUCKETS,
      registers,
    }),
    attempts: new Counter({
      name: 'aval_upstream_attempts_total',
      help: 'Outbound calls, by our code of what went wrong, or ok.',
      labelNames: ['upstream', 'model', 'result'],
      registers,
    }),
    attemptSeconds: new Histogram({
      name: 'aval_upstream_attempt_duration_seconds',
      help: 'Outbound calls, from the first byte to the last.',
      labelNames: ['upstream', 'model'],
      buckets: DURATION_BUCKETS,
      registers,
    }),
  }
}
