/** What all judges share: which model is asked and how, and what they do with an answer that says nothing. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { type Abstained, abstained, clip } from '../outcome.ts'
import type { Sample, Tools } from '../scorer.ts'
import type { Block } from './fence.ts'

/** Members of the request that the judge sets itself, or whose answer it could not read. */
const OWN_MEMBERS = ['model', 'messages', 'response_format', 'stream', 'stream_options', 'n', 'tools']
const MAX_TOLD_CHARS = 500

export const judgeSettings = {
  model: z.string().min(1).max(300).describe('who judges: `upstream/model`, or a route'),
  structured: z
    .boolean()
    .default(true)
    .describe('ask with `response_format: json_schema`; `false` for models that take none'),
  parameters: z
    .record(z.string().max(60), z.json())
    .refine(
      (given) => !OWN_MEMBERS.some((name) => Object.hasOwn(given, name)),
      `an object without ${OWN_MEMBERS.join(', ')}`,
    )
    .default({ temperature: 0, max_completion_tokens: 4096 })
    .describe('members of the request, in place of the usual ones'),
}
export type JudgeSettings = { model: string; structured: boolean; parameters: JsonObject }

/** One judgement under way: whom it asks, with what. */
export type Asking = { judge: JudgeSettings; tools: Tools; signal: AbortSignal }

/** For an answer without text: nobody is asked. Null for one that can be judged. */
export function emptyAnswer({ output }: Sample): Abstained | null {
  if (output.trim() !== '') return null
  return abstained('The answer is empty, so there is nothing to judge.')
}

/** The question as a block, where it is known. */
export function questionBlock({ input }: Sample): Block[] {
  return input.trim() === '' ? [] : [{ what: 'question', text: input }]
}

/** What a judge said in its own words, as a reason or a detail quotes it. */
export function told(words: string, maxChars = MAX_TOLD_CHARS): string {
  return clip(oneLine(words), maxChars)
}

/** Without line breaks, so that an entry of a numbered list cannot forge the next one. */
export function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').trim()
}

/** Whose judgement it is, and whether it had to be asked twice for it. */
export function judgeDetails({ model }: JudgeSettings, repaired: boolean, more: JsonObject = {}): JsonValue {
  return { model, repaired, ...more }
}
