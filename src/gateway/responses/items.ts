/**
 * Output items of a response while they grow, and how they look on the wire. Shared by the streamed and the whole
 * answer, so that both give the same object; knows nothing of events.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'

/** Fixed facts of one response; passed in, so that nothing here needs a clock or randomness. */
export type ResponseInfo = {
  /** `resp_…`; ids of items are made from it. */
  id: string
  /** Seconds since the epoch. */
  createdAt: number
  /** The model name to show. */
  model: string
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete'
export type PartType = 'output_text' | 'refusal' | 'reasoning_text'
export type DraftPart = { type: PartType; text: string; logprobs: JsonValue[] }

/** A message or a piece of reasoning: parts of text. */
export type TextItem = {
  type: 'message' | 'reasoning'
  id: string
  status: ItemStatus
  outputIndex: number
  parts: DraftPart[]
}
export type CallItem = {
  type: 'function_call'
  id: string
  status: ItemStatus
  outputIndex: number
  callId: string
  name: string
  arguments: string
}
export type DraftItem = TextItem | CallItem

/** Calls in one answer. Models make a handful; more than this is an upstream gone wrong, and finding a call is a search. */
export const MAX_CALLS = 1_024

const ID_PREFIX = { message: 'msg', reasoning: 'rs', function_call: 'fc' } as const

/** `msg_<the response's own part>_<place in the output>`: unique, and the same whenever it is made again. */
function itemId(info: ResponseInfo, type: DraftItem['type'], outputIndex: number): string {
  return `${ID_PREFIX[type]}_${info.id.replace(/^resp_/, '')}_${outputIndex}`
}

function madeCallId(info: ResponseInfo, outputIndex: number): string {
  return `call_${info.id.replace(/^resp_/, '')}_${outputIndex}`
}

export function textItem(info: ResponseInfo, type: TextItem['type'], outputIndex: number): TextItem {
  return { type, id: itemId(info, type, outputIndex), status: 'in_progress', outputIndex, parts: [] }
}

/**
 * The next item after `items`, a call. An id that is empty or that another call of this answer already has is
 * replaced: clients keep calls apart by it, and what they send back names the call the same way.
 */
export function callItem(
  info: ResponseInfo,
  items: readonly DraftItem[],
  callId: string,
  name: string,
): CallItem {
  const type = 'function_call'
  const outputIndex = items.length
  const taken = callId === '' || items.some((item) => item.type === type && item.callId === callId)
  return {
    type,
    id: itemId(info, type, outputIndex),
    status: 'in_progress',
    outputIndex,
    callId: taken ? madeCallId(info, outputIndex) : callId,
    name,
    arguments: '',
  }
}

/** The item as it stands now, as a fresh object. */
export function renderItem(item: DraftItem): JsonObject {
  const { id, type, status } = item
  switch (type) {
    case 'message':
      return { id, type, status, role: 'assistant', content: item.parts.map(renderPart) }
    case 'reasoning':
      return { id, type, status, summary: [], content: item.parts.map(renderPart) }
    case 'function_call':
      return { id, type, status, call_id: item.callId, name: item.name, arguments: item.arguments }
  }
}

/** Annotations are always empty: they come from hosted tools, which no chat upstream runs. */
export function renderPart(part: DraftPart): JsonObject {
  switch (part.type) {
    case 'output_text':
      return { type: part.type, annotations: [], logprobs: [...part.logprobs], text: part.text }
    case 'refusal':
      return { type: part.type, refusal: part.text }
    case 'reasoning_text':
      return { type: part.type, text: part.text }
  }
}

/** Text of a chat message or delta. Some upstreams send parts where OpenAI sends a string; only their text counts. */
export function contentText(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) =>
      isJsonObject(part) && part.type === 'text' && typeof part.text === 'string' ? part.text : '',
    )
    .join('')
}

/** Reasoning is not part of OpenAI's chat wire: most upstreams say `reasoning_content`, some `reasoning`. */
export function reasoningText(message: JsonObject): string {
  const text = message.reasoning_content ?? message.reasoning
  return typeof text === 'string' ? text : ''
}

/** Arguments are JSON in a string; upstreams that send the object itself are written out. */
export function argumentText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/** Chat's token log probabilities of the text -> those of an `output_text` part, where `bytes` is never null. */
export function textLogprobs(choice: JsonObject): JsonObject[] {
  const logprobs = isJsonObject(choice.logprobs) ? choice.logprobs.content : undefined
  if (!Array.isArray(logprobs)) return []
  return logprobs.filter(isJsonObject).map((entry) => ({
    token: entry.token,
    bytes: entry.bytes ?? [],
    logprob: entry.logprob,
    top_logprobs: (Array.isArray(entry.top_logprobs) ? entry.top_logprobs : [])
      .filter(isJsonObject)
      .map((top) => ({ token: top.token, bytes: top.bytes ?? [], logprob: top.logprob })),
  }))
}
