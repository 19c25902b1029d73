/**
 * Anthropic usage -> OpenAI usage. Anthropic's `input_tokens` leaves out what was read from or written to the cache;
 * OpenAI's `prompt_tokens` includes it (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance).
 */

import type { JsonObject } from '../../lib/json.ts'
import { buildUsage } from '../chat/answer.ts'
import { countOf, objectOf } from '../chat/upstream-json.ts'

/** null when input or output were not reported: unknown is never 0. */
export function toUsage(usage: JsonObject): JsonObject | null {
  const input = countOf(usage.input_tokens)
  const output = countOf(usage.output_tokens)
  if (input === null || output === null) return null
  const cached = countOf(usage.cache_read_input_tokens)
  const cacheWrite = countOf(usage.cache_creation_input_tokens)
  return buildUsage({
    prompt: input + (cached ?? 0) + (cacheWrite ?? 0),
    completion: output,
    cached,
    cacheWrite,
    reasoning: countOf(objectOf(usage.output_tokens_details).thinking_tokens),
  })
}

/** `message_delta` repeats counts of `message_start`, cumulative; a field it leaves out or nulls keeps its old value. */
export function mergeUsage(before: JsonObject, update: JsonObject): JsonObject {
  const known = Object.entries(update).filter(([, value]) => value !== null && value !== undefined)
  return { ...before, ...Object.fromEntries(known) }
}
