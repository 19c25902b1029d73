import { expect, test } from 'vitest'
import { renderHtml } from '../../../../src/evals/reports/html.ts'
import { reportJson } from '../../../../src/evals/reports/json.ts'
import { renderMarkdown } from '../../../../src/evals/reports/markdown.ts'
import type { Report } from '../../../../src/evals/reports/report.ts'
import { renderTerminal } from '../../../../src/evals/reports/terminal.ts'
import { estimate, grounded, report } from '../../../support/eval-report.ts'

test('every report says how often a perturbation turned a judgement, and nothing of it without perturbed items', () => {
  const plain: Report = report
  const rate = estimate(0.125, 0.05, 0.25)
  const flips = [
    {
      scorer: 'grounded',
      perturbation: 'typos',
      pairs: 40,
      decided: 32,
      rate,
      nowFailing: 3,
      nowPassing: 1,
      difference: null,
    },
  ]
  const flipped: Report = { ...plain, verdict: { ...plain.verdict, scorers: [{ ...grounded, flips }] } }

  for (const text of [
    renderTerminal(flipped, { colors: false, width: 120 }),
    renderMarkdown(flipped),
    renderHtml(flipped),
  ]) {
    expect(text).toContain('0.125 [.050 .250]')
    expect(text).toContain('32 of 40')
  }
  expect(reportJson(flipped)).toMatchObject({
    scorers: [{ flips: [{ perturbation: 'typos', pairs: 40, decided: 32, now_failing: 3, now_passing: 1 }] }],
  })
  for (const text of [
    renderTerminal(plain, { colors: false, width: 120 }),
    renderMarkdown(plain),
    renderHtml(plain),
  ]) {
    expect(text).not.toContain('perturbed by')
  }
})
