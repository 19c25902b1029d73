/** Reads what an OpenAI-shaped answer says about itself: usage, finish reason, an error inside a 200. */

import type { UsageRecord } from '../audit/record.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../lib/json.ts'

/** Token counts of a chat, completions, embeddings or responses object; null when it carries none. */
export function readUsage(answer: JsonObject): UsageRecord | null {
  const holder = isJsonObject(answer.response) ? answer.response : answer
  const usage = holder.usage
  if (!isJsonObject(usage)) return null
  const input = isJsonObject(usage.prompt_tokens_details)
    ? usage.prompt_tokens_details
    : usage.input_tokens_details
  const output = isJsonObject(usage.completion_tokens_details)
    ? usage.completion_tokens_details
    : usage.output_tokens_details
  const cacheWriteTokens = isJsonObject(input) ? count(input.cache_write_tokens) : null
  const audioTokens = [input, output].reduce<number>(
    (sum, details) => sum + ((isJsonObject(details) ? count(details.audio_tokens) : null) ?? 0),
    0,
  )
  return {
    inputTokens: count(usage.prompt_tokens ?? usage.input_tokens),
    outputTokens: count(usage.completion_tokens ?? usage.output_tokens),
    cachedInputTokens: isJsonObject(input) ? count(input.cached_tokens) : null,
    reasoningTokens: isJsonObject(output) ? count(output.reasoning_tokens) : null,
    ...(cacheWriteTokens !== null && { cacheWriteTokens }),
    ...(audioTokens > 0 && { audioTokens }),
  }
}

/** The last finish reason given by any choice, or the status of a responses object. */
export function readFinishReason(answer: JsonObject): string | null {
  const choices = answer.choices
  if (Array.isArray(choices)) {
    const reasons = choices.map((choice) => (isJsonObject(choice) ? choice.finish_reason : null))
    return reasons.findLast((reason): reason is string => typeof reason === 'string') ?? null
  }
  const holder = isJsonObject(answer.response) ? answer.response : answer
  return holder.object === 'response' && typeof holder.status === 'string' ? holder.status : null
}

/**
 * The error of an answer that came with status 200, when there is one: OpenAI's object, Ollama's text, vLLM's
 * `object: "error"`. A Responses object carries its own failure and is an answer all the same.
 */
export function readErrorInside(answer: JsonObject): JsonObject | null {
  if (answer.object === 'response') return null
  if (isJsonObject(answer.error)) return answer.error
  if (typeof answer.error === 'string' && answer.error !== '') return { message: answer.error }
  if (answer.type === 'error' || answer.object === 'error') return answer
  return null
}

function count(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}
