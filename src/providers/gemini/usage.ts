/**
 * Gemini usageMetadata -> OpenAI usage (https://ai.google.dev/api/generate-content#UsageMetadata). The prompt count
 * includes cached tokens already; thoughts are counted apart from the candidates and belong to the completion.
 */

import type { JsonObject } from '../../lib/json.ts'
import { buildUsage } from '../chat/answer.ts'
import { countOf } from '../chat/upstream-json.ts'

/**
 * null when the prompt was not counted: unknown is never 0. Missing counts of candidates and of cached tokens beside a
 * prompt count are real zeros, because protobuf's JSON leaves zeros out.
 */
export function toUsage(metadata: JsonObject): JsonObject | null {
  const prompt = countOf(metadata.promptTokenCount)
  if (prompt === null) return null
  const thoughts = countOf(metadata.thoughtsTokenCount)
  return buildUsage({
    prompt: prompt + (countOf(metadata.toolUsePromptTokenCount) ?? 0),
    completion: (countOf(metadata.candidatesTokenCount) ?? 0) + (thoughts ?? 0),
    cached: metadata.cachedContentTokenCount === undefined ? 0 : countOf(metadata.cachedContentTokenCount),
    cacheWrite: null,
    reasoning: thoughts,
  })
}
