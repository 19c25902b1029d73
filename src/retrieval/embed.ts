/** Vectors of texts, by any provider that serves embeddings: one call for a batch, unit length, in the order of the texts. */

import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { type CalledModel, callForJson } from './call.ts'

export type Embedder = CalledModel
/** `tokens` is null when the upstream did not say. Every vector has length 1. */
export type Embedded = { vectors: Float32Array[]; tokens: number | null }

const FLOAT_BYTES = 4
/** pgvector indexes this many for `vector`, twice as many for `halfvec`; more is another mistake. */
const MAX_DIMENSIONS = 4_000

/** Rejects with UpstreamError: what the provider says, or upstream_malformed for an answer without a vector a text. */
export async function embedTexts(
  embedder: Embedder,
  texts: readonly string[],
  requestId: string,
  signal: AbortSignal,
): Promise<Embedded> {
  const parsed: JsonObject = { model: embedder.model, input: [...texts], encoding_format: 'base64' }
  const answer = await callForJson(embedder, { operation: 'embeddings', parsed, requestId, signal })
  try {
    return readVectors(answer, texts.length)
  } catch (error) {
    const message = `Upstream "${embedder.upstream}" sent no embeddings that can be read for "${embedder.model}".`
    const detail = error instanceof Error ? error.message : String(error)
    throw new UpstreamError('upstream_malformed', message, { retryable: true, detail, cause: error })
  }
}

function readVectors(answer: JsonObject, count: number): Embedded {
  const data = Array.isArray(answer.data) ? answer.data : []
  const vectors: Float32Array[] = new Array(count)
  let dimensions: number | null = null
  for (const [at, row] of data.entries()) {
    if (!isJsonObject(row)) throw new RangeError(`data.${at} is no object.`)
    const index = typeof row.index === 'number' ? row.index : at
    const vector = unit(decode(row.embedding))
    dimensions ??= vector.length
    if (!(index >= 0 && index < count) || vector.length !== dimensions || dimensions > MAX_DIMENSIONS) {
      throw new RangeError(`data.${at} has ${vector.length} dimensions at place ${index}.`)
    }
    vectors[index] = vector
  }
  for (let at = 0; at < count; at += 1) {
    if (vectors[at] === undefined)
      throw new RangeError(`${count} texts were sent and text ${at} has no vector.`)
  }
  const usage = isJsonObject(answer.usage) ? answer.usage.prompt_tokens : null
  return { vectors, tokens: typeof usage === 'number' ? usage : null }
}

function decode(value: unknown): Float32Array {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64')
    const vector = new Float32Array(bytes.length / FLOAT_BYTES)
    for (let at = 0; at < vector.length; at += 1) vector[at] = bytes.readFloatLE(at * FLOAT_BYTES)
    return vector
  }
  if (Array.isArray(value)) return Float32Array.from(value, Number)
  throw new RangeError('A vector is neither base64 nor a list of numbers.')
}

/** Throws RangeError for a vector that has no direction: cosine means nothing for it. */
function unit(vector: Float32Array): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  const length = Math.sqrt(sum)
  if (!(length > 0) || !Number.isFinite(length)) throw new RangeError('A vector has no direction.')
  for (let at = 0; at < vector.length; at += 1) vector[at] = (vector[at] ?? 0) / length
  return vector
}

/** Cosine of two vectors of length 1. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

/** As pgvector reads it. */
export function vectorText(vector: Float32Array): string {
  return `[${vector.join(',')}]`
}
