/**
 * Samples of openai/evals, one `{"input": …}` a line, become the one prompt they were written from: what all samples
 * share is its text, what differs a variable. Pure.
 */

import { isJsonObject } from '../../../lib/json.ts'
import { type Imported, type LeftOut, promptLeftOut, toFiles } from './draft.ts'

type Message = { role: string; content: string }

/** Examples in a system message are said by whom their name says. */
const EXAMPLE_ROLES: Readonly<Record<string, string>> = {
  example_user: 'user',
  example_assistant: 'assistant',
}
const MAX_SHOWN = 20

/** `name` becomes that of the prompt. Problems when no line is a sample. */
export function importOpenaiEvals(
  text: string,
  { name }: { name: string },
): Imported | { problems: readonly string[] } {
  const leftOut: LeftOut[] = []
  const samples: Message[][] = []
  const members = new Map<string, number>()
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const read = readSample(line)
    if (typeof read === 'string') {
      leftOut.push({ kind: 'other', what: `line ${at + 1}`, count: 1, reason: read })
      continue
    }
    samples.push(read.messages)
    for (const member of read.others) members.set(member, (members.get(member) ?? 0) + 1)
  }
  if (samples.length === 0) {
    const [first] = leftOut
    return {
      problems: [
        `${name}: no line is a sample of openai/evals. ${first === undefined ? '' : `${first.what}: ${first.reason}`}`,
      ],
    }
  }
  const shape = commonShape(samples)
  const fitting = samples.filter((sample) => shapeOf(sample) === shape)
  const other = samples.length - fitting.length
  if (other > 0) {
    leftOut.push({
      kind: 'other',
      what: 'samples',
      count: other,
      reason: `their roles are not ${shape}, as those of most.`,
    })
  }
  for (const [what, count] of members) {
    leftOut.push({
      kind: 'other',
      what: what.slice(0, 80),
      count,
      reason: 'imports carry over prompts; what a sample expects is not among them.',
    })
  }
  const source = `${fitting.length} samples`
  const messages = templateOf(fitting)
  if (typeof messages === 'string') return toFiles([], [...shorten(leftOut), promptLeftOut(source, messages)])
  return toFiles([{ source, name, messages }], shorten(leftOut))
}

function shorten(leftOut: readonly LeftOut[]): LeftOut[] {
  const rest = leftOut.slice(MAX_SHOWN)
  if (rest.length === 0) return [...leftOut]
  const count = rest.reduce((sum, one) => sum + one.count, 0)
  return [
    ...leftOut.slice(0, MAX_SHOWN),
    { kind: 'other', what: 'the rest', count, reason: 'as those before.' },
  ]
}

function readSample(line: string): { messages: Message[]; others: string[] } | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'not valid JSON.'
  }
  if (!isJsonObject(value) || value.input === undefined) return 'it has no input.'
  const { input, ...others } = value
  if (typeof input === 'string')
    return { messages: [{ role: 'user', content: input }], others: Object.keys(others) }
  if (!Array.isArray(input) || input.length === 0)
    return 'its input is neither a text nor a list of messages.'
  const messages: Message[] = []
  for (const message of input) {
    if (!isJsonObject(message) || typeof message.content !== 'string' || typeof message.role !== 'string') {
      return 'a message of its input is not {role, content} with a text.'
    }
    const { name } = message
    const said = typeof name === 'string' && message.role === 'system' ? EXAMPLE_ROLES[name] : undefined
    messages.push({ role: said ?? message.role, content: message.content })
  }
  return { messages, others: Object.keys(others) }
}

function shapeOf(messages: readonly Message[]): string {
  return messages.map(({ role }) => role).join(', ')
}

function commonShape(samples: readonly Message[][]): string {
  const counts = new Map<string, number>()
  for (const sample of samples) counts.set(shapeOf(sample), (counts.get(shapeOf(sample)) ?? 0) + 1)
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0]
}

/** Samples of one shape as one list of messages with variables; or why not. */
function templateOf(samples: readonly Message[][]): Message[] | string {
  const [first = []] = samples
  const columns = first.map(({ role }, at) => ({ role, texts: samples.map((one) => one[at]?.content ?? '') }))
  const differing = columns.map(({ texts }) => texts.some((text) => text !== texts[0]))
  // Where nothing differs, there is one sample or many of the same: what the last user says is what is asked.
  if (!differing.includes(true)) {
    const last = columns.findLastIndex(({ role }) => role === 'user')
    if (last < 0) return 'all are the same and have no message of a user.'
    differing[last] = true
  }
  let variables = 0
  const messages = columns.map(({ role, texts }, at) => {
    if (differing[at] !== true) return { role, literal: texts[0] ?? '', content: texts[0] ?? '' }
    variables += 1
    const { before, after } = sharedAround(texts)
    const tag = `{{input${variables === 1 ? '' : `_${variables}`}}}`
    return { role, literal: before + after, content: before + tag + after }
  })
  if (messages.some(({ literal }) => literal.includes('{{'))) {
    return 'what all samples share has {{, which would be read as a tag. Write it by hand.'
  }
  return messages.map(({ role, content }) => ({ role, content }))
}

/** Whole lines and leads like `Question: ` that all texts share; single words in common are chance. */
function sharedAround(texts: readonly string[]): { before: string; after: string } {
  const [first = ''] = texts
  if (texts.every((text) => text === first)) return { before: '', after: '' }
  let start = 0
  while (start < first.length && texts.every((text) => text.charAt(start) === first.charAt(start))) start += 1
  const before = /^[\s\S]*(?:\n|:\s)/.exec(first.slice(0, start))?.[0] ?? ''
  const rests = texts.map((text) => text.slice(before.length))
  const [rest = ''] = rests
  let end = 0
  while (end < rest.length && rests.every((text) => text.at(-1 - end) === rest.at(-1 - end))) end += 1
  const after = /\n[\s\S]*$/.exec(end === 0 ? '' : rest.slice(-end))?.[0] ?? ''
  return { before, after }
}
