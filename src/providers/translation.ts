/**
 * A dialect that is not OpenAI's, as pure functions: request out, response in, stream events in. The shared
 * transport (`translated.ts`) does the network; nothing in a translation touches it, the clock or randomness.
 */

import type { JsonObject } from '../lib/json.ts'
import type { SseEvent } from '../lib/sse.ts'
import type { Operation, ProviderCall, UpstreamModel } from './provider.ts'

/** Fixed facts of one answer; the translation copies them into every OpenAI object it makes. */
export type AnswerInfo = {
  /** `chatcmpl-…` or the like. */
  id: string
  /** Seconds since the epoch. */
  created: number
  /** The model name to show, the upstream's own id. */
  model: string
  includeUsage: boolean
  /** How many answers the request asked for. Absent means 1. */
  choices?: number | undefined
  /** For embeddings: the request's `encoding_format`. Absent means `float`, as on OpenAI's wire. */
  embeddingFormat?: 'float' | 'base64' | undefined
}

export type TranslatedRequest = { method: 'POST'; path: string; body: JsonObject }

/** One streamed answer being translated. Keeps its own state; bounded by what the upstream sends. */
export type StreamTranslator = {
  /**
   * One upstream SSE event -> zero or more OpenAI chunk objects, in order.
   * Throws UpstreamError for an error event or for an event that makes no sense.
   */
  push(event: SseEvent): JsonObject[]
  /**
   * What was seen so far of the answer's end. `certain`: the dialect's last event, nothing can follow. `likely`:
   * everything that was asked for says that it is finished, but the dialect has no event that says so of the whole.
   */
  readonly ending: 'none' | 'likely' | 'certain'
  /**
   * The upstream closed the connection, or need not be waited for. Returns the last chunks (usage, when asked for).
   * Throws UpstreamError('upstream_cut') when the stream had not reached its proper end.
   */
  end(): JsonObject[]
}

export type Translation = {
  supports(operation: Operation): boolean
  /** Throws RequestError('unsupported_parameter' | 'invalid_value' …, with `param`) for what the upstream cannot do. */
  request(call: ProviderCall): TranslatedRequest
  /** A successful, complete response body -> the OpenAI object. Throws UpstreamError('upstream_malformed'). */
  response(operation: Operation, body: JsonObject, info: AnswerInfo): JsonObject
  stream(info: AnswerInfo): StreamTranslator
  /** Path of the model list and how to read it. */
  modelsPath: string
  models(body: JsonObject): UpstreamModel[]
  /** Authentication and version headers for a credential. */
  headers(credential: string): Record<string, string>
}
