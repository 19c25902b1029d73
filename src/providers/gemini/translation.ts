/**
 * OpenAI chat completions and embeddings <-> the Gemini API, as a `Translation`. Pure.
 *
 * Ignored on purpose (see `chat/read-parameters.ts`): metadata, store, service_tier, prediction, prompt_cache_*, user,
 * safety_identifier, image `detail`, message `name`, `cache_control`. Everything else that Gemini lacks is refused by name.
 */

import { RequestError } from '../../errors.ts'
import type { Translation } from '../translation.ts'
import { toEmbeddingList, toEmbedRequest } from './embeddings.ts'
import { readModels } from './models.ts'
import { toGenerateRequest } from './request.ts'
import { toCompletion } from './response.ts'
import { GeminiStream } from './stream.ts'

export const geminiTranslation: Translation = {
  supports(operation) {
    return operation === 'chat' || operation === 'embeddings'
  },
  request(call) {
    if (call.operation === 'chat') return toGenerateRequest(call)
    if (call.operation === 'embeddings') return toEmbedRequest(call)
    throw new RequestError(
      'unsupported_operation',
      `Gemini serves chat and embeddings only, not ${call.operation}.`,
    )
  },
  response(operation, body, info) {
    return operation === 'embeddings' ? toEmbeddingList(body, info) : toCompletion(body, info)
  },
  stream(info) {
    return new GeminiStream(info)
  },
  modelsPath: '/v1beta/models?pageSize=1000',
  models: readModels,
  headers(credential) {
    return { 'x-goog-api-key': credential }
  },
}
