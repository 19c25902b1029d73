/** What an answer in one of OpenAI's shapes says, whole or streamed: its words and the functions it calls. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { SseParser } from './sse.ts'

/** Operations whose answers speak. */
export type SpokenOperation = 'chat' | 'completions' | 'responses'
/** `arguments` as the model wrote them, so perhaps no JSON. */
type FunctionCall = { name: string; arguments: string }
export type SpokenAnswer = { words: string; calls: readonly FunctionCall[] }

const EVENT_MAX_BYTES = 64 * 1024 ** 2

/**
 * Of the first choice; a refusal counts as words. Ids, times and usage are left out. Null for an error, half an answer, and
 * one in no known shape.
 */
export function spokenAnswer(operation: SpokenOperation, body: string): SpokenAnswer | null {
  try {
    return /^\s*[{[]/.test(body) ? whole(operation, JSON.parse(body)) : streamed(operation, body)
  } catch (error) {
    // Half a JSON or an event beyond the bound.
    if (error instanceof SyntaxError || error instanceof RangeError) return null
    throw error
  }
}

function whole(operation: SpokenOperation, answer: unknown): SpokenAnswer | null {
  if (!isJsonObject(answer)) return null
  if (operation === 'responses') return ofResponse(answer)
  const choice = objectsIn(answer.choices).find(isFirst)
  if (choice === undefined) return null
  if (operation === 'completions') return { words: textIn(choice.text), calls: [] }
  const message = isJsonObject(choice.message) ? choice.message : {}
  return {
    words: textIn(message.content) + textIn(message.refusal),
    calls: objectsIn(message.tool_calls).map(callOf),
  }
}

function streamed(operation: SpokenOperation, body: string): SpokenAnswer | null {
  let words = ''
  let last: JsonObject | null = null
  let choices = 0
  const calls = new Map<number, FunctionCall>()
  for (const { data } of new SseParser(EVENT_MAX_BYTES).push(Buffer.from(`${body}\n\n`))) {
    if (data === '[DONE]') continue
    const event: unknown = JSON.parse(data)
    if (!isJsonObject(event) || event.error !== undefined) return null
    if (isJsonObject(event.response)) last = event.response
    const choice = objectsIn(event.choices).find(isFirst)
    if (choice === undefined) continue
    choices += 1
    const delta = isJsonObject(choice.delta) ? choice.delta : {}
    words += textIn(choice.text) + textIn(delta.content) + textIn(delta.refusal)
    for (const piece of objectsIn(delta.tool_calls)) {
      const at = typeof piece.index === 'number' ? piece.index : 0
      const known = calls.get(at) ?? { name: '', arguments: '' }
      const more = callOf(piece)
      calls.set(at, { name: known.name + more.name, arguments: known.arguments + more.arguments })
    }
  }
  // A stream of the Responses API repeats the whole response in its last event.
  if (operation === 'responses') return last === null ? null : ofResponse(last)
  return choices === 0 ? null : { words, calls: [...calls.values()] }
}

function ofResponse(response: JsonObject): SpokenAnswer | null {
  if (!Array.isArray(response.output)) return null
  const items = objectsIn(response.output)
  const words = items
    .flatMap((item) => objectsIn(item.content))
    .map((part) => textIn(part.text ?? part.refusal))
  const calls = items
    .filter(({ type }) => type === 'function_call')
    .map((item) => ({ name: textIn(item.name), arguments: textIn(item.arguments) }))
  return { words: words.join(''), calls }
}

function callOf(call: JsonObject): FunctionCall {
  const called = isJsonObject(call.function) ? call.function : {}
  return { name: textIn(called.name), arguments: textIn(called.arguments) }
}

function isFirst({ index }: JsonObject): boolean {
  return index === 0 || index === undefined
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** Content may come in parts, each with a text. */
function textIn(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return objectsIn(value)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('')
}
