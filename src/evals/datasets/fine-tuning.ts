/**
 * An item as a line of a training file: an example to repeat (OpenAI's chat fine-tuning), or an answer that is better than another
 * (direct preference optimization). Formats: https://platform.openai.com/docs/guides/supervised-fine-tuning and
 * https://developers.openai.com/api/docs/guides/direct-preference-optimization. Pure.
 */

import { z } from 'zod'
import type { DatasetItem } from './item.ts'

export const TRAINING_FORMATS = ['openai-ft', 'dpo'] as const
export type TrainingFormat = (typeof TRAINING_FORMATS)[number]

const text = z.string().min(1)
const parts = z.array(z.strictObject({ type: z.literal('text'), text })).min(1)
const content = z.union([text, parts])
const asked = z.union([
  z.strictObject({ role: z.enum(['system', 'developer', 'user']), content, name: z.string().optional() }),
  z.strictObject({ role: z.literal('assistant'), content: text }),
])
const answered = z.strictObject({ role: z.literal('assistant'), content: text })
/** Words alone: an item does not say which functions there were, and a call of an unknown one teaches nothing. */
const messages = z.array(asked).min(1)

/** What the two formats allow, as far as items use it. */
export const TRAINING_SHAPES = {
  'openai-ft': z.strictObject({ messages: z.array(z.union([asked, answered])).min(2) }),
  dpo: z.strictObject({
    input: z.strictObject({ messages }),
    preferred_output: z.tuple([answered]),
    non_preferred_output: z.tuple([answered]),
  }),
} as const satisfies Record<TrainingFormat, z.ZodType>

export type TrainingExample = { line: object } | { left: string }

/** Ratings of people, 0…1: a grade of 4 or 5, or a yes; of 1 or 2, or a no. Between them they do not say which it is. */
const GOOD = 0.75
const BAD = 0.25

/** The line, or why the item gives none. */
export function trainingExample(item: DatasetItem, format: TrainingFormat): TrainingExample {
  const question = questionOf(item)
  if ('left' in question) return question
  const answers: Answers = format === 'dpo' ? pairOf(item) : wantedOf(item)
  if ('left' in answers) return answers
  const line = lineOf(question.messages, answers)
  const checked = TRAINING_SHAPES[format].safeParse(line)
  if (checked.success) return { line: checked.data }
  return { left: `its line would not fit the format at ${checked.error.issues[0]?.path.join('.') ?? 'all'}` }
}

/** What an assistant shall say, and of a pair what it shall rather not. */
type Answers = { wanted: string; rejected?: string } | { left: string }

function lineOf(question: Question, { wanted, rejected }: { wanted: string; rejected?: string }): object {
  const said = (words: string) => ({ role: 'assistant', content: words })
  if (rejected === undefined) return { messages: [...question, said(wanted)] }
  return {
    input: { messages: question },
    preferred_output: [said(wanted)],
    non_preferred_output: [said(rejected)],
  }
}

type Question = z.infer<typeof messages>

function questionOf({
  input,
  messages: given,
  variables,
}: DatasetItem): { messages: Question } | { left: string } {
  if (input === undefined && given === undefined) {
    const left = variables === undefined ? 'asks nothing' : 'asks by variables of a prompt, and not in words'
    return { left }
  }
  if (variables !== undefined) return { left: 'asks by variables of a prompt as well, which its words lack' }
  const read = messages.safeParse(given ?? [{ role: 'user', content: input }])
  if (!read.success) {
    const [issue] = read.error.issues
    return {
      left: `its message ${Number(issue?.path[0] ?? 0) + 1} is not words alone of a system, a user or an assistant`,
    }
  }
  if (read.data.at(-1)?.role === 'assistant') return { left: 'its conversation ends with an answer' }
  return { messages: read.data }
}

/** What is worth repeating: what was expected, or what people found good. */
function wantedOf(item: DatasetItem): { wanted: string } | { left: string } {
  const expected = expectedText(item)
  if (expected !== null) return expected
  const { output } = item
  const rated = ratingOf(item)
  if (output === undefined) return { left: 'has neither an expected answer nor an output' }
  if (rated === null) return { left: 'expects nothing, and nobody has rated its output' }
  return rated === 'good'
    ? { wanted: output }
    : { left: 'expects nothing, and people did not find its output good' }
}

/** An answer that somebody wrote where another one was given is better than that, unless people found the other one good. */
function pairOf(item: DatasetItem): { wanted: string; rejected: string } | { left: string } {
  const expected = expectedText(item)
  if (expected === null) return { left: 'expects nothing, so nothing is better than its output' }
  if ('left' in expected) return expected
  const { output } = item
  if (output === undefined) return { left: 'has no output that its expected answer is better than' }
  const rated = ratingOf(item)
  if (rated === 'good') return { left: 'people found its output good' }
  if (rated === 'between') return { left: 'people do not say whether its output is bad' }
  if (sameWords(expected.wanted, output)) return { left: 'its output is the expected answer' }
  return { ...expected, rejected: output }
}

/** Null where nothing is expected. A value is the JSON that a model would write. */
function expectedText({ expected }: DatasetItem): { wanted: string } | { left: string } | null {
  if (expected === undefined || expected === null) return null
  if (typeof expected === 'string')
    return expected === '' ? { left: 'its expected answer is empty' } : { wanted: expected }
  const calls = Array.isArray(expected) ? expected : []
  if (calls.some((one) => typeof one === 'object' && one !== null && 'name' in one)) {
    return { left: 'expects calls of functions, and does not say which there are' }
  }
  return { wanted: JSON.stringify(expected) }
}

/** Of all that people rated of it, by the worst; null for nothing. */
function ratingOf({ labels = {} }: DatasetItem): 'good' | 'bad' | 'between' | null {
  const values = Object.values(labels).filter((value) => value !== null)
  if (values.length === 0) return null
  const worst = Math.min(...values)
  if (worst >= GOOD) return 'good'
  return worst <= BAD ? 'bad' : 'between'
}

function sameWords(one: string, other: string): boolean {
  const words = (from: string) => from.trim().replaceAll(/\s+/g, ' ')
  return words(one) === words(other)
}
