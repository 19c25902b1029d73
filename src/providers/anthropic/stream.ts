/**
 * Anthropic stream events -> OpenAI chunks (https://platform.claude.com/docs/en/build-with-claude/streaming).
 * Never ends a stream that Anthropic did not end: without `message_stop` there is no usage, no finish, only an error.
 */

import { UpstreamError } from '../../errors.ts'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { SseEvent } from '../../lib/sse.ts'
import { argumentsDelta, buildChunk, buildUsageChunk, toolCallDelta } from '../chat/answer.ts'
import { malformed, objectOf, parseEventData, textOf } from '../chat/upstream-json.ts'
import type { AnswerInfo, StreamTranslator } from '../translation.ts'
import { ANSWER_TOOL } from './answer-format.ts'
import { toUpstreamError } from './errors.ts'
import { toFinishReason } from './finish-reason.ts'
import { isSignedThought, toRefusal, toSignedThought } from './response.ts'
import { mergeUsage, toUsage } from './usage.ts'

/** A content block that has started and not stopped. `call` is null for the reserved answer tool, which is text. */
type OpenBlock =
  | { kind: 'text' }
  | { kind: 'thought'; block: { type: string; thinking: string; signature: string; data: string } }
  | { kind: 'tool'; call: number | null; input: JsonObject; wrote: boolean }
  | { kind: 'other' }

export class AnthropicStream implements StreamTranslator {
  readonly #info: AnswerInfo
  readonly #open = new Map<number, OpenBlock>()
  #state: 'waiting' | 'running' | 'stopped' = 'waiting'
  #calls = 0
  #usage: JsonObject = {}
  #stopReason = ''

  constructor(info: AnswerInfo) {
    this.#info = info
  }

  get ending(): 'none' | 'certain' {
    return this.#state === 'stopped' ? 'certain' : 'none'
  }

  push(event: SseEvent): JsonObject[] {
    if (this.#state === 'stopped' || event.event === 'ping') return []
    const data = parseEventData(event.data)
    const type = textOf(data.type)
    if (type === 'error') throw toUpstreamError(data)
    if (type === 'message_start') return this.#begin(data)
    if (!type.startsWith('content_block_') && type !== 'message_delta' && type !== 'message_stop') return []
    if (this.#state === 'waiting')
      throw malformed(`The upstream sent ${type} before message_start.`, event.data)
    switch (type) {
      case 'content_block_start':
        return this.#startBlock(blockIndex(data), objectOf(data.content_block))
      case 'content_block_delta':
        return this.#grow(this.#block(data), objectOf(data.delta))
      case 'content_block_stop':
        return this.#stopBlock(data)
      case 'message_delta':
        return this.#note(data)
      default:
        this.#state = 'stopped'
        return [this.#chunk({}, toFinishReason(this.#stopReason, this.#calls > 0))]
    }
  }

  end(): JsonObject[] {
    if (this.#state !== 'stopped') {
      throw new UpstreamError(
        'upstream_cut',
        'The upstream ended the stream before its answer was complete.',
        {
          retryable: this.#state === 'waiting',
        },
      )
    }
    const usage = toUsage(this.#usage)
    return this.#info.includeUsage && usage !== null ? [buildUsageChunk(this.#info, usage)] : []
  }

  #chunk(delta: JsonObject, finishReason: Parameters<typeof buildChunk>[3] = null): JsonObject {
    return buildChunk(this.#info, 0, delta, finishReason)
  }

  #begin(data: JsonObject): JsonObject[] {
    if (this.#state !== 'waiting') throw malformed('The upstream started a second message in one stream.', '')
    this.#state = 'running'
    this.#usage = mergeUsage({}, objectOf(objectOf(data.message).usage))
    return [this.#chunk({ role: 'assistant', content: '', refusal: null })]
  }

  #block(data: JsonObject): OpenBlock {
    const block = this.#open.get(blockIndex(data))
    if (block === undefined) {
      throw malformed('The upstream continued a content block it never started.', JSON.stringify(data))
    }
    return block
  }

  #startBlock(index: number, block: JsonObject): JsonObject[] {
    if (this.#open.has(index)) throw malformed(`The upstream started content block ${index} twice.`, '')
    switch (block.type) {
      case 'text':
        this.#open.set(index, { kind: 'text' })
        return this.#text(textOf(block.text))
      case 'thinking':
      case 'redacted_thinking': {
        const thinking = textOf(block.thinking)
        const kept = {
          type: block.type,
          thinking,
          signature: textOf(block.signature),
          data: textOf(block.data),
        }
        this.#open.set(index, { kind: 'thought', block: kept })
        return thinking === '' ? [] : [this.#chunk({ reasoning_content: thinking })]
      }
      case 'tool_use': {
        const isAnswer = block.name === ANSWER_TOOL
        const call = isAnswer ? null : this.#calls++
        this.#open.set(index, { kind: 'tool', call, input: objectOf(block.input), wrote: false })
        if (call === null) return []
        const start = { id: textOf(block.id), name: textOf(block.name), arguments: '' }
        return [this.#chunk(toolCallDelta(call, start))]
      }
      default:
        this.#open.set(index, { kind: 'other' })
        return []
    }
  }

  #grow(block: OpenBlock, delta: JsonObject): JsonObject[] {
    if (delta.type === 'text_delta' && block.kind === 'text') return this.#text(textOf(delta.text))
    if (delta.type === 'input_json_delta' && block.kind === 'tool') {
      const text = textOf(delta.partial_json)
      if (text === '') return []
      block.wrote = true
      return this.#toolText(block.call, text)
    }
    if (block.kind !== 'thought') return []
    if (delta.type === 'signature_delta') block.block.signature += textOf(delta.signature)
    if (delta.type !== 'thinking_delta') return []
    const thinking = textOf(delta.thinking)
    block.block.thinking += thinking
    return thinking === '' ? [] : [this.#chunk({ reasoning_content: thinking })]
  }

  /** A call whose input never streamed still needs arguments that parse; a signed thought is handed out whole. */
  #stopBlock(data: JsonObject): JsonObject[] {
    const block = this.#block(data)
    this.#open.delete(blockIndex(data))
    if (block.kind === 'tool' && !block.wrote) return this.#toolText(block.call, JSON.stringify(block.input))
    if (block.kind === 'thought' && isSignedThought(block.block)) {
      return [this.#chunk({ thinking_blocks: [toSignedThought(block.block)] })]
    }
    return []
  }

  #text(text: string): JsonObject[] {
    return text === '' ? [] : [this.#chunk({ content: text })]
  }

  #toolText(call: number | null, text: string): JsonObject[] {
    return call === null ? this.#text(text) : [this.#chunk(argumentsDelta(call, text))]
  }

  #note(data: JsonObject): JsonObject[] {
    const delta = objectOf(data.delta)
    this.#stopReason = textOf(delta.stop_reason) || this.#stopReason
    this.#usage = mergeUsage(this.#usage, objectOf(data.usage))
    const refusal = toRefusal(delta)
    return refusal === null ? [] : [this.#chunk({ refusal })]
  }
}

function blockIndex(data: JsonObject): number {
  const index: JsonValue | undefined = data.index
  if (typeof index !== 'number')
    throw malformed('The upstream sent a content block without an index.', JSON.stringify(data))
  return index
}
