/** What of a run was asked by earlier ones stands in every report, with when the oldest of it was asked. */

import { expect, test } from 'vitest'
import { renderHtml } from '../../../../src/evals/reports/html.ts'
import { reportJson } from '../../../../src/evals/reports/json.ts'
import { renderJunit } from '../../../../src/evals/reports/junit.ts'
import { renderMarkdown } from '../../../../src/evals/reports/markdown.ts'
import { factsOf, type Report } from '../../../../src/evals/reports/report.ts'
import { renderTerminal } from '../../../../src/evals/reports/terminal.ts'
import { report, verdict } from '../../../support/eval-report.ts'

const takenOver = {
  answers: 790,
  judgements: 1,
  saved: '120000',
  savedUnpriced: 0,
  oldestAt: '2026-11-24T22:00:00.000Z',
}
const OF_BASELINE = {
  answers: 1,
  judgements: 0,
  saved: '0',
  savedUnpriced: 1,
  oldestAt: '2026-11-28T10:03:00.000Z',
}
const SAID = '790 answers and 1 judgement of earlier runs, the oldest 3 d before this one; $0.12 saved'

function taking(): Report {
  const baseline = verdict.baseline && { ...verdict.baseline, takenOver: OF_BASELINE }
  return { ...report, verdict: { ...verdict, takenOver, baseline } }
}

test('a report says how many answers were taken over, how old, and what that saved', () => {
  const facts = new Map(factsOf(taking()))

  expect(facts.get('taken over')).toBe(SAID)
  // Another run, while this one went on, had asked for it.
  expect(facts.get('in the baseline')).toBe(
    '1 answer of earlier runs, none older than this one; $0.00 saved, unknown of 1',
  )
  expect([...new Map(factsOf(report)).keys()]).not.toContain('taken over')
})

test('every form of it says so', () => {
  const terminal = renderTerminal(taking(), { colors: false, width: 200 })
  const [markdown] = renderMarkdown(taking()).split('<details>')
  const unfolded = markdown?.replaceAll('&#44;', ',')

  expect(terminal).toContain(SAID)
  expect(renderHtml(taking())).toContain(SAID)
  expect(unfolded).toContain('790 answers and 1 judgement of earlier runs, the oldest 3 d before this one')
  expect(renderJunit(taking())).toContain(
    '<property name="answers_taken_over" value="790"/>\n    <property name="judgements_taken_over" value="1"/>\n    <property name="oldest_taken_over" value="2026-11-24T22:00:00.000Z"/>',
  )
  expect(reportJson(taking())).toMatchObject({
    taken_over: {
      answers: 790,
      judgements: 1,
      saved_usd: '0.12',
      saved_unpriced: 0,
      oldest_at: '2026-11-24T22:00:00.000Z',
    },
    baseline: { taken_over: { answers: 1, judgements: 0, saved_usd: '0' } },
  })
})
