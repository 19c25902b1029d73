/** A check as one JUnit file: the reports of its runs, and an error for whatever was not measured. Pure. */

import { markup } from '../../lib/markup.ts'
import { mixedText, UNASKED } from './notes.ts'
import type { CheckOutcome } from './outcome.ts'

const OPEN = '<testsuites>\n'
const CLOSE = '</testsuites>\n'

/** A route that somebody has to release by hand, or that no suite asks, is an error as a suite without a verdict is. */
export function junitText({ routes, mixed }: CheckOutcome): string {
  return joinJunit([
    ...routes.flatMap(({ candidate: { route }, suites }) =>
      suites.length === 0
        ? [notMeasured(route, UNASKED)]
        : suites.map(({ suite, junit, reasons }) => junit ?? notMeasured(suite, reasons.join('\n'))),
    ),
    ...mixed.map((one) => notMeasured(one.route, mixedText(one))),
  ])
}

/**
 * One `testsuite` with one error. A test view shows what is in its file alone: without a case, what was not measured would pass.
 * Elements and attributes are those of Jenkins' schema (https://github.com/jenkinsci/xunit-plugin, `junit-10.xsd`).
 */
export function notMeasured(name: string, reason: string): string {
  const suite = markup`<testsuite name="${name}" tests="1" failures="0" errors="1" skipped="0" time="0.000">
  <testcase classname="${name}" name="measured"><error message="${reason}" type="not_measured">${reason}</error></testcase>
</testsuite>
`
  return documentOf(suite.markup)
}

/** `reports` are whole documents with one `testsuites` each; none is a file without tests. */
export function joinJunit(reports: readonly string[]): string {
  const suites = reports.map((report) => {
    const [from, to] = [report.indexOf(OPEN), report.lastIndexOf(CLOSE)]
    if (from < 0 || to < from) throw new Error('A report is no JUnit document of Aval.')
    return report.slice(from + OPEN.length, to)
  })
  return documentOf(suites.join(''))
}

function documentOf(suites: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${OPEN}${suites}${CLOSE}`
}
