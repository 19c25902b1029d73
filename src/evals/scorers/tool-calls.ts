/** Scorers of the tools an answer calls: whether arguments fit, whether the calls are the expected ones. */

import { z } from 'zod'
import { isJsonObject, type JsonValue } from '../../lib/json.ts'
import { nearest } from '../../lib/nearest.ts'
import { nothingExpected } from './expected.ts'
import { compileSchemaSetting, jsonIdentity, parseJson, readIdentity } from './json-values.ts'
import { failed, listed, quoted, rounded, share, verdict } from './outcome.ts'
import type { ScoreOutcome, ScorerKind, ToolCall } from './scorer.ts'
import { thresholdSetting } from './settings.ts'

/** More calls in one answer are a loop. */
const MAX_CALLS = 1_000

const validSettings = z.strictObject({
  tools: z
    .record(z.string().min(1), z.union([z.record(z.string(), z.json()), z.boolean()]))
    .describe('name of each tool and the JSON Schema of its arguments'),
})

export const toolCallsValid: ScorerKind<z.output<typeof validSettings>> = {
  kind: 'tool-calls-valid',
  version: 1,
  summary: 'The answer calls a tool, and every call names a known tool with arguments that fit its schema.',
  source: 'JSON Schema 2020-12; promptfoo (is-valid-openai-tools-call).',
  traps:
    'Says nothing about whether the right tool was called, or with the right values. An answer without a call fails, the empty one too. Empty arguments count as `{}`, as models write them for tools without parameters.',
  values: 'binary',
  better: 'higher',
  settings: validSettings,
  prepare({ tools }) {
    const checks = new Map(
      Object.entries(tools).map(([name, schema]) => [name, compileSchemaSetting(schema, `tools.${name}`)]),
    )
    return ({ toolCalls }) => {
      if (toolCalls.length === 0) return verdict(false, 'The answer calls no tool.')
      for (const { name, arguments: written } of toolCalls.slice(0, MAX_CALLS)) {
        const check = checks.get(name)
        if (check === undefined) {
          const meant = nearest(name, checks.keys())
          const hint = meant === null ? '' : ` The nearest one is ${quoted(meant)}.`
          return verdict(false, `The answer calls ${quoted(name)}, which is no known tool.${hint}`)
        }
        const parsed = parseJson(orEmpty(written))
        if ('outcome' in parsed) return parsed
        if ('problem' in parsed) {
          return verdict(false, `The arguments for ${quoted(name)} are no JSON: ${parsed.problem}`)
        }
        const wrong = check(parsed.value)
        if (wrong !== null) return verdict(false, `The arguments for ${quoted(name)}: ${wrong.message}`)
      }
      if (toolCalls.length > MAX_CALLS)
        return verdict(false, `The answer calls more than ${MAX_CALLS} tools.`)
      return verdict(true, `All ${toolCalls.length} calls fit their schemas.`)
    }
  },
}

const callsSetting = z
  .union([z.string().min(1), z.array(z.json())])
  .optional()
  .describe('calls as {name, arguments}, or names; left out, what the item expects')

const matchSettings = z.strictObject({
  value: callsSetting,
  order: z.enum(['same', 'any']).default('same').describe('whether the order of the calls counts'),
})

export const toolCallsMatch: ScorerKind<z.output<typeof matchSettings>> = {
  kind: 'tool-calls-match',
  version: 1,
  summary: 'The answer calls exactly the expected tools, with equal arguments, as often as expected.',
  source:
    'Berkeley Function Calling Leaderboard, https://gorilla.cs.berkeley.edu/leaderboard.html, narrowed to equal arguments: its lists of allowed values are left out.',
  traps:
    'An optional argument that is written out though it is the default fails. Arguments are compared as JSON: "2026-01-01" and "2026-1-1" differ. An expected call without arguments takes any. An empty list expects that no tool is called.',
  values: 'binary',
  better: 'higher',
  settings: matchSettings,
  prepare({ value, order }) {
    return ({ toolCalls, expected }) => {
      const wanted = readExpectedCalls((value as JsonValue | undefined) ?? expected)
      if ('outcome' in wanted) return wanted
      if (toolCalls.length > MAX_CALLS || wanted.calls.length > MAX_CALLS) {
        return verdict(false, `${toolCalls.length} calls, where at most ${MAX_CALLS} are compared.`)
      }
      const called = toolCalls.map(callIdentity)
      const left = [...wanted.calls]
      const matched = called.filter((call) => takeMatch(call, left, order === 'same'))
      const holds = matched.length === called.length && left.length === 0
      const reason = `${matched.length} of ${wanted.calls.length} expected calls are made; ${called.length} calls in all.`
      return verdict(holds, reason, { missing: left.slice(0, 20).map(({ name }) => name) })
    }
  },
}

type ComparedCall = { name: string; arguments: string | null }

/**
 * Takes the expected call that `call` answers out of `left`: the next one where the order counts, otherwise an equal one
 * before one that takes any arguments, which another call may need less.
 */
function takeMatch(call: ComparedCall, left: ComparedCall[], inOrder: boolean): boolean {
  const candidates = inOrder ? left.slice(0, 1) : left
  const find = (expected: string | null) =>
    candidates.findIndex((wanted) => wanted.name === call.name && wanted.arguments === expected)
  const equal = find(call.arguments)
  const at = equal >= 0 ? equal : find(null)
  if (at >= 0) left.splice(at, 1)
  return at >= 0
}

const f1Settings = z.strictObject({
  value: callsSetting,
  by: z.enum(['name', 'name-and-arguments']).default('name').describe('what makes two calls the same'),
  threshold: thresholdSetting,
})

export const toolCallF1: ScorerKind<z.output<typeof f1Settings>> = {
  kind: 'tool-call-f1',
  version: 1,
  summary: 'F1 of the set of called tools against the expected set, by name or by name and arguments.',
  source:
    'Precision and recall of van Rijsbergen 1979, Information Retrieval, chapter 7; promptfoo (tool-call-f1, which passes from 1 on).',
  traps:
    'Sets: order, and how often a tool is called, do not count. By name, wrong arguments count as right; by name and arguments, an expected call without any is one with none. An answer without a call has 0, the empty one too, unless nothing was expected: then 1.',
  values: 'share',
  better: 'higher',
  settings: f1Settings,
  prepare({ value, by, threshold }) {
    const key = (call: ComparedCall) =>
      by === 'name' ? call.name : JSON.stringify([call.name, call.arguments ?? '{}'])
    return ({ toolCalls, expected }) => {
      const wanted = readExpectedCalls((value as JsonValue | undefined) ?? expected)
      if ('outcome' in wanted) return wanted
      const expectedKeys = new Set(wanted.calls.map(key))
      const called = new Set(toolCalls.map(callIdentity).map(key))
      const common = [...expectedKeys].filter((one) => called.has(one)).length
      const f1 = expectedKeys.size + called.size === 0 ? 1 : (2 * common) / (expectedKeys.size + called.size)
      const names = listed([...new Set(toolCalls.map(({ name }) => name))])
      const reason = `F1 ${rounded(f1)}: ${common} in common of ${called.size} called and ${expectedKeys.size} expected. Called: ${names}.`
      return share(f1, threshold, reason)
    }
  },
}

function callIdentity({ name, arguments: written }: ToolCall): ComparedCall {
  const read = readIdentity(orEmpty(written))
  // What is no JSON equals only itself.
  return { name, arguments: 'identity' in read ? read.identity : `not JSON: ${written}` }
}

/** Models write nothing for a tool without parameters. */
function orEmpty(written: string): string {
  return written.trim() === '' ? '{}' : written
}

/** Expected calls: names, `{name, arguments}`, or OpenAI's `{function: {name, arguments}}`, alone or in a list. */
function readExpectedCalls(expected: JsonValue): { calls: ComparedCall[] } | ScoreOutcome {
  if (expected === null) return nothingExpected()
  const calls = (Array.isArray(expected) ? expected : [expected]).map(readCall)
  const known = calls.filter((call) => call !== null)
  if (known.length === calls.length) return { calls: known }
  return failed('What is expected is no list of tool calls. Write names, or objects with name and arguments.')
}

function readCall(written: JsonValue): ComparedCall | null {
  if (typeof written === 'string') return { name: written, arguments: null }
  if (!isJsonObject(written)) return null
  const call = isJsonObject(written.function) ? written.function : written
  if (typeof call.name !== 'string') return null
  if (call.arguments === undefined) return { name: call.name, arguments: null }
  if (typeof call.arguments !== 'string') return { name: call.name, arguments: jsonIdentity(call.arguments) }
  return callIdentity({ name: call.name, arguments: call.arguments })
}
