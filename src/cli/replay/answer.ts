/** What an answer says, as one text that can be compared with another answer's. Pure. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { SseParser } from '../../lib/sse.ts'
import type { Operation } from './logged.ts'

const EVENT_MAX_BYTES = 64 * 1024 ** 2

/**
 * The words of the first choice, streamed or not, and the functions it calls with their arguments. Ids, times and
 * usage are left out: they differ every time. Of embeddings the first vector. Null when there is nothing to compare:
 * an error, an answer in no known shape, or one without words.
 */
export function answerText(operation: Operation, body: string): string | null {
  try {
    const text = /^\s*[{[]/.test(body) ? whole(operation, JSON.parse(body)) : streamed(operation, body)
    return text === '' ? null : text
  } catch (error) {
    // Half a JSON or an event beyond the bound: nothing that could be compared.
    if (error instanceof SyntaxError || error instanceof RangeError) return null
    throw error
  }
}

function whole(operation: Operation, answer: unknown): string | null {
  if (!isJsonObject(answer)) return null
  if (operation === 'responses') return outputText(answer)
  if (operation === 'embeddings') {
    const vector = objectsIn(answer.data)[0]?.embedding
    return vector === undefined ? null : JSON.stringify(vector)
  }
  const choice = objectsIn(answer.choices).find(isFirst)
  if (operation === 'completions') return textIn(choice?.text)
  const message = isJsonObject(choice?.message) ? choice.message : {}
  return spoken(textIn(message.content) + textIn(message.refusal), objectsIn(message.tool_calls).map(callOf))
}

type FunctionCall = { name: string; arguments: string }

function streamed(operation: Operation, body: string): string | null {
  let text = ''
  let last: JsonObject | null = null
  const calls = new Map<number, FunctionCall>()
  for (const { data } of new SseParser(EVENT_MAX_BYTES).push(Buffer.from(`${body}\n\n`))) {
    if (data === '[DONE]') continue
    const event: unknown = JSON.parse(data)
    if (!isJsonObject(event) || event.error !== undefined) return null
    if (isJsonObject(event.response)) last = event.response
    const choice = objectsIn(event.choices).find(isFirst)
    const delta = isJsonObject(choice?.delta) ? choice.delta : {}
    text += textIn(choice?.text) + textIn(delta.content) + textIn(delta.refusal)
    for (const piece of objectsIn(delta.tool_calls)) {
      const at = typeof piece.index === 'number' ? piece.index : 0
      const known = calls.get(at) ?? { name: '', arguments: '' }
      const more = callOf(piece)
      calls.set(at, { name: known.name + more.name, arguments: known.arguments + more.arguments })
    }
  }
  // A stream of the Responses API repeats the whole response in its last event.
  if (operation === 'responses') return last === null ? null : outputText(last)
  return spoken(text, [...calls.values()])
}

function outputText(response: JsonObject): string {
  const items = objectsIn(response.output)
  const words = items
    .flatMap((item) => objectsIn(item.content))
    .map((part) => textIn(part.text ?? part.refusal))
  const calls = items
    .filter(({ type }) => type === 'function_call')
    .map((item) => ({ name: textIn(item.name), arguments: textIn(item.arguments) }))
  return spoken(words.join(''), calls)
}

/** Calls stand below the words, one a line. */
function spoken(words: string, calls: readonly FunctionCall[]): string {
  return words + calls.map((call) => `\n${call.name}(${call.arguments})`).join('')
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
