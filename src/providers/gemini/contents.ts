/**
 * OpenAI messages -> Gemini `systemInstruction` and `contents` (https://ai.google.dev/api/caching#Content). System and
 * developer messages are hoisted in their order; neighbours of one role become one turn, so the results of parallel
 * calls stand together as the API demands.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { wrongValue } from '../chat/fields.ts'
import type { ChatMessage, ToolCall } from '../chat/read-messages.ts'
import { isMadeUpId } from './call-id.ts'
import { toPart } from './content.ts'
import { signatureFor } from './signature.ts'

type Turn = { role: 'user' | 'model'; parts: JsonObject[] }

type Contents = { systemInstruction: JsonObject | null; contents: JsonObject[] }

/** `signed`: the model demands thought signatures. Throws RequestError for a tool result that answers no call. */
export function toContents(messages: readonly ChatMessage[], signed: boolean): Contents {
  const system: JsonObject[] = []
  const turns: Turn[] = []
  const names = new Map<string, string>()
  for (const message of messages) {
    if (message.role === 'system') {
      system.push(...message.parts.map(toPart))
      continue
    }
    const role = message.role === 'assistant' ? 'model' : 'user'
    const parts = toParts(message, names, signed)
    if (parts.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else turns.push({ role, parts })
  }
  if (turns.length === 0) {
    throw wrongValue(
      'messages',
      'messages holds no text for the model to answer; send a user message with content.',
    )
  }
  return { systemInstruction: system.length === 0 ? null : { parts: system }, contents: turns }
}

function toParts(
  message: Exclude<ChatMessage, { role: 'system' }>,
  names: Map<string, string>,
  signed: boolean,
): JsonObject[] {
  if (message.role === 'user') return message.parts.map(toPart)
  if (message.role === 'tool') return [toFunctionResponse(message, names)]
  for (const call of message.toolCalls) names.set(call.id, call.name)
  return [
    ...message.parts.map(toPart),
    ...message.toolCalls.map((call, at) => toFunctionCall(call, signatureFor(call.extra, at === 0, signed))),
  ]
}

function toFunctionCall(call: ToolCall, signature: string | null): JsonObject {
  const functionCall: JsonObject = { name: call.name, args: call.input }
  if (!isMadeUpId(call.id)) functionCall.id = call.id
  return signature === null ? { functionCall } : { functionCall, thoughtSignature: signature }
}

/** Gemini names the function in its result; OpenAI's wire only gives the call's id, so the name is looked up. */
function toFunctionResponse(
  message: Extract<ChatMessage, { role: 'tool' }>,
  names: ReadonlyMap<string, string>,
): JsonObject {
  const name = names.get(message.toolCallId) ?? message.name
  if (name === null || name === undefined) {
    throw wrongValue(
      `${message.param}.tool_call_id`,
      `${message.param}.tool_call_id "${message.toolCallId}" answers no tool call of an earlier assistant message.`,
    )
  }
  const texts = message.parts.map((part) => {
    if (part.kind === 'text') return part.text
    throw wrongValue(
      `${message.param}.content`,
      'A tool result for Gemini holds text only; send images in a user message.',
    )
  })
  const functionResponse: JsonObject = { name, response: toResponseObject(texts.join('')) }
  if (!isMadeUpId(message.toolCallId)) functionResponse.id = message.toolCallId
  return { functionResponse }
}

/** The API takes an object. Text that is one is sent as it is, other text under `output`, the documented key. */
function toResponseObject(text: string): JsonObject {
  if (text.trimStart().startsWith('{')) {
    const value = tryParse(text)
    if (isJsonObject(value)) return value
  }
  return { output: text }
}

/** Tool results are free text: not being JSON is a normal case, answered with undefined. */
function tryParse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
