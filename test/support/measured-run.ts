/** Runs as verdicts take them, measured by hand: values by scorer, one for each item, null where none was judged. */

import type { ItemScores } from '../../src/evals/runs/result-rows.ts'
import type { RunContent, RunScorer } from '../../src/evals/runs/run-content.ts'
import type { Measured } from '../../src/evals/runs/verdict.ts'

export const scorer = (more: Partial<RunScorer> = {}): RunScorer => ({
  name: 'right',
  kind: 'equals',
  version: 1,
  settings: {},
  values: 'binary',
  better: 'higher',
  gates: { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null },
  ...more,
})

export function measured(
  scorers: readonly RunScorer[],
  values: Readonly<Record<string, readonly (number | null)[]>>,
  more: Partial<Measured> & { group?: (at: number) => string | null; coverage?: number } = {},
): Measured {
  const content: RunContent = {
    suite: 'suite',
    dataset: { id: 'ds_1', name: 'questions', version: 1, hash: 'h' },
    split: null,
    subject: { kind: 'model', model: 'local/reader' },
    repeats: 1,
    scorers,
    concurrency: 1,
    timeoutMs: 1,
    coverage: more.coverage ?? 0.98,
    alpha: 0.05,
    seed: null,
  }
  const scores = new Map(
    Object.entries(values).map(([name, means]) => [
      name,
      means.map(
        (mean, at): ItemScores => ({
          position: at,
          itemId: `q${at}`,
          hash: `h${at}`,
          group: more.group?.(at) ?? null,
          scorer: name,
          mean,
          variance: null,
          scored: mean === null ? 0 : 1,
          abstained: mean === null ? 1 : 0,
          errors: 0,
        }),
      ),
    ]),
  )
  return { id: 'run_a', subject: 'local/reader', content, scores, ...more }
}
