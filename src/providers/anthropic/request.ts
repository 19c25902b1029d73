/** An OpenAI chat request -> the body of `POST /v1/messages` (https://platform.claude.com/docs/en/api/messages). */

import type { JsonObject } from '../../lib/json.ts'
import { readInteger, readNumber, readString } from '../chat/fields.ts'
import { readMessages } from '../chat/read-messages.ts'
import { readEffort, readResponseFormat, readStop, refuseUnknownFields } from '../chat/read-parameters.ts'
import { readTools } from '../chat/read-tools.ts'
import type { ProviderCall } from '../provider.ts'
import type { TranslatedRequest } from '../translation.ts'
import { toAnswerTool, toOutputFormat } from './answer-format.ts'
import { mayThink, toConversation } from './messages.ts'
import { hasStructuredOutputs } from './models.ts'
import { planReasoning, refuseWhileThinking } from './reasoning.ts'
import { toToolFields } from './tools.ts'

/** The API names no limit; OpenAI's wire allows 4, compatible clients send a few more. */
const STOP_SEQUENCES_MAX = 16

/** Throws RequestError for whatever would mean something else at Anthropic. */
export function toMessagesRequest(call: ProviderCall): TranslatedRequest {
  const { parsed, model } = call
  refuseUnknownFields(parsed, 'Claude', [])
  const messages = readMessages(parsed)
  const plan = readTools(parsed)
  const format = readResponseFormat(parsed)
  const reasoning = planReasoning(model, parsed, readEffort(parsed), mayThink(messages))
  if (reasoning.thinks) refuseWhileThinking(parsed, plan.choice)
  const conversation = toConversation(messages, reasoning.thinks)

  const body: JsonObject = { model, max_tokens: reasoning.maxTokens, messages: conversation.messages }
  if (conversation.system.length > 0) body.system = conversation.system
  Object.assign(body, toToolFields(plan, hasStructuredOutputs(model)))
  Object.assign(body, toAnswerTool(format, plan.tools.length > 0, reasoning.thinks))
  Object.assign(body, toSampling(parsed))
  if (reasoning.thinking !== null) body.thinking = reasoning.thinking
  const outputFormat = toOutputFormat(model, format)
  const outputConfig: JsonObject = {}
  if (reasoning.effort !== null) outputConfig.effort = reasoning.effort
  if (outputFormat !== null) outputConfig.format = outputFormat
  if (Object.keys(outputConfig).length > 0) body.output_config = outputConfig
  const user = readString(parsed, 'user') ?? readString(parsed, 'safety_identifier')
  if (user !== null) body.metadata = { user_id: user }
  if (call.stream) body.stream = true
  return { method: 'POST', path: '/v1/messages', body }
}

/**
 * Temperature ends at 1 here and at 2 on OpenAI's wire; clamping would change the answer unseen, so more is refused.
 * A temperature or top_p of 1 is the default of both and is left out: newer models take neither, or not both.
 */
function toSampling(parsed: JsonObject): JsonObject {
  const sampling: JsonObject = {}
  const temperature = readNumber(parsed, 'temperature', 0, 1)
  if (temperature !== null && temperature !== 1) sampling.temperature = temperature
  const topP = readNumber(parsed, 'top_p', 0, 1)
  if (topP !== null && topP !== 1) sampling.top_p = topP
  const topK = readInteger(parsed, 'top_k', 1, 1_000_000)
  if (topK !== null) sampling.top_k = topK
  const stop = readStop(parsed, STOP_SEQUENCES_MAX)
  if (stop.length > 0) sampling.stop_sequences = stop
  return sampling
}
