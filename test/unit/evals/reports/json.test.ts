import { expect, test } from 'vitest'
import { reportJson } from '../../../../src/evals/reports/json.ts'
import { estimate, grounded, report, verdict } from '../../../support/eval-report.ts'

test('a report says everything to programs, in snake case', () => {
  const json = reportJson({ ...report, verdict: { ...verdict, scorers: [grounded] } })

  expect(json).toEqual({
    format: 'aval.eval-report/1',
    verdict: 'inconclusive',
    uncovered: false,
    exit_code: 101,
    reasons: verdict.reasons,
    suite: 'support-answer',
    dataset: 'support-questions@7',
    split: null,
    run: { id: 'run_01KB', subject: 'support-answer@r13' },
    baseline: { id: 'run_01KA', subject: 'support-answer@r12', shared_items: 400, taken_over: null },
    items: 400,
    repeats: 2,
    alpha: 0.05,
    coverage: 0.98,
    created_at: '2026-11-28T10:00:00.000Z',
    finished_at: '2026-11-28T10:04:30.500Z',
    cost_usd: '0.84',
    unpriced: 0,
    taken_over: null,
    git_commit: null,
    hashes: report.about.hashes,
    scorers: [
      {
        scorer: 'grounded',
        kind: 'grounded',
        version: 1,
        values: 'share',
        better: 'higher',
        decides: true,
        coverage: { scored: 796, abstained: 4, errors: 0, expected: 800 },
        uncovered: false,
        estimate: {
          estimate: 0.941,
          low: 0.921,
          high: 0.958,
          se: expect.closeTo(0.00925, 10),
          method: 'bootstrap-t@1',
          items: 400,
          groups: 400,
        },
        reliability: null,
        calibration: null,
        corrected: null,
        compared: {
          baseline: expect.objectContaining({ estimate: 0.912 }),
          difference: expect.objectContaining({ estimate: 0.029, p: 0.004, method: 'wider-t-sign-flip@1' }),
          adjusted_p: 0.012,
          reads: 'better',
        },
        gates: [
          {
            rule: 'at_least',
            bar: 0.9,
            verdict: 'pass',
            reason: 'at least 0.9 is demanded, and the mean lies between 0.92 and 0.962.',
            low: 0.92,
            high: 0.962,
            items_more: null,
          },
        ],
      },
    ],
    item_changes: {
      runs: ['run_01KA', 'run_01KB'],
      scorers: [
        {
          scorer: 'answered',
          compared: 400,
          failing: 0,
          newly_failing: 1,
          no_longer_judged: 0,
          newly_passing: 0,
          changed: 3,
        },
      ],
      items: [
        {
          item_id: 'shoes-7',
          position: 6,
          scores: [
            {
              scorer: 'answered',
              kind: 'newly_failing',
              change: -1,
              runs: [
                { mean: 1, passed: true },
                { mean: 0, passed: false },
              ],
            },
          ],
          answers: [
            expect.objectContaining({ output: 'Within 30 days.', error: null }),
            expect.objectContaining({ output: 'I cannot say.' }),
          ],
        },
      ],
    },
  })
  expect(JSON.parse(JSON.stringify(json))).toEqual(json)
})

test('an end without bound is null, and what was not measured is null', () => {
  const open = { ...grounded, estimate: estimate(3, -Infinity, Infinity), compared: null }
  const scorers = [open, { ...open, estimate: null }]

  const json = reportJson({ ...report, items: null, verdict: { ...verdict, baseline: null, scorers } })

  expect(json).toMatchObject({
    baseline: null,
    item_changes: null,
    scorers: [
      { estimate: { estimate: 3, low: null, high: null, se: null }, compared: null },
      { estimate: null },
    ],
  })
})
