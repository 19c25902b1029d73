/**
 * A request as spans, made when it has ended from the times the log has of it: a server span, the search of its index, and a
 * client span for each attempt. No text of a prompt or an answer is in reach here.
 */

import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions'
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_REQUEST_STREAM,
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
  GEN_AI_OPERATION_NAME_VALUE_RETRIEVAL,
} from '@opentelemetry/semantic-conventions/incubating'
import type { AttemptSeen, RequestEnded, RequestSeen } from '../requests.ts'
import { finishReasonName, modelName, operationName, providerName } from './conventions.ts'
import { parentOf } from './propagate.ts'
import type { GivenIds } from './trace-ids.ts'

type Upstreams = {
  addressOf: (upstream: string) => { host: string; port: number } | null
  dialectOf: (upstream: string) => string | null
}

/** Gives what makes the spans of one request, with the ids that its attempts have sent. */
export function recordSpans(
  tracer: Tracer,
  upstreams: Upstreams,
  ids: Pick<GivenIds, 'give'>,
): (seen: RequestSeen, ended: RequestEnded) => void {
  return (seen, ended) => {
    const { outcome, errorCode, durationMs, attempts, retrieval } = ended
    const operation = operationName(seen.operation)
    const startMs = seen.receivedAtMs
    ids.give(seen.id, 'request')
    const span = tracer.startSpan(
      `${operation} ${seen.route ?? 'direct'}`,
      { kind: SpanKind.SERVER, startTime: startMs, attributes: requestAttributes(seen, ended) },
      parentOf(seen),
    )
    if (span.isRecording()) {
      const inside = trace.setSpan(ROOT_CONTEXT, span)
      if (retrieval !== undefined) {
        ids.give(seen.id, 'retrieval')
        retrievalSpan(tracer, inside, seen, ended)
      }
      for (const [at, attempt] of attempts.entries()) {
        const isLast = at === attempts.length - 1
        ids.give(seen.id, `attempt ${at}`)
        attemptSpan(tracer, inside, upstreams, { seen, attempt, ended: isLast ? ended : null })
      }
      // A caller's own mistake is no error of the server, and one that left is none at all.
      if (errorCode !== null && ended.status >= 500)
        span.setStatus({ code: SpanStatusCode.ERROR, message: outcome })
    }
    span.end(startMs + durationMs)
  }
}

function requestAttributes(seen: RequestSeen, ended: RequestEnded): Attributes {
  return {
    'aval.request_id': seen.id,
    'aval.outcome': ended.outcome,
    ...(seen.route !== null && { 'aval.route': seen.route }),
    ...(seen.release !== null && { 'aval.release': seen.release }),
    ...(seen.shadow && { 'aval.shadow': true }),
    ...(ended.costMicroUsd !== undefined && { 'aval.cost_usd': ended.costMicroUsd / 1e6 }),
    ...(ended.errorCode !== null && { [ATTR_ERROR_TYPE]: ended.errorCode }),
    [ATTR_GEN_AI_OPERATION_NAME]: operationName(seen.operation),
    [ATTR_GEN_AI_REQUEST_STREAM]: seen.stream,
    [ATTR_HTTP_RESPONSE_STATUS_CODE]: ended.status,
  }
}

/** It ends before the first attempt begins; without one, at the request's end. */
function retrievalSpan(tracer: Tracer, inside: Context, seen: RequestSeen, ended: RequestEnded): void {
  const tookMs = ended.retrieval?.durationMs ?? 0
  const endMs = seen.receivedAtMs + (ended.attempts[0]?.startedMs ?? ended.durationMs)
  const span = tracer.startSpan(
    GEN_AI_OPERATION_NAME_VALUE_RETRIEVAL,
    {
      kind: SpanKind.INTERNAL,
      startTime: Math.max(seen.receivedAtMs, endMs - tookMs),
      attributes: {
        [ATTR_GEN_AI_OPERATION_NAME]: GEN_AI_OPERATION_NAME_VALUE_RETRIEVAL,
        ...(ended.retrieval?.without != null && { 'aval.retrieval.without': ended.retrieval.without }),
      },
    },
    inside,
  )
  span.end(endMs)
}

/** `ended` is null for an attempt that another one followed: what the answer held is the last one's. */
function attemptSpan(
  tracer: Tracer,
  inside: Context,
  { addressOf, dialectOf }: Upstreams,
  { seen, attempt, ended }: { seen: RequestSeen; attempt: AttemptSeen; ended: RequestEnded | null },
): void {
  const { upstream, status, error } = attempt
  const model = modelName(attempt.model)
  const operation = operationName(seen.operation)
  const address = addressOf(upstream)
  const startTime = seen.receivedAtMs + attempt.startedMs
  const attributes: Attributes = {
    [ATTR_GEN_AI_OPERATION_NAME]: operation,
    [ATTR_GEN_AI_PROVIDER_NAME]: providerName(dialectOf(upstream)),
    [ATTR_GEN_AI_REQUEST_MODEL]: model,
    [ATTR_GEN_AI_REQUEST_STREAM]: seen.stream,
    'aval.upstream': upstream,
    ...(address !== null && { [ATTR_SERVER_ADDRESS]: address.host, [ATTR_SERVER_PORT]: address.port }),
    ...(status !== null && { [ATTR_HTTP_RESPONSE_STATUS_CODE]: status }),
    ...(error !== null && { [ATTR_ERROR_TYPE]: error }),
    ...(ended !== null && answerAttributes(ended, attempt)),
  }
  const span = tracer.startSpan(
    `${operation} ${model}`,
    { kind: SpanKind.CLIENT, startTime, attributes },
    inside,
  )
  if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error })
  span.end(startTime + attempt.durationMs)
}

function answerAttributes(
  { usage, finishReason, ttftMs }: RequestEnded,
  { startedMs }: AttemptSeen,
): Attributes {
  const attributes: Attributes = {}
  const put = (name: string, value: number | null | undefined): void => {
    if (value != null) attributes[name] = value
  }
  put(ATTR_GEN_AI_USAGE_INPUT_TOKENS, usage?.inputTokens)
  put(ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, usage?.outputTokens)
  put(ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, usage?.cachedInputTokens)
  put(ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, usage?.reasoningTokens)
  if (ttftMs !== null) attributes[ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = (ttftMs - startedMs) / 1000
  if (finishReason !== null)
    attributes[ATTR_GEN_AI_RESPONSE_FINISH_REASONS] = [finishReasonName(finishReason)]
  return attributes
}
