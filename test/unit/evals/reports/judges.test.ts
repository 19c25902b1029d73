import { expect, test } from 'vitest'
import { renderHtml } from '../../../../src/evals/reports/html.ts'
import { judgeSentences } from '../../../../src/evals/reports/judges.ts'
import { renderMarkdown } from '../../../../src/evals/reports/markdown.ts'
import { renderTerminal } from '../../../../src/evals/reports/terminal.ts'
import type { ScorerVerdict } from '../../../../src/evals/runs/verdict.ts'
import { grounded, report, verdict } from '../../../support/eval-report.ts'

const judge: ScorerVerdict = {
  ...grounded,
  scorer: 'polite',
  corrected: { estimate: 0.78, low: 0.69, high: 0.86, method: 'rogan-gladen@1', truths: 120 },
  calibration: {
    id: 'cal_01KB',
    qualifies: true,
    misses: [],
    truths: 120,
    kappa: { estimate: 0.81, low: 0.7, high: 0.9 },
    sensitivity: { estimate: 0.95, low: 0.88, high: 0.98 },
    specificity: { estimate: 0.85, low: 0.74, high: 0.92 },
  },
}

test('a calibrated judge has one sentence, with what people would have given and why it may decide', () => {
  expect(judgeSentences([grounded, judge])).toEqual([
    'polite: people would give 0.780 [.690 .860] (rogan-gladen@1, 120 truths). Calibrated by cal_01KB over 120 truths, kappa 0.810 [.700 .900], sensitivity 0.950 [.880 .980], specificity 0.850 [.740 .920]; it may decide.',
  ])
})

test('one that does not qualify says what it lacks', () => {
  const misses = ['20 truths, and 30 are needed.']
  const calibration = { ...judge.calibration!, qualifies: false, misses }

  const [sentence] = judgeSentences([{ ...judge, corrected: null, calibration }])

  expect(sentence).toMatch(/^polite: Calibrated by .*; it may not decide: 20 truths, and 30 are needed\.$/)
})

test('the sentence stands in the terminal, in Markdown and on the page, and nowhere without a calibration', () => {
  const texts = (scorers: ScorerVerdict[]) => {
    const of = { ...report, verdict: { ...verdict, scorers } }
    return [renderTerminal(of, { colors: false, width: 100 }), renderMarkdown(of), renderHtml(of)]
  }

  for (const text of texts([judge])) expect(text).toMatch(/Calibrated/)
  for (const text of texts([grounded])) expect(text).not.toMatch(/Calibrated|Judges/)
})
