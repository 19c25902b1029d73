/** Results of a worker -> OpenAI bodies and chunks. Pure. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import type { JobResult } from './protocol.ts'

/** Facts of one answer that every object repeats. `created` is seconds since the epoch. */
export type LocalAnswerInfo = {
  id: string
  created: number
  model: string
  operation: 'chat' | 'completions'
}
type TextResult = Extract<JobResult, { kind: 'text' }>
type EmbedResult = Extract<JobResult, { kind: 'embed' }>
type RerankResult = Extract<JobResult, { kind: 'rerank' }>

/** `data` in the input's order; base64 is little-endian float32. Fewer `dimensions` are scaled to length 1 again. */
export function embeddingsBody(
  result: EmbedResult,
  model: string,
  base64: boolean,
  dimensions: number | null,
): JsonObject {
  const width = dimensions ?? result.dimensions
  const count = result.dimensions === 0 ? 0 : result.vectors.length / result.dimensions
  const data = Array.from({ length: count }, (_, index) => {
    const row = result.vectors.subarray(index * result.dimensions, index * result.dimensions + width)
    const vector = width === result.dimensions ? row : unitVector(row)
    return { object: 'embedding', index, embedding: base64 ? toBase64(vector) : Array.from(vector) }
  })
  return { object: 'list', data, model, usage: { prompt_tokens: result.tokens, total_tokens: result.tokens } }
}

/** Best first. `method` says whether a cross-encoder (0 to 1) or the cosine of embeddings (-1 to 1) made the score. */
export function rerankBody(result: RerankResult, request: JsonObject, id: string, model: string): JsonObject {
  const documents = Array.isArray(request.documents) ? request.documents : []
  const top = typeof request.top_n === 'number' ? request.top_n : documents.length
  const order = result.scores.map((score, index) => ({ index, score }))
  order.sort((left, right) => right.score - left.score || left.index - right.index)
  const results = order.slice(0, top).map(({ index, score }) => {
    const document = documents[index]
    const shown = isJsonObject(document) ? document : { text: document }
    return {
      index,
      relevance_score: score,
      ...(request.return_documents === true ? { document: shown } : {}),
    }
  })
  return { id, object: 'list', model, method: result.method, results, usage: { total_tokens: result.tokens } }
}

export function textBody(result: TextResult, info: LocalAnswerInfo): JsonObject {
  const { id, created, model } = info
  const ending = { index: 0, finish_reason: result.finishReason, logprobs: null }
  const choice =
    info.operation === 'chat'
      ? { ...ending, message: { role: 'assistant', content: result.text, refusal: null } }
      : { ...ending, text: result.text }
  const object = info.operation === 'chat' ? 'chat.completion' : 'text_completion'
  return { id, object, created, model, choices: [choice], usage: usageOf(result) }
}

/** One chunk: the opening role (chat), a piece of text, or the end. */
export function textChunk(
  info: LocalAnswerInfo,
  part: { role: true } | { text: string } | { finishReason: string },
): JsonObject {
  const { id, created, model } = info
  const finish = 'finishReason' in part ? part.finishReason : null
  const text = 'text' in part ? part.text : ''
  if (info.operation === 'completions') {
    const choice = { index: 0, text, finish_reason: finish, logprobs: null }
    return { id, object: 'text_completion', created, model, choices: [choice] }
  }
  const opening = 'role' in part ? { role: 'assistant', content: '', refusal: null } : {}
  const delta = 'text' in part ? { content: text } : opening
  const choice = { index: 0, delta, finish_reason: finish, logprobs: null }
  return { id, object: 'chat.completion.chunk', created, model, choices: [choice] }
}

/** The chunk that `stream_options.include_usage` asks for: no choices, the whole usage. */
export function usageChunk(info: LocalAnswerInfo, result: TextResult): JsonObject {
  const object = info.operation === 'chat' ? 'chat.completion.chunk' : 'text_completion'
  return {
    id: info.id,
    object,
    created: info.created,
    model: info.model,
    choices: [],
    usage: usageOf(result),
  }
}

function usageOf({ promptTokens, completionTokens }: TextResult): JsonObject {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

function unitVector(row: Float32Array): Float32Array {
  const length = Math.hypot(...row) || 1
  return row.map((value) => value / length)
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, at) => {
    bytes.writeFloatLE(value, at * 4)
  })
  return bytes.toString('base64')
}
