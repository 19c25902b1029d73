/**
 * Asks a model for a judgement as JSON and reads it. An answer that cannot be read is asked for once more, with the mistake;
 * after that it is no judgement, and never becomes a number.
 */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { describeIssues } from '../../../lib/schema-problems.ts'
import { findJson } from '../json-in-prose.ts'
import { jsonIdentity, parseJson } from '../json-values.ts'
import { abstained, clip, failed, quoted } from '../outcome.ts'
import { refusalPhrase } from '../refusal-phrases.ts'
import type { JudgeQuestion, ScoreOutcome } from '../scorer.ts'
import { type Block, fenced } from './fence.ts'
import type { Asking } from './judge.ts'
import { FRAME } from './prompts/frame.ts'
import type { JudgePrompt } from './prompts/judge-prompt.ts'
import { REPAIR } from './prompts/repair.ts'

/** Of all texts in one question, about 25,000 tokens. Longer ones are not judged: a judge of a part judges another answer. */
const MAX_MATERIAL_CHARS = 100_000
/** A judgement is a few kilobytes. */
const MAX_ANSWER_CHARS = 100_000
const MAX_REPEATED_CHARS = 4_000
const MAX_MISTAKES = 3

/** Why there is no judgement, in one sentence. */
export type Unjudged = { kind: 'too-long' | 'refused' | 'unreadable' | 'failed'; reason: string }
type Read<Answer> = { kind: 'read'; answer: Answer; repaired: boolean }
type Mistaken = { kind: 'mistaken'; said: string; mistake: string }

/**
 * `check` says what is wrong with an answer of the right form, or null. Asks at most twice. Rejects with the signal's reason,
 * and when the log cannot be written.
 */
export async function askStructured<Answer>(
  asking: Asking,
  prompt: JudgePrompt<Answer>,
  blocks: readonly Block[],
  check: (answer: Answer) => string | null = () => null,
): Promise<Read<Answer> | Unjudged> {
  const chars = blocks.reduce((sum, { what, text }) => sum + what.length + text.length, 0)
  if (chars > MAX_MATERIAL_CHARS) {
    const reason = `What is to be judged has ${chars} characters, and a judge is shown at most ${MAX_MATERIAL_CHARS}.`
    return { kind: 'too-long', reason }
  }
  const messages: JudgeQuestion['messages'] = [
    { role: 'system', content: `${prompt.text}\n\n${FRAME.text}` },
    { role: 'user', content: fenced(blocks) },
  ]
  const first = await askOnce(asking, prompt, messages, check)
  if (first.kind !== 'mistaken') return first
  const second = await askOnce(
    asking,
    prompt,
    [
      ...messages,
      { role: 'assistant', content: clip(first.said, MAX_REPEATED_CHARS) || '(nothing)' },
      { role: 'user', content: `${REPAIR.text} ${first.mistake}` },
    ],
    check,
  )
  if (second.kind === 'read') return { ...second, repaired: true }
  return second.kind === 'mistaken' ? unread(second) : second
}

/** The score of what was not judged. A judge that declines is an abstention, one that did not work an error. */
export function unjudged({ kind, reason }: Unjudged): ScoreOutcome {
  return kind === 'too-long' || kind === 'refused' ? abstained(reason) : failed(reason)
}

function unread({ said, mistake }: Mistaken): Unjudged {
  const phrase = refusalPhrase(said)
  if (phrase !== null) {
    return { kind: 'refused', reason: `The judge declined to judge: ${quoted(said.trim())}.` }
  }
  return {
    kind: 'unreadable',
    reason: `The judge’s answer could not be read, twice: ${quoted(said.trim())}. ${mistake}`,
  }
}

async function askOnce<Answer>(
  { judge, tools, signal }: Asking,
  prompt: JudgePrompt<Answer>,
  messages: JudgeQuestion['messages'],
  check: (answer: Answer) => string | null,
): Promise<Read<Answer> | Mistaken | Unjudged> {
  const format = judge.structured ? { response_format: responseFormat(prompt) } : {}
  const parameters: JsonObject = { ...judge.parameters, ...format }
  const asked = await tools.ask({ model: judge.model, messages, parameters }, signal)
  if (asked.kind === 'failed') {
    return { kind: 'failed', reason: `The judge ${quoted(judge.model)} could not be asked: ${asked.reason}` }
  }
  const { text, finishReason } = asked
  if (finishReason === 'content_filter') {
    return { kind: 'refused', reason: 'The judge’s upstream stopped its answer by a content filter.' }
  }
  const read = readAnswer(prompt, text, check)
  if ('answer' in read) return { kind: 'read', answer: read.answer, repaired: false }
  const cut = finishReason === 'length' ? 'It was cut short by the limit of tokens: be brief. ' : ''
  return { kind: 'mistaken', said: text, mistake: `${cut}${read.mistake}` }
}

function responseFormat({ name, answer }: JudgePrompt<unknown>): JsonObject {
  const { $schema: _, ...schema } = z.toJSONSchema(answer) as JsonObject
  return {
    type: 'json_schema',
    json_schema: { name: name.replaceAll('-', '_'), strict: true, schema },
  }
}

function readAnswer<Answer>(
  prompt: JudgePrompt<Answer>,
  text: string,
  check: (answer: Answer) => string | null,
): { answer: Answer } | { mistake: string } {
  if (text.length > MAX_ANSWER_CHARS) return { mistake: `It is longer than ${MAX_ANSWER_CHARS} characters.` }
  const found = findAnswer(prompt, text)
  if ('mistake' in found) return found
  const read = prompt.answer.safeParse(found.value)
  if (!read.success) {
    const mistakes = describeIssues('your answer', prompt.answer, found.value, read.error)
    return { mistake: mistakes.slice(0, MAX_MISTAKES).join(' ') }
  }
  const mistake = check(read.data)
  return mistake === null ? { answer: read.data } : { mistake }
}

/** The whole text as JSON, or the one object in it that has the form. Two different ones are none: one of them may be quoted. */
function findAnswer(
  { answer }: JudgePrompt<unknown>,
  text: string,
): { value: JsonValue } | { mistake: string } {
  const whole = parseJson(text)
  if ('value' in whole) return whole
  const hasForm = (value: unknown) =>
    answer.safeParse(value).success ? null : { pointer: '', message: 'It has not the form asked for.' }
  const found = findJson(text, false, hasForm)
  if (!('value' in found)) {
    const why = 'problem' in found ? found.problem : found.reason
    return { mistake: `It is not one JSON object alone. ${why}` }
  }
  const other = findJson(
    text.slice(found.end),
    false,
    (value) =>
      hasForm(value) ?? (jsonIdentity(value as JsonValue) === jsonIdentity(found.value) ? ALIKE : null),
  )
  return 'value' in other ? { mistake: 'It holds several JSON objects of that form. Give one.' } : found
}

const ALIKE = { pointer: '', message: 'The same again.' }
