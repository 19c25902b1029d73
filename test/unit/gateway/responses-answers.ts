/** Chat answers for the tests of the Responses translation: one answer, whole and in chunks. */

import fc from 'fast-check'
import { encodeResponsesEvent, type ResponsesEvent } from '../../../src/gateway/responses/events.ts'
import type { ResponseInfo } from '../../../src/gateway/responses/items.ts'
import { createResponsesStream } from '../../../src/gateway/responses/stream.ts'
import type { JsonObject } from '../../../src/lib/json.ts'

export const info: ResponseInfo = { id: 'resp_1', createdAt: 1_700_000_000, model: 'shown-model' }

export type Answer = {
  reasoning: string
  text: string
  refusal: string
  calls: { id: string; name: string; arguments: string }[]
  finishReason: string
  usage: JsonObject | null
  logprobs: boolean
}

const usage: JsonObject = {
  prompt_tokens: 11,
  completion_tokens: 7,
  total_tokens: 18,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 3 },
}

export function answer(members: Partial<Answer>): Answer {
  const plain = {
    reasoning: '',
    text: '',
    refusal: '',
    calls: [],
    finishReason: 'stop',
    usage,
    logprobs: false,
  }
  return { ...plain, ...members }
}

/** The body of a non-streamed chat completion. */
export function wholeChat(made: Answer): JsonObject {
  const message: JsonObject = {
    role: 'assistant',
    content: made.text === '' ? null : made.text,
    refusal: null,
  }
  if (made.refusal !== '') message.refusal = made.refusal
  if (made.reasoning !== '') message.reasoning_content = made.reasoning
  if (made.calls.length > 0) {
    message.tool_calls = made.calls.map(({ id, ...callable }) => ({
      id,
      type: 'function',
      function: callable,
    }))
  }
  const logprobs = made.logprobs ? { content: [...made.text].map(logprobOf), refusal: null } : null
  const choice: JsonObject = { index: 0, message, finish_reason: made.finishReason, logprobs }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'x',
    choices: [choice],
    usage: made.usage,
  }
}

/** The same answer in chunks: texts in pieces of `size` code points, the calls' arguments in turns. */
export function chatChunks(made: Answer, size: number): JsonObject[] {
  const chunks = [chunk({ role: 'assistant', content: '' })]
  for (const piece of pieces(made.reasoning, size)) chunks.push(chunk({ reasoning_content: piece }))
  for (const piece of pieces(made.text, size)) {
    const logprobs = made.logprobs ? { content: [...piece].map(logprobOf) } : null
    chunks.push(chunk({ content: piece }, { logprobs }))
  }
  for (const piece of pieces(made.refusal, size)) chunks.push(chunk({ refusal: piece }))
  for (const [index, { id, name }] of made.calls.entries()) {
    chunks.push(chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }))
  }
  const waiting = made.calls.map((call) => pieces(call.arguments, size))
  while (waiting.some((rest) => rest.length > 0)) {
    for (const [index, rest] of waiting.entries()) {
      const piece = rest.shift()
      if (piece !== undefined) chunks.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }))
    }
  }
  chunks.push(chunk({}, { finish_reason: made.finishReason }))
  if (made.usage !== null) chunks.push({ ...chunk({}), choices: [], usage: made.usage })
  return chunks
}

export function chunk(delta: JsonObject, choice: JsonObject = {}): JsonObject {
  const choices = [{ index: 0, delta, finish_reason: null, ...choice }]
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'x', choices, usage: null }
}

/** Every event of a stream that ends properly. */
export function eventsOf(chunks: JsonObject[], request: JsonObject = {}): ResponsesEvent[] {
  const stream = createResponsesStream(request, info)
  return [...chunks.flatMap((each) => stream.push(each)), ...stream.end()]
}

export function wireBytes(events: readonly ResponsesEvent[]): Buffer {
  return Buffer.concat(events.map(encodeResponsesEvent))
}

function pieces(text: string, size: number): string[] {
  const points = [...text]
  const found: string[] = []
  for (let at = 0; at < points.length; at += size) found.push(points.slice(at, at + size).join(''))
  return found
}

function logprobOf(token: string): JsonObject {
  return { token, bytes: null, logprob: -0.5, top_logprobs: [{ token, bytes: [1], logprob: -0.5 }] }
}

const texts = fc.string({ unit: 'binary', maxLength: 30 })

/** Any answer a chat upstream can give in its usual order: reasoning, text, refusal, calls. */
export const answers: fc.Arbitrary<Answer> = fc.record({
  reasoning: fc.oneof(fc.constant(''), texts),
  text: texts,
  refusal: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, texts),
  calls: fc
    .array(fc.record({ name: fc.string({ minLength: 1, maxLength: 9 }), arguments: texts }), { maxLength: 4 })
    .map((calls) => calls.map((call, at) => ({ id: `call_${at}`, ...call }))),
  finishReason: fc.constantFrom('stop', 'tool_calls', 'length', 'content_filter'),
  usage: fc.constantFrom(null, usage),
  logprobs: fc.boolean(),
})
