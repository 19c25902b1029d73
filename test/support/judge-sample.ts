/** Judges a sample in one line: what a test does not say is unknown. */

import { judgeSafely } from '../../src/evals/scorers/judge-safely.ts'
import { prepareScorer } from '../../src/evals/scorers/registry.ts'
import type {
  JudgeAnswer,
  JudgeQuestion,
  Sample,
  ScoreOutcome,
  Tools,
} from '../../src/evals/scorers/scorer.ts'

/** Code that says whether there is an answer, whatever it is. */
const evaluate: Tools['evaluate'] = async ({ output }) => ({ kind: 'returned', value: output !== '' })

/** For scorers that need nobody. */
export const NO_TOOLS: Tools = {
  ask: async () => ({ kind: 'failed', reason: 'Nobody is asked in this test.' }),
  embed: async () => await Promise.reject(new Error('No vectors in this test.')),
  evaluate,
}

/** A model that says what the script says, and vectors as given; keeps what it was asked. An object is said as JSON. */
export function scriptedTools(
  script: (question: JudgeQuestion, before: number) => string | object,
  vectors: (text: string) => readonly number[] = () => [1],
): { tools: Tools; asked: JudgeQuestion[] } {
  const asked: JudgeQuestion[] = []
  const ask = async (question: JudgeQuestion): Promise<JudgeAnswer> => {
    asked.push(question)
    const said = script(question, asked.length - 1)
    if (typeof said === 'object' && 'kind' in said) return said as JudgeAnswer
    const text = typeof said === 'string' ? said : JSON.stringify(said)
    return { kind: 'answered', text, finishReason: 'stop' }
  }
  const embed: Tools['embed'] = async (texts) => texts.map((text) => Float32Array.from(vectors(text)))
  return { tools: { ask, embed, evaluate }, asked }
}

/** Says one after the other; a question more is a mistake of the test. */
export function saying(...script: readonly (string | object)[]) {
  return scriptedTools((_, before) => {
    const said = script[before]
    if (said === undefined) throw new Error(`Question ${before + 1} is not in the script.`)
    return said
  })
}

export const EMPTY_SAMPLE: Sample = {
  input: '',
  prompt: null,
  variables: {},
  output: '',
  toolCalls: [],
  finishReason: null,
  expected: null,
  assertions: null,
  contexts: [],
  retrieved: null,
  latencyMs: null,
  cost: null,
}

export function judgeSample(
  kind: string,
  settings: Record<string, unknown>,
  sample: Partial<Sample>,
  tools: Tools = NO_TOOLS,
): Promise<ScoreOutcome> {
  const { signal } = new AbortController()
  return judgeSafely(prepareScorer({ kind, settings }), { ...EMPTY_SAMPLE, ...sample }, { signal, tools })
}

/** The value of a score; the other outcomes by their names. */
export async function scoreOf(
  kind: string,
  settings: Record<string, unknown>,
  sample: Partial<Sample>,
  tools: Tools = NO_TOOLS,
): Promise<number | string> {
  const outcome = await judgeSample(kind, settings, sample, tools)
  return outcome.outcome === 'scored' ? outcome.value : outcome.outcome
}
