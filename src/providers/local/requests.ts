/** OpenAI request bodies -> jobs for a worker. Pure; everything a local model cannot do is refused by name. */

import { RequestError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import type { Operation } from '../provider.ts'
import type { ChatTurn, GenerateJob, Job, LocalModel } from './protocol.ts'

/** OpenAI's own limit of one embeddings call. */
const MAX_INPUTS = 2048
const MAX_DOCUMENTS = 1000
/** Characters of all texts of one call together; a worker needs some seconds for so much. */
const MAX_TEXT_LENGTH = 4_000_000
const MAX_MESSAGES = 1000

/** The job of a call. Throws RequestError with `param`. */
export function readJob(operation: Operation, body: JsonObject, model: LocalModel, isReader: boolean): Job {
  if (operation === 'embeddings') return readEmbeddings(body, model)
  if (operation === 'rerank') return readRerank(body)
  refuseUnsupported(body)
  if (operation === 'completions') return readCompletion(body, isReader)
  const messages = readTurns(body.messages)
  if (isReader) return { kind: 'read', messages }
  const maxTokens = integer(body.max_completion_tokens ?? body.max_tokens, 'max_tokens', 1, 1_000_000)
  return { ...readSampling(body), prompt: { messages }, maxTokens }
}

function readEmbeddings(body: JsonObject, model: LocalModel): Job {
  const { input } = body
  if (input === undefined || input === null) throw missing('input')
  const inputs = isTokens(input) || !Array.isArray(input) ? [input] : input
  if (inputs.length === 0 || inputs.length > MAX_INPUTS) {
    throw invalid('input', `has ${inputs.length} texts; send 1 to ${MAX_INPUTS} in one call.`)
  }
  const texts = inputs.map((value, at) => {
    if (typeof value === 'string' || isTokens(value)) return value
    throw new RequestError('invalid_type', 'An input is a text or an array of token ids.', {
      param: `input.${at}`,
    })
  })
  boundText(
    texts.reduce((sum, text) => sum + text.length, 0),
    'input',
  )
  if (
    body.encoding_format !== undefined &&
    body.encoding_format !== 'float' &&
    body.encoding_format !== 'base64'
  ) {
    throw invalid('encoding_format', 'must be "float" or "base64".')
  }
  readDimensions(body, model)
  return { kind: 'embed', inputs: texts }
}

/** Columns to keep, or null for all. Throws when the model's first columns alone are not a usable vector. */
export function readDimensions(body: JsonObject, model: LocalModel): number | null {
  const dimensions = integer(body.dimensions, 'dimensions', 1, model.dimensions)
  if (dimensions === null || dimensions === model.dimensions || model.truncatable) return dimensions
  const message = `"${model.name}" always gives ${model.dimensions} dimensions: leave "dimensions" out.`
  throw new RequestError('unsupported_parameter', message, { param: 'dimensions' })
}

function readRerank(body: JsonObject): Job {
  const { query, documents } = body
  if (typeof query !== 'string') throw query === undefined ? missing('query') : wrongType('query', 'a text')
  if (!Array.isArray(documents))
    throw documents === undefined ? missing('documents') : wrongType('documents', 'a list')
  if (documents.length === 0 || documents.length > MAX_DOCUMENTS) {
    throw invalid('documents', `has ${documents.length} entries; send 1 to ${MAX_DOCUMENTS} in one call.`)
  }
  integer(body.top_n, 'top_n', 1, 1_000_000)
  const texts = documents.map((document, at) => {
    const text = isJsonObject(document) ? document.text : document
    if (typeof text === 'string') return text
    throw wrongType(`documents.${at}`, 'a text, or an object with a "text"')
  })
  boundText(query.length + texts.reduce((sum, text) => sum + text.length, 0), 'documents')
  return { kind: 'rerank', query, documents: texts }
}

function readCompletion(body: JsonObject, isReader: boolean): Job {
  const { prompt } = body
  if (prompt === undefined || prompt === null) throw missing('prompt')
  const text = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt
  if (typeof text !== 'string') throw wrongType('prompt', 'one text')
  boundText(text.length, 'prompt')
  if (isReader) return { kind: 'read', messages: [{ role: 'user', content: text }] }
  const maxTokens = integer(body.max_tokens, 'max_tokens', 1, 1_000_000)
  // OpenAI's default for this older operation.
  return { ...readSampling(body), prompt: { text }, maxTokens: maxTokens ?? 16 }
}

/** Without a temperature the likeliest token is taken: a small model wanders off otherwise, and answers repeat. */
function readSampling(body: JsonObject): Omit<GenerateJob, 'prompt' | 'maxTokens'> {
  return {
    kind: 'generate',
    temperature: number(body.temperature, 'temperature', 0, 2) ?? 0,
    topP: number(body.top_p, 'top_p', 0, 1) ?? 1,
    seed: integer(body.seed, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0,
    stop: readStops(body.stop),
  }
}

function readStops(stop: JsonValue | undefined): string[] {
  if (stop === undefined || stop === null) return []
  const stops = Array.isArray(stop) ? stop : [stop]
  if (stops.length > 4) throw invalid('stop', 'holds more than 4 texts.')
  return stops.map((value) => {
    if (typeof value === 'string' && value.length <= 1000) return value
    throw wrongType('stop', 'a text of at most 1000 characters, or a list of such texts')
  })
}

function readTurns(messages: JsonValue | undefined): ChatTurn[] {
  if (messages === undefined || messages === null) throw missing('messages')
  if (!Array.isArray(messages)) throw wrongType('messages', 'a list')
  if (messages.length === 0 || messages.length > MAX_MESSAGES) {
    throw invalid('messages', `has ${messages.length} entries; send 1 to ${MAX_MESSAGES}.`)
  }
  const turns = messages.map((message, at) => readTurn(message, `messages.${at}`))
  boundText(
    turns.reduce((sum, turn) => sum + turn.content.length, 0),
    'messages',
  )
  return turns
}

function readTurn(message: JsonValue, path: string): ChatTurn {
  if (!isJsonObject(message) || typeof message.role !== 'string')
    throw wrongType(path, 'an object with a "role"')
  const role = message.role === 'developer' ? 'system' : message.role
  const { content } = message
  if (typeof content === 'string') return { role, content }
  if (content === null || content === undefined) return { role, content: '' }
  if (!Array.isArray(content)) throw wrongType(`${path}.content`, 'a text or a list of parts')
  const parts = content.map((part, at) => {
    if (isJsonObject(part) && typeof part.text === 'string') return part.text
    throw unsupported(`${path}.content.${at}`, 'Local models read text parts only.')
  })
  return { role, content: parts.join('\n') }
}

/** Fields whose silent loss would change the answer's shape or meaning. */
function refuseUnsupported(body: JsonObject): void {
  const isSet = (value: JsonValue | undefined) =>
    value !== undefined && value !== null && value !== false && value !== 0
  const hasEntries = (value: JsonValue | undefined) => isSet(value) && Object.keys(value as object).length > 0
  const asked: Record<string, boolean> = {
    tools: hasEntries(body.tools),
    functions: hasEntries(body.functions),
    tool_choice: isSet(body.tool_choice) && body.tool_choice !== 'none' && body.tool_choice !== 'auto',
    response_format: isJsonObject(body.response_format) && body.response_format.type !== 'text',
    logprobs: isSet(body.logprobs),
    top_logprobs: isSet(body.top_logprobs),
    logit_bias: hasEntries(body.logit_bias),
    n: isSet(body.n) && body.n !== 1,
    best_of: isSet(body.best_of) && body.best_of !== 1,
    echo: isSet(body.echo),
    suffix: isSet(body.suffix) && body.suffix !== '',
    presence_penalty: isSet(body.presence_penalty),
    frequency_penalty: isSet(body.frequency_penalty),
    audio: isSet(body.audio),
  }
  const found = Object.keys(asked).find((name) => asked[name])
  if (found !== undefined) throw unsupported(found, `Local models do not support "${found}": leave it out.`)
}

function isTokens(value: JsonValue): value is number[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((id) => Number.isInteger(id) && Number(id) >= 0)
  )
}

function integer(value: JsonValue | undefined, param: string, least: number, most: number): number | null {
  const found = number(value, param, least, most)
  if (found !== null && !Number.isInteger(found)) throw wrongType(param, 'a whole number')
  return found
}

function number(value: JsonValue | undefined, param: string, least: number, most: number): number | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'number') throw wrongType(param, 'a number')
  if (value < least || value > most) throw invalid(param, `is ${value}; it must be from ${least} to ${most}.`)
  return value
}

function boundText(length: number, param: string): void {
  if (length > MAX_TEXT_LENGTH) {
    throw invalid(param, `holds ${length} characters; local models take ${MAX_TEXT_LENGTH} in one call.`)
  }
}

function missing(param: string): RequestError {
  return new RequestError('missing_required_parameter', `"${param}" is missing.`, { param })
}

function wrongType(param: string, wanted: string): RequestError {
  return new RequestError('invalid_type', `"${param}" must be ${wanted}.`, { param })
}

function invalid(param: string, problem: string): RequestError {
  return new RequestError('invalid_value', `"${param}" ${problem}`, { param })
}

function unsupported(param: string, message: string): RequestError {
  return new RequestError('unsupported_parameter', message, { param })
}
