/** A scorer that is a few lines of JavaScript, of a suite or of an item. Runs none of it itself. */

import { z } from 'zod'
import type { JsonObject, JsonValue } from '../../lib/json.ts'
import type { CodeOrder, Evaluated } from '../sandbox/protocol.ts'
import { failed, MAX_ANALYSED_CHARS, rounded, tooLong } from './outcome.ts'
import type { Sample, ScoreOutcome, ScorerKind } from './scorer.ts'

const MAX_CODE_CHARS = 100_000
/** What promptfoo shows code beside the prompt and the variables, and what is not kept with an answer here. */
export const UNKNOWN_IN_CONTEXT = ['test', 'logProbs', 'provider', 'providerResponse', 'trace', 'metadata']

const object = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>
const settings = z.strictObject({
  code: z
    .string()
    .min(1)
    .max(MAX_CODE_CHARS)
    .describe(
      'one line is an expression, several are the body of a function, with `return`; both see `output` and `context`',
    ),
  form: z
    .enum(['inline', 'commonjs', 'module'])
    .default('inline')
    .describe('what the code is: lines as above, or the text of a file that exports a function'),
  exported: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('which of a file’s exports is the function; left out, its default'),
  threshold: z.number().optional().describe('a number passes from here on; left out, one above 0 does'),
  vars: object.optional().describe('`context.vars`; left out, the item’s variables'),
  config: (z.json() as unknown as z.ZodType<JsonValue>).optional().describe('`context.config`'),
})
type Settings = z.output<typeof settings>

export const javascript: ScorerKind<Settings> = {
  kind: 'javascript',
  version: 1,
  summary: 'What code says of the answer: true or false, a number, or {pass, score, reason}.',
  source:
    'promptfoo (javascript), https://www.promptfoo.dev/docs/configuration/expected-outputs/javascript/; what throws is an error here, and has failed there.',
  traps:
    'Runs alone in QuickJS, with nothing but the language: no require, import, fetch, process or timers, 1 s of computing time, 64 MiB. What throws, takes longer, or gives anything else is an error and no score. Code that asks for the time or for chance judges the same answer otherwise the next day. A number beyond 0…1 is held against the threshold as it is, and counts as 0 or 1. `output` is the text; of an answer with tool calls it is these, or the whole message where it has a text too. `threshold` is held against a number alone: true, false and {pass} decide for themselves. An empty answer is shown to the code as any other; one of more than a million characters abstains.',
  values: 'share',
  better: 'higher',
  settings,
  prepare: (given) => async (sample, signal, tools) => {
    const { length } = sample.output
    if (length > MAX_ANALYSED_CHARS) return tooLong('The answer', length, MAX_ANALYSED_CHARS)
    return outcomeOf(await tools.evaluate(orderOf(given, sample), signal), given.threshold)
  },
}

function orderOf({ code, form, exported, vars, config }: Settings, sample: Sample): CodeOrder {
  const isPromptKnown = sample.prompt !== null
  return {
    ...(form === 'inline' ? { code: bodyOf(code), form: 'body' } : { code, form }),
    exported: exported ?? null,
    output: outputOf(sample),
    context: {
      vars: vars ?? sample.variables,
      ...(isPromptKnown && { prompt: sample.prompt }),
      ...(config !== undefined && { config }),
    },
    unknown: isPromptKnown ? UNKNOWN_IN_CONTEXT : [...UNKNOWN_IN_CONTEXT, 'prompt'],
  }
}

/** One line that begins with a declaration gives the value of its last expression, as `eval` does. */
function bodyOf(code: string): string {
  const text = code.trimEnd()
  if (text.includes('\n')) return text
  return /^\s*(?:const|let|var)\s/.test(text)
    ? `return eval(${JSON.stringify(text)})`
    : `return ${text.trim()}`
}

/** As promptfoo’s chat providers give it. */
function outputOf({ output, toolCalls }: Sample): JsonValue {
  if (toolCalls.length === 0) return output
  const calls = toolCalls.map((call) => ({ type: 'function', function: call }))
  return output === '' ? calls : { role: 'assistant', content: output, tool_calls: calls }
}

function outcomeOf(evaluated: Evaluated, threshold: number | undefined): ScoreOutcome {
  if (evaluated.kind === 'failed') return failed(`The code gives no score. ${evaluated.reason}`)
  const { value } = evaluated
  if (typeof value === 'boolean') return scored(Number(value), value, `The code says ${value}.`)
  if (typeof value === 'number') {
    const wanted = threshold === undefined ? 'more than 0' : `${rounded(threshold)} or more`
    const passed = threshold === undefined ? value > 0 : value >= threshold
    return scored(value, passed, `The code gives ${rounded(value)}; ${wanted} passes.`)
  }
  const { pass, score, reason } = value
  return scored(score, pass, reason === '' ? `The code says ${pass} and ${rounded(score)}.` : reason)
}

function scored(value: number, passed: boolean, reason: string): ScoreOutcome {
  return { outcome: 'scored', value: Math.min(1, Math.max(0, value)), passed, reason }
}
