/** Gemini `finishReason` -> OpenAI `finish_reason` (https://ai.google.dev/api/generate-content#FinishReason). */

import { UpstreamError } from '../../errors.ts'
import type { FinishReason } from '../chat/answer.ts'
import { malformed } from '../chat/upstream-json.ts'

/** The model broke its own protocol: there is no answer to show, and another attempt may well give one. */
const BROKEN = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
])

/**
 * Whatever is neither a natural stop nor the token limit cut the answer off for its content or for reasons untold
 * (SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, MODEL_ARMOR, OTHER, values of the future):
 * `content_filter`, because `stop` would make it look whole. Throws UpstreamError where there is no answer at all.
 */
export function toFinishReason(reason: string, calledTools: boolean): FinishReason {
  if (reason === 'STOP') return calledTools ? 'tool_calls' : 'stop'
  if (reason === 'MAX_TOKENS') return 'length'
  if (BROKEN.has(reason)) throw malformed(`The model's answer was unusable (${reason}).`, reason)
  if (reason === 'MISSING_THOUGHT_SIGNATURE') {
    throw new UpstreamError(
      'upstream_refused',
      'The upstream wants thought signatures that the conversation lacks.',
      {
        retryable: false,
        detail: reason,
      },
    )
  }
  return 'content_filter'
}
