/** A report as JUnit XML, for the test views of CI systems: a case for each demand and, where items are given, for each item. Pure. */

import { valueText } from '../../lib/interval-text.ts'
import { type Markup, markup } from '../../lib/markup.ts'
import type { Gate } from '../runs/gates.ts'
import type { ItemChange } from './items.ts'
import { demandText } from './numbers.ts'
import { coverageText, outcomeText, type Report } from './report.ts'

type Result = 'passed' | 'failure' | 'error' | 'skipped'
type Case = { of: string; name: string; result: Result; message: string }

const RESULT_OF: Readonly<Record<Gate['verdict'], Result>> = {
  pass: 'passed',
  fail: 'failure',
  inconclusive: 'skipped',
}

/**
 * One `testsuite` for the run. A failed gate is a failure, an inconclusive one is skipped, a scorer that judged less than the
 * suite demands is an error. An item fails when the last run's scores do: items are not gates, and the exit code may be 0 all
 * the same. Elements and attributes are those of Jenkins' schema
 * (https://github.com/jenkinsci/xunit-plugin, `junit-10.xsd`).
 */
export function renderJunit(report: Report): string {
  const { verdict, about } = report
  const cases = [...demands(report), ...(report.items?.items ?? []).map(itemCase)]
  const count = (wanted: Result) => cases.filter(({ result }) => result === wanted).length
  const seconds = secondsOf(report)
  const properties: [string, string][] = [
    ['verdict', verdict.verdict],
    ['outcome', outcomeText(report)],
    ['run', verdict.run.id],
    ['subject', verdict.run.subject],
    ...(verdict.baseline === null ? [] : [['baseline', verdict.baseline.id] satisfies [string, string]]),
    ['dataset', about.dataset],
    ...takenOverProperties(verdict),
    ['content_hash', about.hashes.content],
    ['measure_hash', about.hashes.measure],
    ['dataset_hash', about.hashes.dataset],
  ]
  const suite = markup`<testsuite name="${about.suite}" tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}" time="${seconds}" timestamp="${about.createdAt}">
  <properties>
${properties.map(([name, value]) => markup`    <property name="${name}" value="${value}"/>\n`)}  </properties>
${cases.map((one) => caseMarkup(about.suite, one))}</testsuite>
`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suite.markup}</testsuites>\n`
}

/** None where every answer and judgement is the run's own. */
function takenOverProperties({ takenOver }: Report['verdict']): [string, string][] {
  if (takenOver === undefined) return []
  const { answers, judgements, oldestAt } = takenOver
  return [
    ['answers_taken_over', String(answers)],
    ['judgements_taken_over', String(judgements)],
    ['oldest_taken_over', oldestAt],
  ]
}

function demands({ verdict, about }: Report): Case[] {
  return verdict.scorers.flatMap(({ scorer, coverage, covered, decides, gates }) => [
    {
      of: scorer,
      name: `at least ${about.coverage * 100} % judged`,
      result: covered ? 'passed' : decides ? 'error' : 'skipped',
      message: `${coverageText(coverage)} judged`,
    } satisfies Case,
    ...gates.map(
      (gate): Case => ({
        of: scorer,
        name: demandText(gate),
        result: RESULT_OF[gate.verdict],
        message: gate.reason,
      }),
    ),
  ])
}

/** Failed when a scorer did not pass it, skipped when none could say. */
function itemCase({ itemId, scores, answers }: ItemChange): Case {
  const last = scores.map(({ scorer, kind, scores: runs }) => ({ scorer, kind, score: runs.at(-1) }))
  const failed = last.filter(({ score }) => score?.passed === false)
  const isSkipped = failed.length === 0 && last.every(({ score }) => score?.mean == null)
  const reasons = new Map(answers.at(-1)?.reasons.map(({ scorer, reason }) => [scorer, reason]))
  const told = failed.length > 0 ? failed : last
  const message = told
    .map(({ scorer, kind, score }) => {
      const value = score?.mean == null ? 'no value' : valueText('unbounded', score.mean)
      return [`${scorer}: ${kind}, ${value}.`, reasons.get(scorer) ?? ''].join(' ').trim()
    })
    .join('\n')
  return {
    of: 'items',
    name: itemId,
    result: failed.length > 0 ? 'failure' : isSkipped ? 'skipped' : 'passed',
    message,
  }
}

function caseMarkup(suite: string, { of, name, result, message }: Case): Markup {
  const open = markup`<testcase classname="${suite}.${of}" name="${name}"`
  switch (result) {
    case 'passed':
      return markup`  ${open}/>\n`
    case 'skipped':
      return markup`  ${open}><skipped message="${message}"/></testcase>\n`
    case 'failure':
      return markup`  ${open}><failure message="${message}" type="fail">${message}</failure></testcase>\n`
    case 'error':
      return markup`  ${open}><error message="${message}" type="uncovered">${message}</error></testcase>\n`
  }
}

function secondsOf({ about }: Report): string {
  const ms =
    about.finishedAt === null ? Number.NaN : Date.parse(about.finishedAt) - Date.parse(about.createdAt)
  return (Number.isFinite(ms) ? Math.max(0, ms) / 1000 : 0).toFixed(3)
}
