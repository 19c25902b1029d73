/**
 * Chunks of a chat stream -> events of a Responses stream. Pure and bounded by what the upstream sends. A stream
 * that stops without saying how it ended becomes `response.failed`, never `response.completed`.
 */

import type { OpenAIError } from '../../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts'
import { EventLog, type ResponsesEvent } from './events.ts'
import {
  argumentText,
  type CallItem,
  callItem,
  contentText,
  type DraftItem,
  type DraftPart,
  MAX_CALLS,
  type PartType,
  type ResponseInfo,
  reasoningText,
  renderItem,
  renderPart,
  type TextItem,
  textItem,
  textLogprobs,
} from './items.ts'
import { wantsLogprobs } from './request.ts'
import { closeStatus, type Ending, endingOf, responseObject } from './response-object.ts'

export type ResponsesStream = {
  /** One chat chunk -> the events it causes, in order. After the end it gives none. */
  push(chunk: JsonObject): ResponsesEvent[]
  /** The upstream's `[DONE]` or its end: the closing events, or those of a failure when no finish reason came. */
  end(): ResponsesEvent[]
  /** The answer broke off: `response.failed` with what there is, then `error`, which makes clients throw. */
  fail(error: OpenAIError): ResponsesEvent[]
  /** How the response stands; terminal once it is not `in_progress`. */
  readonly status: Ending['status']
}

/**
 * Starts the translation of one streamed answer; `request` is the Responses request. A reasoning or message item
 * closes when an item of another kind begins; calls stay open until the end, because chunks of parallel calls may
 * come in any order.
 */
export function createResponsesStream(request: JsonObject, info: ResponseInfo): ResponsesStream {
  return new Stream(request, info)
}

/** A call whose name has not come yet holds back what is already known of it. */
type CallSlot = { callId: string; held: string; item: CallItem | null }

class Stream implements ResponsesStream {
  readonly #request: JsonObject
  readonly #info: ResponseInfo
  readonly #wantsLogprobs: boolean
  readonly #log = new EventLog()
  readonly #items: DraftItem[] = []
  readonly #calls = new Map<number, CallSlot>()
  #lastCall = -1
  /** The one text item that still takes deltas; its last part is the open one. */
  #open: TextItem | null = null
  /** Of tokens that gave no text yet, such as half a code point. */
  readonly #heldLogprobs: JsonObject[] = []
  #started = false
  #finishReason: JsonValue = null
  #usage: JsonValue | undefined
  #serviceTier: JsonValue | undefined
  #ending: Ending = { status: 'in_progress' }

  constructor(request: JsonObject, info: ResponseInfo) {
    this.#request = request
    this.#info = info
    this.#wantsLogprobs = wantsLogprobs(request)
  }

  get status(): Ending['status'] {
    return this.#ending.status
  }

  push(chunk: JsonObject): ResponsesEvent[] {
    if (this.#ending.status !== 'in_progress') return []
    if ((chunk.error ?? null) !== null) {
      return this.fail(
        failure('upstream_unavailable', 'The upstream reported an error in the middle of its answer.'),
      )
    }
    this.#start()
    this.#usage = chunk.usage ?? this.#usage
    this.#serviceTier = chunk.service_tier ?? this.#serviceTier
    for (const choice of Array.isArray(chunk.choices) ? chunk.choices : []) {
      // One response is one answer: a second choice was never asked for.
      if (!isJsonObject(choice) || (choice.index ?? 0) !== 0) continue
      this.#choice(choice)
    }
    if (this.#calls.size > MAX_CALLS) {
      return this.fail(failure('upstream_malformed', `The upstream made more than ${MAX_CALLS} calls.`))
    }
    return this.#log.take()
  }

  end(): ResponsesEvent[] {
    if (this.#ending.status !== 'in_progress') return []
    if (this.#finishReason === null) {
      return this.fail(failure('upstream_cut', 'The upstream stopped in the middle of its answer.'))
    }
    const ending = endingOf(this.#finishReason)
    if (ending === null || [...this.#calls.values()].some((slot) => slot.item === null)) {
      return this.fail(failure('upstream_malformed', 'The upstream did not end its answer properly.'))
    }
    this.#ending = ending
    for (const item of this.#items) if (item.status === 'in_progress') this.#close(item)
    this.#log.add(`response.${ending.status}`, { response: this.#response() })
    return this.#log.take()
  }

  fail({ error }: OpenAIError): ResponsesEvent[] {
    if (this.#ending.status !== 'in_progress') return []
    this.#start()
    for (const item of this.#items) if (item.status === 'in_progress') item.status = 'incomplete'
    const limited = error.type === 'rate_limit_error'
    this.#ending = {
      status: 'failed',
      code: limited ? 'rate_limit_exceeded' : 'server_error',
      message: error.message,
    }
    this.#log.add('response.failed', { response: this.#response() })
    // The documented event is flat; OpenAI's own wire nests it under `error`. Clients read one or the other.
    const { code, message, param } = error
    this.#log.add('error', { code, message, param, error: { ...error } })
    return this.#log.take()
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    this.#log.add('response.created', { response: this.#response() })
    this.#log.add('response.in_progress', { response: this.#response() })
  }

  #choice(choice: JsonObject): void {
    const delta = isJsonObject(choice.delta) ? choice.delta : {}
    this.#text('reasoning', 'reasoning_text', reasoningText(delta))
    if (this.#wantsLogprobs) this.#heldLogprobs.push(...textLogprobs(choice))
    this.#text('message', 'output_text', contentText(delta.content))
    this.#text('message', 'refusal', typeof delta.refusal === 'string' ? delta.refusal : '')
    for (const call of Array.isArray(delta.tool_calls) ? delta.tool_calls : []) {
      if (isJsonObject(call)) this.#call(call)
    }
    this.#finishReason = choice.finish_reason ?? this.#finishReason
  }

  #text(itemType: TextItem['type'], partType: PartType, delta: string): void {
    if (delta === '') return
    if (this.#open !== null && this.#open.type !== itemType) this.#closeOpen()
    const item = this.#open ?? this.#openItem(itemType)
    const part = this.#part(item, partType)
    part.text += delta
    const place = { ...placeOf(item), content_index: item.parts.length - 1 }
    if (partType !== 'output_text') {
      this.#log.add(`response.${partType}.delta`, { ...place, delta })
      return
    }
    const logprobs = this.#heldLogprobs.splice(0)
    part.logprobs.push(...logprobs)
    this.#log.add('response.output_text.delta', { ...place, delta, logprobs })
  }

  #openItem(type: TextItem['type']): TextItem {
    const item = textItem(this.#info, type, this.#items.length)
    this.#items.push(item)
    this.#open = item
    this.#log.add('response.output_item.added', { output_index: item.outputIndex, item: renderItem(item) })
    return item
  }

  /** The open part of the item, after closing one of another type. */
  #part(item: TextItem, type: PartType): DraftPart {
    const last = item.parts.at(-1)
    if (last?.type === type) return last
    if (last !== undefined) this.#closePart(item, last)
    const part: DraftPart = { type, text: '', logprobs: [] }
    item.parts.push(part)
    const place = { ...placeOf(item), content_index: item.parts.length - 1 }
    this.#log.add('response.content_part.added', { ...place, part: renderPart(part) })
    return part
  }

  #call(call: JsonObject): void {
    const callable = isJsonObject(call.function) ? call.function : {}
    const slot = this.#slot(call)
    const name = typeof callable.name === 'string' ? callable.name : ''
    const delta = argumentText(callable.arguments)
    if (slot.item === null) {
      slot.held += delta
      if (name === '') return
      this.#closeOpen()
      slot.item = callItem(this.#info, this.#items, slot.callId, name)
      this.#items.push(slot.item)
      const { outputIndex } = slot.item
      this.#log.add('response.output_item.added', { output_index: outputIndex, item: renderItem(slot.item) })
      this.#callArguments(slot.item, slot.held)
      slot.held = ''
      return
    }
    this.#callArguments(slot.item, delta)
  }

  #slot(call: JsonObject): CallSlot {
    const id = typeof call.id === 'string' ? call.id : ''
    const index = typeof call.index === 'number' ? call.index : this.#indexOf(id)
    const known = this.#calls.get(index)
    this.#lastCall = index
    if (known !== undefined) {
      if (known.callId === '') known.callId = id
      return known
    }
    const slot: CallSlot = { callId: id, held: '', item: null }
    this.#calls.set(index, slot)
    return slot
  }

  /** For upstreams that send no index: a piece with a new id begins a call, one without an id continues the last. */
  #indexOf(id: string): number {
    if (id === '') return Math.max(this.#lastCall, 0)
    for (const [index, slot] of this.#calls) if (slot.callId === id) return index
    return this.#calls.size
  }

  #callArguments(item: CallItem, delta: string): void {
    if (delta === '') return
    item.arguments += delta
    this.#log.add('response.function_call_arguments.delta', { ...placeOf(item), delta })
  }

  #closeOpen(): void {
    if (this.#open !== null) this.#close(this.#open)
  }

  /** While the stream runs a closed item is complete: what follows it shows that it was not the one cut. */
  #close(item: DraftItem): void {
    closeStatus(this.#items, this.#ending, item)
    if (item.type === 'function_call') {
      const members = { ...placeOf(item), name: item.name, arguments: item.arguments }
      this.#log.add('response.function_call_arguments.done', members)
    } else {
      const last = item.parts.at(-1)
      if (last !== undefined) this.#closePart(item, last)
      this.#open = null
    }
    this.#log.add('response.output_item.done', { output_index: item.outputIndex, item: renderItem(item) })
  }

  #closePart(item: TextItem, part: DraftPart): void {
    const place = { ...placeOf(item), content_index: item.parts.length - 1 }
    if (part.type === 'output_text') part.logprobs.push(...this.#heldLogprobs.splice(0))
    const { type, text, logprobs } = part
    if (type === 'refusal') this.#log.add('response.refusal.done', { ...place, refusal: text })
    else if (type === 'reasoning_text') this.#log.add('response.reasoning_text.done', { ...place, text })
    else this.#log.add('response.output_text.done', { ...place, text, logprobs: [...logprobs] })
    this.#log.add('response.content_part.done', { ...place, part: renderPart(part) })
  }

  #response(): JsonObject {
    return responseObject(this.#request, this.#info, {
      items: this.#items,
      ending: this.#ending,
      usage: this.#usage,
      serviceTier: this.#serviceTier,
    })
  }
}

function placeOf(item: DraftItem): { item_id: string; output_index: number } {
  return { item_id: item.id, output_index: item.outputIndex }
}

function failure(
  code: 'upstream_unavailable' | 'upstream_cut' | 'upstream_malformed',
  what: string,
): OpenAIError {
  return {
    error: { message: `${what} Send the request again.`, type: 'upstream_error', param: null, code },
  }
}
