/** Our words for operations and upstreams in those of the semantic conventions. */

import {
  GEN_AI_OPERATION_NAME_VALUE_CHAT,
  GEN_AI_OPERATION_NAME_VALUE_EMBEDDINGS,
  GEN_AI_OPERATION_NAME_VALUE_TEXT_COMPLETION,
  GEN_AI_PROVIDER_NAME_VALUE_ANTHROPIC,
  GEN_AI_PROVIDER_NAME_VALUE_GCP_GEMINI,
  GEN_AI_PROVIDER_NAME_VALUE_OPENAI,
} from '@opentelemetry/semantic-conventions/incubating'

const OPERATIONS: Readonly<Record<string, string>> = {
  chat: GEN_AI_OPERATION_NAME_VALUE_CHAT,
  responses: GEN_AI_OPERATION_NAME_VALUE_CHAT,
  completions: GEN_AI_OPERATION_NAME_VALUE_TEXT_COMPLETION,
  embeddings: GEN_AI_OPERATION_NAME_VALUE_EMBEDDINGS,
}

/** `gen_ai.operation.name`; what the conventions do not name keeps our name, as they allow. */
export function operationName(operation: string): string {
  return OPERATIONS[operation] ?? operation
}

const PROVIDERS: Readonly<Record<string, string>> = {
  openai: GEN_AI_PROVIDER_NAME_VALUE_OPENAI,
  anthropic: GEN_AI_PROVIDER_NAME_VALUE_ANTHROPIC,
  gemini: GEN_AI_PROVIDER_NAME_VALUE_GCP_GEMINI,
}

/** `gen_ai.provider.name`: the flavour of telemetry, which a compatible server shares with the one it is compatible with. */
export function providerName(dialect: string | null): string {
  return PROVIDERS[dialect ?? ''] ?? dialect ?? 'unknown'
}

const FINISH_REASONS: ReadonlySet<string> = new Set([
  ...['stop', 'length', 'tool_calls', 'content_filter', 'function_call'],
  ...['completed', 'incomplete', 'failed', 'cancelled'],
])

/** `other` for what an upstream calls it in words of its own, whatever they are. */
export function finishReasonName(reason: string): string {
  return FINISH_REASONS.has(reason) ? reason : 'other'
}

/** As much of a caller's text as the log keeps of it. */
const MAX_MODEL_CHARS = 256

/** A model's id: the caller's own text in a direct call. */
export function modelName(model: string): string {
  return model.slice(0, MAX_MODEL_CHARS)
}
