/**
 * OpenAI embeddings <-> Gemini `embedContent` and `batchEmbedContents` (https://ai.google.dev/api/embeddings). Gemini
 * often counts no tokens here; then `usage` is null, never 0.
 */

import type { JsonObject } from '../../lib/json.ts'
import { missing, readInteger, readString, unsupported, wrongType, wrongValue } from '../chat/fields.ts'
import { countOf, malformed, objectOf, objectsOf } from '../chat/upstream-json.ts'
import type { ProviderCall } from '../provider.ts'
import type { AnswerInfo, TranslatedRequest } from '../translation.ts'
import { toUpstreamError } from './errors.ts'
import { modelPath, resourceName } from './models.ts'

/** The API refuses larger batches. */
const BATCH_MAX = 100

const FIELDS = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user'])

/** One text goes to `embedContent`, a list to `batchEmbedContents`. Throws RequestError, also for token arrays. */
export function toEmbedRequest(call: ProviderCall): TranslatedRequest {
  const { parsed, model } = call
  for (const [name, value] of Object.entries(parsed)) {
    if (value !== null && value !== undefined && !FIELDS.has(name)) {
      throw unsupported(name, `Gemini embeddings have nothing like ${name}; leave it out.`)
    }
  }
  const format = readString(parsed, 'encoding_format') ?? 'float'
  if (format !== 'float' && format !== 'base64') {
    throw wrongValue('encoding_format', `encoding_format is "${format}"; use float or base64.`)
  }
  const dimensions = readInteger(parsed, 'dimensions', 1, 65_536)
  const input = readInput(parsed)
  const toEmbed = (text: string): JsonObject => ({
    model: resourceName(model),
    content: { parts: [{ text }] },
    ...(dimensions === null ? {} : { outputDimensionality: dimensions }),
  })
  if (typeof input === 'string') {
    return { method: 'POST', path: modelPath(model, 'embedContent'), body: toEmbed(input) }
  }
  return {
    method: 'POST',
    path: modelPath(model, 'batchEmbedContents'),
    body: { requests: input.map(toEmbed) },
  }
}

function readInput(parsed: JsonObject): string | string[] {
  const input = parsed.input
  if (input === undefined || input === null) throw missing('input')
  if (typeof input === 'string') return input
  if (!Array.isArray(input)) throw wrongType('input', 'a string or an array of strings', input)
  if (input.length === 0 || input.length > BATCH_MAX) {
    throw wrongValue(
      'input',
      `input holds ${input.length} texts; this upstream takes 1 to ${BATCH_MAX} a request.`,
    )
  }
  return input.map((text, at) => {
    if (typeof text === 'number' || Array.isArray(text)) {
      throw unsupported('input', 'Gemini takes no token arrays; send the text itself.')
    }
    if (typeof text !== 'string') throw wrongType(`input[${at}]`, 'a string', text)
    return text
  })
}

/** `{embedding:{values}}` or `{embeddings:[{values}]}` -> the OpenAI list, in order, in the encoding the caller asked for. */
export function toEmbeddingList(body: JsonObject, info: AnswerInfo): JsonObject {
  if (body.error !== undefined) throw toUpstreamError(body)
  const embeddings = body.embedding === undefined ? objectsOf(body.embeddings) : [objectOf(body.embedding)]
  if (embeddings.length === 0)
    throw malformed('The upstream answered without embeddings.', JSON.stringify(body))
  const data = embeddings.map((embedding, index) => {
    const values = readValues(embedding)
    return {
      object: 'embedding',
      index,
      embedding: info.embeddingFormat === 'base64' ? toBase64(values) : values,
    }
  })
  const prompt = countOf(objectOf(body.usageMetadata).promptTokenCount)
  const usage = prompt === null ? null : { prompt_tokens: prompt, total_tokens: prompt }
  return { object: 'list', data, model: info.model, usage }
}

function readValues(embedding: JsonObject): number[] {
  const values = embedding.values
  if (!Array.isArray(values) || values.length === 0)
    throw malformed('The upstream sent an empty embedding.', '')
  return values.map((value) => {
    if (typeof value !== 'number') throw malformed('The upstream sent an embedding that is not numbers.', '')
    return value
  })
}

/** OpenAI's base64 form: the values as little-endian 32-bit floats. */
function toBase64(values: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(values.length * 4)
  for (const [at, value] of values.entries()) bytes.writeFloatLE(value, at * 4)
  return bytes.toString('base64')
}
