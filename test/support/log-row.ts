/** A row of the log for tests that read one. */

import type { RequestDetail } from '../../src/audit/privacy/read-bodies.ts'

/** One that succeeded. */
export const ATTEMPT = {
  upstream: 'openai',
  model: 'gpt-4o-mini',
  startedMs: 3,
  durationMs: 80,
  status: 200,
  error: null,
  detail: null,
  upstreamRequestId: 'up-1',
}

/** With everything a test does not care about. */
export function logRow(row: Partial<RequestDetail>): RequestDetail {
  return {
    id: 'req_01kb0000000000000000000000',
    writer: '0193f0d2-0000-7000-8000-000000000000',
    seq: 1,
    projectId: 'prj_default',
    keyId: 'vk_01kb0000000000000000000000',
    keyName: 'web-shop',
    method: 'POST',
    path: '/v1/chat/completions',
    operation: 'chat',
    requestedModel: 'support-answer',
    route: 'support-answer',
    upstream: 'openai',
    model: 'gpt-4o-mini',
    stream: true,
    outcome: 'completed',
    status: 200,
    errorCode: null,
    finishReason: 'stop',
    startedAt: new Date('2026-11-23T13:05:33Z'),
    durationMs: 1240,
    ttftMs: 85,
    inputTokens: 12,
    outputTokens: 40,
    cachedInputTokens: null,
    reasoningTokens: null,
    attempts: [],
    clientRequestId: null,
    subject: null,
    dataKey: null,
    bodyState: 'kept',
    requestBytes: 120,
    responseBytes: 2400,
    truncated: false,
    occurrences: 1,
    requestBody: '{"model":"support-answer"}',
    responseBody: '{"ok":true}',
    requestRedacted: null,
    responseRedacted: null,
    replayOf: null,
    shadowOf: null,
    releaseId: null,
    prompt: null,
    costMicroUsd: null,
    price: null,
    index: null,
    retrieval: null,
    ...row,
  }
}
