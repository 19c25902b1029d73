/** The parts of one Gemini candidate, sorted by what they are on OpenAI's wire. Shared by answers and streams. */

import type { JsonObject } from '../../lib/json.ts'
import type { AnswerToolCall } from '../chat/answer.ts'
import { malformed, objectOf, objectsOf, textOf } from '../chat/upstream-json.ts'
import { makeCallId } from './call-id.ts'
import { toExtra } from './signature.ts'

export type CandidatePart =
  | { kind: 'text'; text: string }
  | { kind: 'thought'; text: string }
  | { kind: 'call'; call: AnswerToolCall }

/**
 * In order. `firstCall` is how many calls this choice has made before. Parts of server-side tools are left out; media has no
 * place in a chat completion and is an error rather than a silent loss.
 */
export function readParts(candidate: JsonObject, answerId: string, firstCall: number): CandidatePart[] {
  const parts: CandidatePart[] = []
  let calls = firstCall
  for (const part of objectsOf(objectOf(candidate.content).parts)) {
    if (part.functionCall !== undefined) {
      parts.push({
        kind: 'call',
        call: readCall(part, makeCallId(answerId, candidateIndex(candidate), calls)),
      })
      calls += 1
    } else if (part.inlineData !== undefined || part.fileData !== undefined) {
      throw malformed('The upstream answered with media, which a chat completion cannot carry.', '')
    } else if (textOf(part.text) !== '') {
      parts.push({ kind: part.thought === true ? 'thought' : 'text', text: textOf(part.text) })
    }
  }
  return parts
}

function readCall(part: JsonObject, madeUpId: string): AnswerToolCall {
  const call = objectOf(part.functionCall)
  return {
    id: textOf(call.id) || madeUpId,
    name: textOf(call.name),
    arguments: JSON.stringify(objectOf(call.args)),
    extra: toExtra(textOf(part.thoughtSignature)),
  }
}

/** Proto JSON leaves out an index of 0. */
export function candidateIndex(candidate: JsonObject): number {
  return typeof candidate.index === 'number' ? candidate.index : 0
}

/** What the caller reads when the prompt itself was blocked; null when it was not. */
export function blockedPrompt(body: JsonObject): string | null {
  const reason = textOf(objectOf(body.promptFeedback).blockReason)
  return reason === '' ? null : `The upstream blocked the prompt: ${reason}.`
}
