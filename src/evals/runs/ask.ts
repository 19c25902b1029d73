/** How a run asks its subject: through the data plane, as an app would, under the run's own key. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { DatasetItem } from '../datasets/item.ts'
import type { ToolCall } from '../scorers/scorer.ts'

/** One call, however it ended. Its request is on the log in any case. */
export type Asked = {
  requestId: string
  latencyMs: number
  /** The upstream that was asked last; null when none was, or nobody knows. */
  upstream: string | null
} & ({ kind: 'answered'; answer: Answer } | { kind: 'failed'; failure: Failure })

export type Answer = {
  output: string
  toolCalls: readonly ToolCall[]
  finishReason: string | null
  /** Passages that the release's index gave, as the prompt showed them, and the keys of their documents. */
  contexts: readonly string[]
  retrieved: readonly string[] | null
  /** Micro-USD; null when the price is unknown. */
  cost: bigint | null
  /** The model that answered runs on this machine: nobody is paid for it. */
  free: boolean
}

export type Failure = {
  code: string
  message: string
  /** Another try may end otherwise: a limit, an upstream that is away. */
  retryable: boolean
  retryAfterMs: number | null
}

export type Call = {
  projectId: string
  /** Of the run: it stands on the log as the key that asked. */
  runId: string
  runName: string
  /** The pseudonym of whose words the body holds: erased with them. */
  subject?: string | null
  body: JsonObject
  signal: AbortSignal
}

/** Rejects only when the log cannot be written, or with the signal's reason. */
export type Ask = (call: Call) => Promise<Asked>

/**
 * The chat request of one item and repeat. An item that asks with `input` or `messages` sends messages, one with `variables`
 * fills the prompt of the release. Null for an item that asks nothing.
 */
export function chatBody(
  model: string,
  { input, messages, variables }: Pick<DatasetItem, 'input' | 'messages' | 'variables'>,
  { seed, parameters }: { seed: number | null; parameters?: JsonObject | undefined },
): JsonObject | null {
  const asked = messages ?? (input === undefined ? undefined : [{ role: 'user', content: input }])
  if (asked === undefined && variables === undefined) return null
  return {
    ...parameters,
    model,
    ...(asked !== undefined && { messages: asked as JsonValue }),
    ...(variables !== undefined && { prompt: { variables } }),
    ...(seed !== null && { seed }),
  }
}

/** What a whole chat completion says. A body that is none is an empty answer, which scorers see as such. */
export function readChat(body: unknown): Pick<Answer, 'output' | 'toolCalls' | 'finishReason'> {
  const choice = isJsonObject(body) && Array.isArray(body.choices) ? body.choices[0] : undefined
  const message = isJsonObject(choice) && isJsonObject(choice.message) ? choice.message : {}
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : []
  const refusal = typeof message.refusal === 'string' ? message.refusal : ''
  return {
    output: textOf(message.content) || refusal,
    toolCalls: calls.flatMap(toToolCall),
    finishReason:
      isJsonObject(choice) && typeof choice.finish_reason === 'string' ? choice.finish_reason : null,
  }
}

function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => (isJsonObject(part) && typeof part.text === 'string' ? part.text : ''))
    .join('')
}

function toToolCall(call: JsonValue): ToolCall[] {
  if (!isJsonObject(call) || !isJsonObject(call.function)) return []
  const { name, arguments: given } = call.function
  if (typeof name !== 'string') return []
  return [{ name, arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}) }]
}
