/** Judges a sample in one line: what a test does not say is unknown. */

import { judgeSafely } from '../../src/evals/scorers/judge-safely.ts'
import { prepareScorer } from '../../src/evals/scorers/registry.ts'
import type { Sample, ScoreOutcome, Tools } from '../../src/evals/scorers/scorer.ts'

/** For scorers that need nobody. */
export const NO_TOOLS: Tools = {
  ask: async () => ({ kind: 'failed', reason: 'Nobody is asked in this test.' }),
  embed: async () => await Promise.reject(new Error('No vectors in this test.')),
}

export const EMPTY_SAMPLE: Sample = {
  input: '',
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
): Promise<ScoreOutcome> {
  const { signal } = new AbortController()
  return judgeSafely(
    prepareScorer({ kind, settings }),
    { ...EMPTY_SAMPLE, ...sample },
    { signal, tools: NO_TOOLS },
  )
}

/** The value of a score; the other outcomes by their names. */
export async function scoreOf(
  kind: string,
  settings: Record<string, unknown>,
  sample: Partial<Sample>,
): Promise<number | string> {
  const outcome = await judgeSample(kind, settings, sample)
  return outcome.outcome === 'scored' ? outcome.value : outcome.outcome
}
