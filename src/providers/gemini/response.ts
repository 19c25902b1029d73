/** A complete GenerateContentResponse -> an OpenAI chat completion. Loose in what it reads, exact in what it builds. */

import type { JsonObject } from '../../lib/json.ts'
import { type AnswerToolCall, buildCompletion, buildMessage } from '../chat/answer.ts'
import { malformed, objectOf, objectsOf, textOf } from '../chat/upstream-json.ts'
import type { AnswerInfo } from '../translation.ts'
import { blockedPrompt, candidateIndex, readParts } from './candidate.ts'
import { toUpstreamError } from './errors.ts'
import { toFinishReason } from './finish-reason.ts'
import { toLogprobs } from './logprobs.ts'
import { toUsage } from './usage.ts'

/** A blocked prompt is an answer (`content_filter` with a refusal), not an error: the upstream did its work. */
export function toCompletion(body: JsonObject, info: AnswerInfo): JsonObject {
  if (body.error !== undefined) throw toUpstreamError(body)
  const usage = toUsage(objectOf(body.usageMetadata))
  const candidates = objectsOf(body.candidates)
  if (candidates.length === 0) {
    const refusal = blockedPrompt(body)
    if (refusal === null) throw malformed('The upstream answered without candidates.', JSON.stringify(body))
    const message = buildMessage({ text: '', reasoning: '', refusal, toolCalls: [] })
    const choice: JsonObject = { index: 0, message, logprobs: null, finish_reason: 'content_filter' }
    return buildCompletion(info, [choice], usage)
  }
  const choices = candidates.map((candidate) => toChoice(candidate, info))
  return buildCompletion(info, choices, usage)
}

function toChoice(candidate: JsonObject, info: AnswerInfo): JsonObject {
  const reason = textOf(candidate.finishReason)
  if (reason === '')
    throw malformed('The upstream answered without a finishReason.', JSON.stringify(candidate))
  let text = ''
  let reasoning = ''
  const toolCalls: AnswerToolCall[] = []
  for (const part of readParts(candidate, info.id, 0)) {
    if (part.kind === 'text') text += part.text
    if (part.kind === 'thought') reasoning += part.text
    if (part.kind === 'call') toolCalls.push(part.call)
  }
  return {
    index: candidateIndex(candidate),
    message: buildMessage({ text, reasoning, refusal: null, toolCalls }),
    logprobs: toLogprobs(candidate),
    finish_reason: toFinishReason(reason, toolCalls.length > 0),
  }
}
