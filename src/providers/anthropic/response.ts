/** A complete Anthropic message -> an OpenAI chat completion. Loose in what it reads, exact in what it builds. */

import type { JsonObject } from '../../lib/json.ts'
import { type AnswerToolCall, buildCompletion, buildMessage } from '../chat/answer.ts'
import { malformed, objectOf, objectsOf, textOf } from '../chat/upstream-json.ts'
import type { AnswerInfo } from '../translation.ts'
import { ANSWER_TOOL } from './answer-format.ts'
import { toUpstreamError } from './errors.ts'
import { toFinishReason } from './finish-reason.ts'
import { toUsage } from './usage.ts'

/** Blocks of server-side tools have no place in a chat completion and are left out. */
export function toCompletion(body: JsonObject, info: AnswerInfo): JsonObject {
  if (body.type === 'error') throw toUpstreamError(body)
  const stopReason = textOf(body.stop_reason)
  if (!Array.isArray(body.content) || stopReason === '') {
    throw malformed('The upstream answered without content or stop_reason.', JSON.stringify(body))
  }
  let text = ''
  let reasoning = ''
  const toolCalls: AnswerToolCall[] = []
  const thinkingBlocks: JsonObject[] = []
  for (const block of objectsOf(body.content)) {
    if (block.type === 'text') text += textOf(block.text)
    if (block.type === 'thinking') reasoning += textOf(block.thinking)
    if (isSignedThought(block)) thinkingBlocks.push(toSignedThought(block))
    if (block.type !== 'tool_use') continue
    const input = JSON.stringify(objectOf(block.input))
    if (block.name === ANSWER_TOOL) text += input
    else toolCalls.push({ id: textOf(block.id), name: textOf(block.name), arguments: input })
  }
  const message = buildMessage({ text, reasoning, refusal: toRefusal(body), toolCalls, thinkingBlocks })
  const finishReason = toFinishReason(stopReason, toolCalls.length > 0)
  const choice: JsonObject = { index: 0, message, logprobs: null, finish_reason: finishReason }
  return buildCompletion(info, [choice], toUsage(objectOf(body.usage)))
}

/** Claude's explanation of a refusal (`stop_details`), null when it gave none. */
export function toRefusal(body: JsonObject): string | null {
  if (body.stop_reason !== 'refusal') return null
  return textOf(objectOf(body.stop_details).explanation) || null
}

/** Only signed (or redacted) thoughts can be sent back, so only they are handed out. */
export function isSignedThought(block: JsonObject): boolean {
  if (block.type === 'redacted_thinking') return textOf(block.data) !== ''
  return block.type === 'thinking' && textOf(block.signature) !== ''
}

export function toSignedThought(block: JsonObject): JsonObject {
  if (block.type === 'redacted_thinking') return { type: 'redacted_thinking', data: textOf(block.data) }
  return { type: 'thinking', thinking: textOf(block.thinking), signature: textOf(block.signature) }
}
