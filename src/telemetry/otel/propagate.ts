/** The `traceparent` that an attempt sends: the trace of the request, and the span of the attempt. */

import { type Context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace'
import type { RequestSeen } from '../requests.ts'
import { spanIdOf, traceIdOf } from './trace-ids.ts'
import { parseTraceparent } from './traceparent.ts'

/** The caller's trace is gone on with; a header that is none begins a new one. */
export function parentOf({ traceparent }: Pick<RequestSeen, 'traceparent'>): Context {
  const parent = traceparent === null ? null : parseTraceparent(traceparent)
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true })
}

/** `attempt` counts from 0. Sampled as the spans will be: samplers that are offered here look at the trace alone. */
export function attemptTraceparent(sampler: Sampler): (seen: RequestSeen, attempt: number) => string {
  return (seen, attempt) => {
    const parent = parentOf(seen)
    const traceId = trace.getSpanContext(parent)?.traceId ?? traceIdOf(seen.id)
    const { decision } = sampler.shouldSample(parent, traceId, '', SpanKind.SERVER, {}, [])
    const flags = decision === SamplingDecision.RECORD_AND_SAMPLED ? '01' : '00'
    return `00-${traceId}-${spanIdOf(seen.id, `attempt ${attempt}`)}-${flags}`
  }
}
