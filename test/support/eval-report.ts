/** A small report with figures written by hand: a comparison of two releases by three scorers. */

import type { ItemComparison } from '../../src/evals/reports/items.ts'
import type { Report } from '../../src/evals/reports/report.ts'
import type { Gate } from '../../src/evals/runs/gates.ts'
import type { ScorerVerdict, Verdict } from '../../src/evals/runs/verdict.ts'
import type { Difference } from '../../src/lib/statistics/difference.ts'
import type { Estimate } from '../../src/lib/statistics/estimate.ts'

export const estimate = (value: number, low: number, high: number): Estimate => ({
  estimate: value,
  low,
  high,
  se: (high - low) / 4,
  method: 'bootstrap-t@1',
  items: 400,
  groups: 400,
})
const difference = (value: number, low: number, high: number, p: number): Difference => ({
  ...estimate(value, low, high),
  p,
  method: 'wider-t-sign-flip@1',
})
const gate = (of: Partial<Gate> & Pick<Gate, 'rule' | 'bar' | 'verdict'>): Gate => ({
  reason: 'no item was judged.',
  low: null,
  high: null,
  itemsMore: null,
  ...of,
})

const SCORER = {
  version: 1,
  values: 'share',
  better: 'higher',
  decides: true,
  covered: true,
  reliability: null,
  calibration: null,
  corrected: null,
} as const

export const grounded: ScorerVerdict = {
  ...SCORER,
  scorer: 'grounded',
  kind: 'grounded',
  coverage: { scored: 796, abstained: 4, errors: 0, expected: 800 },
  estimate: estimate(0.941, 0.921, 0.958),
  compared: {
    baseline: estimate(0.912, 0.89, 0.934),
    difference: difference(0.029, 0.008, 0.051, 0.004),
    adjustedP: 0.012,
    reads: 'better',
  },
  gates: [
    gate({
      rule: 'at_least',
      bar: 0.9,
      verdict: 'pass',
      low: 0.92,
      high: 0.962,
      reason: 'at least 0.9 is demanded, and the mean lies between 0.92 and 0.962.',
    }),
  ],
}

export const answered: ScorerVerdict = {
  ...SCORER,
  scorer: 'answered',
  kind: 'judge',
  version: 2,
  coverage: { scored: 800, abstained: 0, errors: 0, expected: 800 },
  estimate: estimate(0.861, 0.834, 0.888),
  compared: {
    baseline: estimate(0.874, 0.848, 0.899),
    difference: difference(-0.013, -0.036, 0.01, 0.26),
    adjustedP: 0.52,
    reads: 'no difference seen',
  },
  gates: [
    gate({
      rule: 'not_worse_by',
      bar: 0.02,
      verdict: 'inconclusive',
      low: -0.032,
      high: 0.006,
      itemsMore: 350,
      reason:
        'at most 0.02 worse is allowed, and it is between -0.032 and +0.006, higher being better. About 350 items more would settle it.',
    }),
  ],
}

export const words: ScorerVerdict = {
  ...SCORER,
  scorer: 'words',
  kind: 'length',
  values: 'unbounded',
  better: 'lower',
  coverage: { scored: 800, abstained: 0, errors: 0, expected: 800 },
  estimate: estimate(81.25, 78, 84.5),
  compared: {
    baseline: estimate(93.75, 90, 97.5),
    difference: difference(-12.5, -15, -10, 0.0001),
    adjustedP: 0.0003,
    reads: 'better',
  },
  gates: [],
}

export const verdict: Verdict = {
  verdict: 'inconclusive',
  uncovered: false,
  reasons: [`answered: ${answered.gates[0]?.reason}`],
  run: { id: 'run_01KB', subject: 'support-answer@r13' },
  baseline: { id: 'run_01KA', subject: 'support-answer@r12', sharedItems: 400 },
  items: 400,
  repeats: 2,
  scorers: [grounded, answered, words],
}

/** The run by itself. */
export const alone = (one: ScorerVerdict): ScorerVerdict => ({
  ...one,
  compared: null,
  gates: one.gates.filter(({ rule }) => rule !== 'not_worse_by'),
})

export const items: ItemComparison = {
  runs: ['run_01KA', 'run_01KB'],
  scorers: [
    {
      scorer: 'answered',
      compared: 400,
      counts: { failing: 0, 'newly failing': 1, 'no longer judged': 0, 'newly passing': 0, changed: 3 },
    },
  ],
  items: [
    {
      itemId: 'shoes-7',
      position: 6,
      scores: [
        {
          scorer: 'answered',
          kind: 'newly failing',
          change: -1,
          scores: [
            { mean: 1, passed: true },
            { mean: 0, passed: false },
          ],
        },
      ],
      answers: [
        {
          output: 'Within 30 days.',
          error: null,
          reasons: [{ scorer: 'answered', outcome: 'scored', reason: 'It says when.' }],
        },
        {
          output: 'I cannot say.',
          error: null,
          reasons: [{ scorer: 'answered', outcome: 'scored', reason: 'It does not say when.' }],
        },
      ],
    },
  ],
}

export const report: Report = {
  verdict,
  about: {
    suite: 'support-answer',
    dataset: 'support-questions@7',
    split: null,
    createdAt: '2026-11-28T10:00:00.000Z',
    finishedAt: '2026-11-28T10:04:30.500Z',
    cost: 840_000n,
    unpriced: 0,
    alpha: 0.05,
    coverage: 0.98,
    gitCommit: null,
    hashes: { content: 'c0'.repeat(32), measure: 'ee'.repeat(32), dataset: 'da'.repeat(32) },
  },
  items,
}
