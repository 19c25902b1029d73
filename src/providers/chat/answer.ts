/**
 * Builds the OpenAI objects that translated dialects answer with. One place, so that every field a strict client
 * parses is always there. Holds no vendor's knowledge.
 */

import type { JsonObject } from '../../lib/json.ts'
import type { AnswerInfo } from '../translation.ts'

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/** `extra` is a dialect's own note that must come back with the call (`extra_content`). */
export type AnswerToolCall = { id: string; name: string; arguments: string; extra?: JsonObject | undefined }

type AnswerMessage = {
  text: string
  reasoning: string
  refusal: string | null
  toolCalls: readonly AnswerToolCall[]
  /** Signed reasoning that Anthropic wants back in tool loops; empty elsewhere. */
  thinkingBlocks?: readonly JsonObject[]
}

/** `content` is null exactly when the model called tools or was refused and wrote nothing. */
export function buildMessage(answer: AnswerMessage): JsonObject {
  const silent = answer.text === '' && (answer.toolCalls.length > 0 || answer.refusal !== null)
  const message: JsonObject = {
    role: 'assistant',
    content: silent ? null : answer.text,
    refusal: answer.refusal,
  }
  if (answer.reasoning !== '') message.reasoning_content = answer.reasoning
  if (answer.thinkingBlocks !== undefined && answer.thinkingBlocks.length > 0) {
    message.thinking_blocks = [...answer.thinkingBlocks]
  }
  if (answer.toolCalls.length > 0) {
    message.tool_calls = answer.toolCalls.map((call) => ({ ...buildToolCall(call) }))
  }
  return message
}

/** One complete tool call as it stands in a message. */
function buildToolCall(call: AnswerToolCall): JsonObject {
  const built: JsonObject = {
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }
  if (call.extra !== undefined) built.extra_content = call.extra
  return built
}

/** A tool call's first delta: everything that is sent once. Its arguments may grow by `argumentsDelta`. */
export function toolCallDelta(index: number, call: AnswerToolCall): JsonObject {
  return { tool_calls: [{ index, ...buildToolCall(call) }] }
}

export function argumentsDelta(index: number, text: string): JsonObject {
  return { tool_calls: [{ index, function: { arguments: text } }] }
}

/** `usage` null means the upstream did not say: the field is left out, never 0. */
export function buildCompletion(
  info: AnswerInfo,
  choices: JsonObject[],
  usage: JsonObject | null,
): JsonObject {
  const completion: JsonObject = {
    id: info.id,
    object: 'chat.completion',
    created: info.created,
    model: info.model,
    choices,
  }
  if (usage !== null) completion.usage = usage
  return completion
}

/** With `includeUsage`, every chunk but the last says `usage: null`, as OpenAI's does. */
export function buildChunk(
  info: AnswerInfo,
  index: number,
  delta: JsonObject,
  finishReason: FinishReason | null = null,
  logprobs: JsonObject | null = null,
): JsonObject {
  return frame(info, [{ index, delta, logprobs, finish_reason: finishReason }], null)
}

/** The last chunk of a stream whose client asked for usage. */
export function buildUsageChunk(info: AnswerInfo, usage: JsonObject): JsonObject {
  return frame(info, [], usage)
}

function frame(info: AnswerInfo, choices: JsonObject[], usage: JsonObject | null): JsonObject {
  const chunk: JsonObject = {
    id: info.id,
    object: 'chat.completion.chunk',
    created: info.created,
    model: info.model,
    choices,
  }
  if (info.includeUsage) chunk.usage = usage
  return chunk
}

/** Token counts of one answer. null: the upstream did not say. `cached` and `cacheWrite` are parts of `prompt`. */
type TokenCounts = {
  prompt: number
  completion: number
  cached: number | null
  cacheWrite: number | null
  reasoning: number | null
}

/** OpenAI's usage object. `total_tokens` is always the sum; details stand only where they are known. */
export function buildUsage(counts: TokenCounts): JsonObject {
  const usage: JsonObject = {
    prompt_tokens: counts.prompt,
    completion_tokens: counts.completion,
    total_tokens: counts.prompt + counts.completion,
  }
  const prompt: JsonObject = {}
  if (counts.cached !== null) prompt.cached_tokens = counts.cached
  if (counts.cacheWrite !== null) prompt.cache_write_tokens = counts.cacheWrite
  if (Object.keys(prompt).length > 0) usage.prompt_tokens_details = prompt
  if (counts.reasoning !== null) usage.completion_tokens_details = { reasoning_tokens: counts.reasoning }
  return usage
}
