/**
 * What an OpenAI-compatible server says on its endpoints that do not generate: embeddings, moderations, rerank, models.
 * Pure, as openai-wire.ts.
 */
import { CREATED, type Json, words } from './openai-wire-shared.ts'

/**
 * The vector of one input: a function of its text alone, unit length, exact in float32,
 * so that a test can say which input a vector came from.
 */
export function embeddingOf(input: unknown, dimensions: number): Float32Array {
  let seed = 2_166_136_261
  for (const byte of Buffer.from(typeof input === 'string' ? input : JSON.stringify(input))) {
    seed = Math.imul(seed ^ byte, 16_777_619) >>> 0
  }
  const vector = new Float32Array(dimensions)
  let norm = 0
  for (let at = 0; at < dimensions; at += 1) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const value = seed / 2 ** 31 - 1
    vector[at] = value
    norm += value * value
  }
  return vector.map((value) => value / Math.sqrt(norm))
}

/** POST /embeddings: string, batch, token array or batch of token arrays; float or base64. */
export function embeddingsAnswer(body: Json): Json {
  const input = body.input
  const isBatch = Array.isArray(input) && typeof input[0] !== 'number'
  const inputs: unknown[] = isBatch ? (input as unknown[]) : [input]
  const dimensions = typeof body.dimensions === 'number' ? body.dimensions : 8
  const data = inputs.map((item, index) => {
    const vector = embeddingOf(item, dimensions)
    const embedding =
      body.encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  const promptTokens = inputs.reduce<number>(
    (sum, item) => sum + (typeof item === 'string' ? words(item).length : (item as number[]).length),
    0,
  )
  return {
    object: 'list',
    data,
    model: body.model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  }
}

/** POST /moderations: flags what contains "bad". */
export function moderationsAnswer(body: Json, serial: number): Json {
  const inputs = Array.isArray(body.input) ? body.input : [body.input]
  const results = inputs.map((input) => {
    const flagged = JSON.stringify(input).includes('bad')
    return { flagged, categories: { violence: flagged }, category_scores: { violence: flagged ? 0.9 : 0.01 } }
  })
  return { id: `modr-up${serial}`, model: body.model ?? 'omni-moderation-latest', results }
}

/** POST /rerank (Cohere's shape): score = share of the query's words found in the document. */
export function rerankAnswer(body: Json, serial: number): Json {
  const query = String(body.query).toLowerCase().split(/\s+/)
  const documents = (body.documents as unknown[]).map((item) =>
    typeof item === 'string' ? item : JSON.stringify(item),
  )
  const results = documents
    .map((text, index) => {
      const found = query.filter((word) => text.toLowerCase().includes(word)).length
      return { index, relevance_score: found / query.length }
    })
    .sort((left, right) => right.relevance_score - left.relevance_score || left.index - right.index)
    .slice(0, typeof body.top_n === 'number' ? body.top_n : documents.length)
  return {
    id: `rerank-up${serial}`,
    model: body.model,
    results,
    meta: { billed_units: { search_units: 1 } },
  }
}

/** GET /models and GET /models/{id}. */
export function modelsAnswer(names: readonly string[]): Json {
  return { object: 'list', data: names.map(modelAnswer) }
}

export function modelAnswer(id: string): Json {
  return { id, object: 'model', created: CREATED, owned_by: 'upstream' }
}
