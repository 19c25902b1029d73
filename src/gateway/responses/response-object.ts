/**
 * The `response` object around the output items: what the caller asked for, status and usage. Only echoes and
 * maps; it never invents a number, and a finish reason it does not know is not a finished answer.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { type DraftItem, type ResponseInfo, renderItem } from './items.ts'

/** How an answer ended. `incomplete` is an answer that its limit or a filter cut: the caller has to see that. */
export type Ending =
  | { status: 'in_progress' }
  | { status: 'completed' }
  | { status: 'incomplete'; reason: 'max_output_tokens' | 'content_filter' }
  | { status: 'failed'; code: 'server_error' | 'rate_limit_exceeded'; message: string }

/** What an answer is made of at some moment. */
type ResponseState = {
  items: readonly DraftItem[]
  ending: Ending
  /** Chat's usage object, undefined while or when unknown. */
  usage: JsonValue | undefined
  serviceTier: JsonValue | undefined
}

/**
 * The whole response object as it stands (https://platform.openai.com/docs/api-reference/responses/object).
 * Defaults that only the upstream knows (temperature, top_p) are null rather than guessed.
 */
export function responseObject(request: JsonObject, info: ResponseInfo, state: ResponseState): JsonObject {
  const { ending } = state
  return {
    id: info.id,
    object: 'response',
    created_at: info.createdAt,
    status: ending.status,
    background: false,
    error: ending.status === 'failed' ? { code: ending.code, message: ending.message } : null,
    incomplete_details: ending.status === 'incomplete' ? { reason: ending.reason } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    model: info.model,
    output: state.items.map(renderItem),
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    reasoning: { effort: member(request.reasoning, 'effort') ?? null, summary: null },
    safety_identifier: request.safety_identifier ?? null,
    service_tier: state.serviceTier ?? request.service_tier ?? null,
    store: false,
    temperature: request.temperature ?? null,
    text: textConfig(request.text),
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? null,
    truncation: 'disabled',
    usage: responseUsage(state.usage),
    user: request.user ?? null,
    metadata: request.metadata ?? {},
  }
}

/**
 * Chat's finish reason -> how the response ended; null for a reason that says neither whole nor cut. The names
 * beside OpenAI's four are those of Mistral (`model_length`) and Text Generation Inference (`eos_token`, `stop_sequence`).
 */
export function endingOf(finishReason: JsonValue | undefined): Ending | null {
  switch (finishReason) {
    case 'stop':
    case 'tool_calls':
    case 'function_call':
    case 'eos_token':
    case 'stop_sequence':
      return { status: 'completed' }
    case 'length':
    case 'model_length':
      return { status: 'incomplete', reason: 'max_output_tokens' }
    case 'content_filter':
      return { status: 'incomplete', reason: 'content_filter' }
    default:
      return null
  }
}

/** Marks every open item with how it ended: in a cut answer the last one is the one that was cut. */
export function closeStatus(items: readonly DraftItem[], ending: Ending, item: DraftItem): void {
  const cut = ending.status === 'incomplete' && item === items.at(-1)
  item.status = cut ? 'incomplete' : 'completed'
}

/** Chat's usage -> the response's; null when the upstream did not count, never zeros in its place. */
function responseUsage(usage: JsonValue | undefined): JsonObject | null {
  if (!isJsonObject(usage)) return null
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage
  if (typeof input !== 'number' || typeof output !== 'number') return null
  const inputDetails: JsonObject = { cached_tokens: count(usage.prompt_tokens_details, 'cached_tokens') }
  const written = member(usage.prompt_tokens_details, 'cache_write_tokens')
  if (typeof written === 'number') inputDetails.cache_write_tokens = written
  return {
    input_tokens: input,
    input_tokens_details: inputDetails,
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: count(usage.completion_tokens_details, 'reasoning_tokens') },
    total_tokens: typeof total === 'number' ? total : input + output,
  }
}

/** The detail has to be a number on this wire; an upstream that does not split its count has nothing to report. */
function count(details: JsonValue | undefined, key: string): number {
  const value = member(details, key)
  return typeof value === 'number' ? value : 0
}

function textConfig(text: JsonValue | undefined): JsonObject {
  const verbosity = member(text, 'verbosity')
  const format = member(text, 'format') ?? { type: 'text' }
  return verbosity === undefined ? { format } : { format, verbosity }
}

function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) ? (value[key] ?? undefined) : undefined
}
