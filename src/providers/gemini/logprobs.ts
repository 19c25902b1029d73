/** Gemini logprobsResult -> OpenAI logprobs (https://ai.google.dev/api/generate-content#LogprobsResult). */

import type { JsonObject } from '../../lib/json.ts'
import { objectOf, objectsOf, textOf } from '../chat/upstream-json.ts'

/** null when the candidate carries none. `chosenCandidates` and `topCandidates` are parallel lists, one entry a token. */
export function toLogprobs(candidate: JsonObject): JsonObject | null {
  const result = objectOf(candidate.logprobsResult)
  const chosen = objectsOf(result.chosenCandidates)
  if (chosen.length === 0) return null
  const top = objectsOf(result.topCandidates)
  const content = chosen.map((token, at) => ({
    ...toToken(token),
    top_logprobs: objectsOf(top[at]?.candidates).map(toToken),
  }))
  return { content, refusal: null }
}

function toToken(token: JsonObject): JsonObject {
  const text = textOf(token.token)
  const logprob = typeof token.logProbability === 'number' ? token.logProbability : -9999
  return { token: text, logprob, bytes: [...Buffer.from(text)] }
}
