/** Runs the tests of a prompt file: renders with their variables and looks for what they expect. Pure. */

import { RequestError } from '../../errors.ts'
import { compileLinearRegex } from '../../lib/linear-regex.ts'
import type { PromptTest } from './prompt-content.ts'
import { type CompiledPrompt, joinedText, newRenderBudget } from './render.ts'
import type { RenderBudget } from './template.ts'

/** `position` counts from 1, in the order of the file. `problem` says why nothing was rendered. */
export type CheckResult = {
  position: number
  passed: boolean
  problem: string | null
  /** What was expected and is not so. */
  missed: readonly { kind: 'contains' | 'equals' | 'matches'; expected: string }[]
  /** The joined text of the messages, cut when long. */
  rendered: string | null
}

const MAX_SHOWN_CHARACTERS = 4000

/**
 * One result for each test. Never throws for what a test holds. All tests of a file together may take what one prompt
 * may: a server runs them before it takes a version.
 */
export function runChecks(prompt: CompiledPrompt, tests: readonly PromptTest[]): CheckResult[] {
  const budget = newRenderBudget()
  return tests.map((test, at) => runCheck(prompt, test, at + 1, budget))
}

/** A failed test of prompts/<name>.yaml as a sentence. */
export function describeFailure(name: string, { position, problem, missed }: CheckResult): string {
  const why = problem ?? missed.map(({ kind, expected }) => `${kind} ${JSON.stringify(expected)}`).join(', ')
  return `prompts/${name}.yaml: test ${position} fails: ${problem === null ? `not so: ${why}` : why}`
}

function runCheck(
  prompt: CompiledPrompt,
  { variables, contexts, renders }: PromptTest,
  position: number,
  budget: RenderBudget,
): CheckResult {
  let text: string
  try {
    text = joinedText(prompt.render(variables, { contexts, budget }))
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    return { position, passed: false, problem: error.message, missed: [], rendered: null }
  }
  const kinds = ['contains', 'equals', 'matches'] as const
  const missed = kinds.flatMap((kind) => {
    const expected = renders[kind]
    return expected === undefined || holds(kind, text, expected) ? [] : [{ kind, expected }]
  })
  return {
    position,
    passed: missed.length === 0,
    problem: null,
    missed,
    rendered: text.slice(0, MAX_SHOWN_CHARACTERS),
  }
}

function holds(kind: 'contains' | 'equals' | 'matches', text: string, expected: string): boolean {
  if (kind === 'contains') return text.includes(expected)
  // A block of YAML ends with a line break that nobody means.
  if (kind === 'equals') return text.trim() === expected.trim()
  const pattern = compileLinearRegex(expected, 'allowed')
  return !('expected' in pattern) && pattern.test(text)
}
