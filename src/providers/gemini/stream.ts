/**
 * Gemini stream events -> OpenAI chunks (https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent).
 * The protocol has no closing event: an answer is whole when every candidate seen has said why it finished.
 */

import { UpstreamError } from '../../errors.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { SseEvent } from '../../lib/sse.ts'
import { buildChunk, buildUsageChunk, toolCallDelta } from '../chat/answer.ts'
import { malformed, objectOf, objectsOf, parseEventData, textOf } from '../chat/upstream-json.ts'
import type { AnswerInfo, StreamTranslator } from '../translation.ts'
import { blockedPrompt, type CandidatePart, candidateIndex, readParts } from './candidate.ts'
import { toUpstreamError } from './errors.ts'
import { toFinishReason } from './finish-reason.ts'
import { toLogprobs } from './logprobs.ts'
import { toUsage } from './usage.ts'

/** More candidates than any request may ask for is nonsense, and memory. */
const CHOICES_MAX = 64

/** `resumed`: it went on after it had given a finish reason. */
type Choice = { calls: number; finishReason: string; resumed: boolean }

export class GeminiStream implements StreamTranslator {
  readonly #info: AnswerInfo
  readonly #choices = new Map<number, Choice>()
  #usage: JsonObject = {}
  #blocked = false

  constructor(info: AnswerInfo) {
    this.#info = info
  }

  /**
   * Never certain. Some models wrote a finish reason on every event: once a candidate has gone on after one, only the
   * end of the connection counts.
   */
  get ending(): 'none' | 'likely' {
    const choices = [...this.#choices.values()]
    const isAllThere = this.#blocked || choices.length >= (this.#info.choices ?? 1)
    const isFinished = choices.every((choice) => choice.finishReason !== '' && !choice.resumed)
    return isAllThere && isFinished ? 'likely' : 'none'
  }

  push(event: SseEvent): JsonObject[] {
    // Some proxies in front of the API close with OpenAI's marker; it proves nothing.
    if (event.data === '[DONE]') return []
    const data = parseEventData(event.data)
    if (data.error !== undefined) throw toUpstreamError(data)
    if (data.usageMetadata !== undefined) this.#usage = objectOf(data.usageMetadata)
    const candidates = objectsOf(data.candidates)
    const refusal = blockedPrompt(data)
    if (candidates.length === 0 && refusal !== null && this.#choices.size === 0 && !this.#blocked) {
      this.#blocked = true
      return [buildChunk(this.#info, 0, { role: 'assistant', content: '', refusal })]
    }
    return candidates.flatMap((candidate) => this.#advance(candidate))
  }

  end(): JsonObject[] {
    const open = [...this.#choices.values()].some((choice) => choice.finishReason === '')
    if (open || (this.#choices.size === 0 && !this.#blocked)) {
      throw new UpstreamError(
        'upstream_cut',
        'The upstream ended the stream before its answer was complete.',
        {
          retryable: this.#choices.size === 0,
        },
      )
    }
    const chunks = this.#blocked ? [buildChunk(this.#info, 0, {}, 'content_filter')] : []
    for (const [index, choice] of this.#choices) {
      chunks.push(buildChunk(this.#info, index, {}, toFinishReason(choice.finishReason, choice.calls > 0)))
    }
    const usage = toUsage(this.#usage)
    if (this.#info.includeUsage && usage !== null) chunks.push(buildUsageChunk(this.#info, usage))
    return chunks
  }

  /** Log probabilities come per event; they ride on the first chunk the event makes, or on one of their own. */
  #advance(candidate: JsonObject): JsonObject[] {
    const index = candidateIndex(candidate)
    const chunks: JsonObject[] = []
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      if (this.#choices.size === CHOICES_MAX) throw malformed('The upstream sent too many candidates.', '')
      choice = { calls: 0, finishReason: '', resumed: false }
      this.#choices.set(index, choice)
      chunks.push(buildChunk(this.#info, index, { role: 'assistant', content: '', refusal: null }))
    }
    if (choice.finishReason !== '') choice.resumed = true
    let logprobs = toLogprobs(candidate)
    for (const part of readParts(candidate, this.#info.id, choice.calls)) {
      chunks.push(buildChunk(this.#info, index, toDelta(part, choice), null, logprobs))
      logprobs = null
    }
    if (logprobs !== null) chunks.push(buildChunk(this.#info, index, {}, null, logprobs))
    choice.finishReason = textOf(candidate.finishReason) || choice.finishReason
    // Thrown here rather than at the end: an unusable answer should fail at once.
    if (choice.finishReason !== '') toFinishReason(choice.finishReason, choice.calls > 0)
    return chunks
  }
}

function toDelta(part: CandidatePart, choice: Choice): JsonObject {
  if (part.kind === 'text') return { content: part.text }
  if (part.kind === 'thought') return { reasoning_content: part.text }
  return toolCallDelta(choice.calls++, part.call)
}
