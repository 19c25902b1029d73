/**
 * OpenAI chat completions <-> Anthropic Messages, as a `Translation`. Pure; embeddings and the other operations do
 * not exist at Anthropic and are refused.
 *
 * Ignored on purpose (see `chat/read-parameters.ts`): metadata, store, service_tier, prediction, prompt_cache_*, seed,
 * image `detail`, message `name`. Everything else that Claude lacks is refused by name.
 */

import { RequestError } from '../../errors.ts'
import type { Translation } from '../translation.ts'
import { readModels } from './models.ts'
import { toMessagesRequest } from './request.ts'
import { toCompletion } from './response.ts'
import { AnthropicStream } from './stream.ts'

/** https://platform.claude.com/docs/en/api/versioning */
const API_VERSION = '2023-06-01'

export const anthropicTranslation: Translation = {
  supports(operation) {
    return operation === 'chat'
  },
  request(call) {
    if (call.operation !== 'chat') {
      throw new RequestError(
        'unsupported_operation',
        `Anthropic serves chat/completions only, not ${call.operation}.`,
      )
    }
    return toMessagesRequest(call)
  },
  response(_operation, body, info) {
    return toCompletion(body, info)
  },
  stream(info) {
    return new AnthropicStream(info)
  },
  modelsPath: '/v1/models?limit=1000',
  models: readModels,
  headers(credential) {
    return { 'x-api-key': credential, 'anthropic-version': API_VERSION }
  },
}
