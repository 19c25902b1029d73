/**
 * Traces and metrics over OTLP/HTTP by the semantic conventions for generative AI. The one file, with its neighbours, that
 * reads OpenTelemetry's packages, and it is read only where a collector is configured.
 */

import { DiagLogLevel, diag } from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions'
import type { Places } from '../metrics/places.ts'
import type { RequestObserver } from '../requests.ts'
import { attemptTraceparent } from './propagate.ts'
import { recordMetrics } from './request-figures.ts'
import { recordSpans } from './request-spans.ts'
import { GivenIds } from './trace-ids.ts'

export type OtlpOptions = {
  /** Without `/v1/traces`. */
  endpoint: string
  headers: Readonly<Record<string, string>>
  serviceName: string
  sampler:
    | 'always_on'
    | 'always_off'
    | 'traceidratio'
    | 'parentbased_always_on'
    | 'parentbased_always_off'
    | 'parentbased_traceidratio'
  /** Share of traces kept, from 0 to 1. */
  ratio: number
  version: string
  /** Where an upstream is reached, as span attributes have it; null for one inside the process. */
  addressOf: (upstream: string) => { host: string; port: number } | null
  places: Places
  /** `openai`, `anthropic`, `gemini` or `local`. */
  dialectOf: (upstream: string) => string | null
  /** What the packages say went wrong, such as a collector that refuses: at most once a minute. */
  onProblem: (message: string) => void
  /** How often is sent what has come together. */
  everyMs?: number
}

/** A collector that does not answer holds so much and no more: what comes then is dropped. */
const MAX_WAITING_SPANS = 2048
const MAX_BATCH_SPANS = 512
const EXPORT_TIMEOUT_MS = 5000
const SPANS_EVERY_MS = 5000
const METRICS_EVERY_MS = 60_000
/** One export at a time for each signal. */
const EXPORTS_AT_ONCE = 1

export type RunningOtlp = {
  observer: RequestObserver
  /** Sends what waits, and gives up after the time. Never rejects. */
  stop(timeoutMs: number): Promise<void>
}

/** Opens no connection before there is something to send. */
export function startOtlp(options: OtlpOptions): RunningOtlp {
  const { endpoint, headers, serviceName, version, everyMs } = options
  tellProblems(options.onProblem)
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: serviceName,
    [ATTR_SERVICE_VERSION]: version,
  })
  const exporting = {
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
    concurrencyLimit: EXPORTS_AT_ONCE,
  }
  const [ids, sampler] = [new GivenIds(), samplerOf(options)]
  const tracing = new TracerProvider({
    resource,
    sampler,
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ ...exporting, url: `${endpoint}/v1/traces` }),
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: MAX_BATCH_SPANS,
        scheduledDelayMillis: everyMs ?? SPANS_EVERY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  })
  const metering = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ ...exporting, url: `${endpoint}/v1/metrics` }),
        exportIntervalMillis: everyMs ?? METRICS_EVERY_MS,
        exportTimeoutMillis: Math.min(EXPORT_TIMEOUT_MS, everyMs ?? METRICS_EVERY_MS),
      }),
    ],
  })
  const spans = recordSpans(tracing.getTracer('aval', version), options, ids)
  const figures = recordMetrics(metering.getMeter('aval', version), options)
  return {
    observer: {
      began() {},
      left() {},
      unauthenticated() {},
      unlogged() {},
      traceparent: attemptTraceparent(sampler),
      ended(seen, ended) {
        spans(seen, ended)
        figures(seen, ended)
      },
    },
    async stop(timeoutMs) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs)
      })
      // A collector that is away keeps nobody from stopping.
      await Promise.race([Promise.allSettled([tracing.shutdown(), metering.shutdown()]), late])
      clearTimeout(timer)
    },
  }
}

const TELL_EVERY_MS = 60_000
const MAX_PROBLEM_CHARS = 500

/** The packages report failed exports and dropped spans nowhere else. */
function tellProblems(onProblem: (message: string) => void): void {
  let toldAtMs = Number.NEGATIVE_INFINITY
  const tell = (message: string): void => {
    if (performance.now() - toldAtMs < TELL_EVERY_MS) return
    toldAtMs = performance.now()
    onProblem(inWords(message).slice(0, MAX_PROBLEM_CHARS))
  }
  const silent = (): void => {}
  diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}

/** They pass an error on as JSON of its members, the stack first. */
function inWords(problem: string): string {
  try {
    const { message } = JSON.parse(problem) as { message?: unknown }
    return typeof message === 'string' ? message : problem
  } catch {
    return problem
  }
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
function samplerOf({ sampler, ratio }: Pick<OtlpOptions, 'sampler' | 'ratio'>): Sampler {
  const root = sampler.endsWith('always_on')
    ? new AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio)
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root
}
