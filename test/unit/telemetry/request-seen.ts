/** A request as the data plane tells of it, with what a test changes. */
import type { RequestEnded, RequestSeen } from '../../../src/telemetry/requests.ts'

export function seenOf(more: Partial<RequestSeen> = {}): RequestSeen {
  return {
    id: 'req_1',
    operation: 'chat',
    receivedAtMs: 1_700_000_000_000,
    route: 'support-answer',
    release: null,
    stream: false,
    shadow: false,
    traceparent: null,
    ...more,
  }
}

export function endedOf(more: Partial<RequestEnded> = {}): RequestEnded {
  return {
    outcome: 'completed',
    status: 200,
    errorCode: null,
    upstream: 'openai',
    model: 'gpt-4o-mini',
    attempts: [
      { upstream: 'openai', model: 'gpt-4o-mini', startedMs: 5, durationMs: 900, status: 200, error: null },
    ],
    usage: { inputTokens: 120, outputTokens: 11, cachedInputTokens: null, reasoningTokens: null },
    finishReason: 'stop',
    ttftMs: null,
    durationMs: 1000,
    costMicroUsd: 250_000,
    ...more,
  }
}
