/**
 * A whole chat completion -> the `response` object, for upstreams that have no `/responses`. Pure: ids and times are
 * passed in. Gives what the streamed form ends with, and never calls a cut answer completed.
 */

import { UpstreamError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import {
  argumentText,
  type CallItem,
  callItem,
  contentText,
  type DraftItem,
  MAX_CALLS,
  type ResponseInfo,
  reasoningText,
  textItem,
  textLogprobs,
} from './items.ts'
import { wantsLogprobs } from './request.ts'
import { closeStatus, endingOf, responseObject } from './response-object.ts'

/**
 * `request` is the Responses request that was answered. Output order: reasoning, message (text, then refusal),
 * calls. Only the first choice counts; annotations, audio and fields unknown to the Responses API are left out.
 * Throws UpstreamError('upstream_malformed') without a message, with a nameless call, or with a finish reason
 * that does not say whether the answer is whole.
 */
export function responsesFromChat(chat: JsonObject, request: JsonObject, info: ResponseInfo): JsonObject {
  const choice = Array.isArray(chat.choices) ? chat.choices[0] : undefined
  if (!isJsonObject(choice) || !isJsonObject(choice.message)) throw malformed('has no message')
  const ending = endingOf(choice.finish_reason)
  if (ending === null) throw malformed('does not say how it ended', `finish_reason: ${choice.finish_reason}`)
  const items = outputItems(choice, choice.message, request, info)
  for (const item of items) closeStatus(items, ending, item)
  return responseObject(request, info, {
    items,
    ending,
    usage: chat.usage,
    serviceTier: chat.service_tier,
  })
}

function outputItems(
  choice: JsonObject,
  message: JsonObject,
  request: JsonObject,
  info: ResponseInfo,
): DraftItem[] {
  const items: DraftItem[] = []
  const reasoning = reasoningText(message)
  if (reasoning !== '') {
    const item = textItem(info, 'reasoning', items.length)
    item.parts.push({ type: 'reasoning_text', text: reasoning, logprobs: [] })
    items.push(item)
  }
  const text = contentText(message.content)
  const refusal = typeof message.refusal === 'string' ? message.refusal : ''
  if (text !== '' || refusal !== '') {
    const item = textItem(info, 'message', items.length)
    const logprobs = wantsLogprobs(request) ? textLogprobs(choice) : []
    if (text !== '') item.parts.push({ type: 'output_text', text, logprobs })
    if (refusal !== '') item.parts.push({ type: 'refusal', text: refusal, logprobs: [] })
    items.push(item)
  }
  const calls = Array.isArray(message.tool_calls) ? message.tool_calls : []
  if (calls.length > MAX_CALLS) throw malformed(`makes more than ${MAX_CALLS} calls`)
  for (const call of calls) items.push(outputCall(call, items, info))
  return items
}

function outputCall(call: JsonValue, items: readonly DraftItem[], info: ResponseInfo): CallItem {
  const callable = isJsonObject(call) ? call.function : undefined
  if (!isJsonObject(call) || !isJsonObject(callable)) throw malformed('holds a call that is none')
  if (typeof callable.name !== 'string' || callable.name === '') {
    throw malformed('calls a function without a name')
  }
  const callId = typeof call.id === 'string' ? call.id : ''
  const item = callItem(info, items, callId, callable.name)
  item.arguments = argumentText(callable.arguments)
  return item
}

function malformed(what: string, detail?: string): UpstreamError {
  const message = `The answer of the upstream ${what}. Try again, or use another model.`
  return new UpstreamError('upstream_malformed', message, {
    retryable: true,
    ...(detail === undefined ? {} : { detail: detail.slice(0, 200) }),
  })
}
