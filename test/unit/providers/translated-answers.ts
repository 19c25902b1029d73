/** What every test of a translation needs: fixtures, a stream run through the real parser, and the shapes a strict client parses. */

import { readFileSync } from 'node:fs'
import type OpenAI from 'openai'
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream'
import { z } from 'zod'
import type { JsonObject } from '../../../src/lib/json.ts'
import { SseParser } from '../../../src/lib/sse.ts'
import type { ProviderCall } from '../../../src/providers/provider.ts'
import type { AnswerInfo, Translation } from '../../../src/providers/translation.ts'

export const info: AnswerInfo = {
  id: 'chatcmpl-abc123',
  created: 1_790_000_000,
  model: 'some-model',
  includeUsage: true,
}

export function fixtures(vendor: 'anthropic' | 'gemini') {
  const bytes = (name: string) => readFileSync(new URL(`../../fixtures/${vendor}/${name}`, import.meta.url))
  return { bytes, json: (name: string) => JSON.parse(bytes(name).toString('utf8')) as JsonObject }
}

export function chatCall(model: string, parsed: JsonObject, stream = false): ProviderCall {
  return {
    operation: 'chat',
    model,
    parsed: { model, messages: [{ role: 'user', content: 'Hi' }], ...parsed },
    body: Buffer.from(''),
    stream,
    includeUsage: true,
    requestId: 'req_1',
    timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 },
  }
}

/** All chunks of a stream, its bytes pushed in pieces of `pieceBytes`. */
export function translateStream(
  translation: Translation,
  bytes: Buffer,
  { pieceBytes = bytes.length, answer = info }: { pieceBytes?: number; answer?: AnswerInfo } = {},
): JsonObject[] {
  const parser = new SseParser(10_000_000)
  const translator = translation.stream(answer)
  const chunks: JsonObject[] = []
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const event of parser.push(bytes.subarray(at, at + pieceBytes)))
      chunks.push(...translator.push(event))
  }
  return [...chunks, ...translator.end()]
}

const logprob = z.strictObject({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()) })
const logprobs = z
  .strictObject({
    content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })),
    refusal: z.null(),
  })
  .nullable()
const finishReason = z.enum(['stop', 'length', 'tool_calls', 'content_filter'])
const count = z.int().nonnegative()
const usage = z
  .strictObject({
    prompt_tokens: count,
    completion_tokens: count,
    total_tokens: count,
    prompt_tokens_details: z
      .strictObject({ cached_tokens: count.optional(), cache_write_tokens: count.optional() })
      .optional(),
    completion_tokens_details: z.strictObject({ reasoning_tokens: count.optional() }).optional(),
  })
  .refine((u) => u.total_tokens === u.prompt_tokens + u.completion_tokens, 'total is the sum')
  .refine((u) => {
    const details = u.prompt_tokens_details ?? {}
    return (details.cached_tokens ?? 0) + (details.cache_write_tokens ?? 0) <= u.prompt_tokens
  }, 'cache is a part of the prompt')
  .refine(
    (u) => (u.completion_tokens_details?.reasoning_tokens ?? 0) <= u.completion_tokens,
    'reasoning is a part',
  )
const extra = { extra_content: z.record(z.string(), z.unknown()).optional() }
const call = z.strictObject({
  id: z.string().min(1).max(40),
  type: z.literal('function'),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
  ...extra,
})
const frame = { id: z.string().min(1), created: z.int(), model: z.string().min(1) }
const thinking = {
  reasoning_content: z.string().optional(),
  thinking_blocks: z.array(z.unknown()).optional(),
}

const completionShape = z.strictObject({
  ...frame,
  object: z.literal('chat.completion'),
  choices: z
    .array(
      z.strictObject({
        index: z.int(),
        finish_reason: finishReason,
        logprobs,
        message: z.strictObject({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.string().nullable(),
          tool_calls: z.array(call).min(1).optional(),
          ...thinking,
        }),
      }),
    )
    .min(1),
  usage: usage.optional(),
})

const chunkShape = z.strictObject({
  ...frame,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      finish_reason: finishReason.nullable(),
      logprobs,
      delta: z.strictObject({
        role: z.literal('assistant').optional(),
        content: z.string().optional(),
        refusal: z.string().nullable().optional(),
        tool_calls: z
          .array(
            z.strictObject({
              index: z.int(),
              id: z.string().min(1).max(40).optional(),
              type: z.literal('function').optional(),
              function: z.strictObject({ name: z.string().min(1).optional(), arguments: z.string() }),
              ...extra,
            }),
          )
          .length(1)
          .optional(),
        ...thinking,
      }),
    }),
  ),
  usage: usage.nullable().optional(),
})

/** Holds an answer to every field a strict client parses. The return types are the `openai` package's own. */
export function asCompletion(value: JsonObject): OpenAI.ChatCompletion {
  return completionShape.parse(value) as z.infer<typeof completionShape> & OpenAI.ChatCompletion
}

function asChunk(value: JsonObject): OpenAI.ChatCompletionChunk {
  return chunkShape.parse(value) as z.infer<typeof chunkShape> & OpenAI.ChatCompletionChunk
}

type Choice = {
  message: Record<string, unknown> & { content: string | null; refusal: string | null }
  finish: string | null
  logprobs: JsonObject | null
  calls: { id: string; name: string; arguments: string; extra: unknown }[]
}

/** Puts a stream together as a careful client would. Checks the order of things on the way. */
export function reassemble(chunks: readonly JsonObject[]): JsonObject {
  const choices = new Map<number, Choice>()
  let usageSeen: unknown
  for (const raw of chunks) {
    const chunk = asChunk(raw) as unknown as z.infer<typeof chunkShape>
    if (usageSeen !== undefined) throw new Error('A chunk came after the usage chunk.')
    if (chunk.choices.length === 0) usageSeen = chunk.usage
    for (const { index, delta, finish_reason: finish, logprobs: odds } of chunk.choices) {
      let choice = choices.get(index)
      if (choice === undefined) {
        if (delta.role !== 'assistant') throw new Error('The first chunk of a choice has no role.')
        choice = {
          message: { role: 'assistant', content: '', refusal: null },
          finish: null,
          logprobs: null,
          calls: [],
        }
        choices.set(index, choice)
      }
      if (choice.finish !== null) throw new Error('A chunk came after the finish of its choice.')
      choice.finish = finish
      if (odds !== null) choice.logprobs = odds as JsonObject
      grow(choice, delta)
    }
  }
  const first = asChunk(chunks[0] ?? {})
  const built: JsonObject = {
    id: first.id,
    object: 'chat.completion',
    created: first.created,
    model: first.model,
    choices: [...choices].sort(([a], [b]) => a - b).map(([index, choice]) => finishChoice(index, choice)),
  }
  if (usageSeen !== undefined) built.usage = usageSeen as JsonObject
  return built
}

function grow(choice: Choice, delta: z.infer<typeof chunkShape>['choices'][number]['delta']): void {
  choice.message.content += delta.content ?? ''
  if (delta.refusal) choice.message.refusal = (choice.message.refusal ?? '') + delta.refusal
  if (delta.reasoning_content !== undefined) {
    choice.message.reasoning_content =
      String(choice.message.reasoning_content ?? '') + delta.reasoning_content
  }
  if (delta.thinking_blocks !== undefined) {
    choice.message.thinking_blocks = [
      ...((choice.message.thinking_blocks as unknown[]) ?? []),
      ...delta.thinking_blocks,
    ]
  }
  for (const part of delta.tool_calls ?? []) {
    const known = choice.calls[part.index]
    if (known === undefined) {
      if (part.index !== choice.calls.length || !part.id || !part.function.name)
        throw new Error('A call began badly.')
      choice.calls.push({
        id: part.id,
        name: part.function.name,
        arguments: part.function.arguments,
        extra: part.extra_content,
      })
    } else {
      if (part.id !== undefined) throw new Error('A call was named twice.')
      known.arguments += part.function.arguments
    }
  }
}

function finishChoice(index: number, choice: Choice): JsonObject {
  const { message, calls } = choice
  if (message.content === '' && (calls.length > 0 || message.refusal !== null)) message.content = null
  if (calls.length > 0) {
    message.tool_calls = calls.map((made) => ({
      id: made.id,
      type: 'function',
      function: { name: made.name, arguments: made.arguments },
      ...(made.extra === undefined ? {} : { extra_content: made.extra }),
    }))
  }
  return { index, message: message as JsonObject, logprobs: choice.logprobs, finish_reason: choice.finish }
}

/** The same chunks through the `openai` package's own assembly, which throws for what it cannot use. */
export async function assembleWithOpenAI(chunks: readonly JsonObject[]): Promise<OpenAI.ChatCompletion> {
  const lines = chunks.map((chunk) => new TextEncoder().encode(`${JSON.stringify(chunk)}\n`))
  return ChatCompletionStream.fromReadableStream(ReadableStream.from(lines)).finalChatCompletion()
}

/** Bytes of a stream up to and including its nth event, for every n but the last. */
export function cutStreams(bytes: Buffer): Buffer[] {
  const text = bytes.toString('utf8')
  const ends = [...text.matchAll(/\r?\n\r?\n/g)].map((match) => match.index + match[0].length)
  return ends.slice(0, -1).map((end) => Buffer.from(text.slice(0, end)))
}
