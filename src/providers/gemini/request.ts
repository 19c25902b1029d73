/** An OpenAI chat request -> `generateContent` or `streamGenerateContent` (https://ai.google.dev/api/generate-content). */

import type { JsonObject } from '../../lib/json.ts'
import { readBoolean, readInteger, readNumber, unsupported, wrongValue } from '../chat/fields.ts'
import { readMessages } from '../chat/read-messages.ts'
import {
  readEffort,
  readMaxTokens,
  readResponseFormat,
  readStop,
  refuseUnknownFields,
  SCHEMA_PARAM,
} from '../chat/read-parameters.ts'
import { readTools } from '../chat/read-tools.ts'
import type { ProviderCall } from '../provider.ts'
import type { TranslatedRequest } from '../translation.ts'
import { toContents } from './contents.ts'
import { generationOf, modelPath } from './models.ts'
import { toGeminiSchema } from './schema.ts'
import { toThinkingConfig } from './thinking.ts'
import { toToolFields } from './tools.ts'

/** Fields that Gemini has and other translated dialects lack. */
const ALSO_READ = ['n', 'seed', 'presence_penalty', 'frequency_penalty', 'logprobs', 'top_logprobs'] as const

/** Limits of the API's reference page. */
const CANDIDATES_MAX = 8
const STOP_SEQUENCES_MAX = 5
const TOP_LOGPROBS_MAX = 20

/** Throws RequestError for whatever would mean something else at Gemini. */
export function toGenerateRequest(call: ProviderCall): TranslatedRequest {
  const { parsed, model } = call
  refuseUnknownFields(parsed, 'Gemini', ALSO_READ)
  const { systemInstruction, contents } = toContents(readMessages(parsed), generationOf(model) === 'level')
  const body: JsonObject = { contents }
  if (systemInstruction !== null) body.systemInstruction = systemInstruction
  const plan = readTools(parsed)
  Object.assign(body, toToolFields(plan))
  refuseFormatWithTools(model, parsed, plan.tools.length > 0)
  const generationConfig = toGenerationConfig(model, parsed)
  if (Object.keys(generationConfig).length > 0) body.generationConfig = generationConfig
  const verb = call.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'
  return { method: 'POST', path: modelPath(model, verb), body }
}

function toGenerationConfig(model: string, parsed: JsonObject): JsonObject {
  const stop = readStop(parsed, STOP_SEQUENCES_MAX)
  const asked: JsonObject = {
    temperature: readNumber(parsed, 'temperature', 0, 2),
    topP: readNumber(parsed, 'top_p', 0, 1),
    topK: readInteger(parsed, 'top_k', 1, 1_000_000),
    maxOutputTokens: readMaxTokens(parsed),
    stopSequences: stop.length === 0 ? null : stop,
    candidateCount: readInteger(parsed, 'n', 1, CANDIDATES_MAX),
    seed: readInteger(parsed, 'seed', -2_147_483_648, 2_147_483_647),
    presencePenalty: readNumber(parsed, 'presence_penalty', -2, 2),
    frequencyPenalty: readNumber(parsed, 'frequency_penalty', -2, 2),
    thinkingConfig: toThinkingConfig(model, readEffort(parsed)),
    ...toLogprobs(parsed),
    ...toFormat(parsed),
  }
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== null))
}

function toLogprobs(parsed: JsonObject): JsonObject {
  const wanted = readBoolean(parsed, 'logprobs') ?? false
  const top = readInteger(parsed, 'top_logprobs', 0, TOP_LOGPROBS_MAX) ?? 0
  if (!wanted) {
    if (top > 0) throw wrongValue('top_logprobs', 'top_logprobs needs logprobs: true.')
    return {}
  }
  return top === 0 ? { responseLogprobs: true } : { responseLogprobs: true, logprobs: top }
}

/** Before Gemini 3, functions and JSON answers exclude each other (https://ai.google.dev/gemini-api/docs/structured-output). */
function refuseFormatWithTools(model: string, parsed: JsonObject, hasTools: boolean): void {
  if (!hasTools || generationOf(model) === 'level' || readResponseFormat(parsed).kind === 'text') return
  throw unsupported(
    'response_format',
    `${model} cannot combine tools with a JSON answer; leave one of them out.`,
  )
}

function toFormat(parsed: JsonObject): JsonObject {
  const format = readResponseFormat(parsed)
  if (format.kind === 'text') return {}
  if (format.kind === 'json-object') return { responseMimeType: 'application/json' }
  return {
    responseMimeType: 'application/json',
    responseJsonSchema: toGeminiSchema(format.schema, format.strict, SCHEMA_PARAM),
  }
}
