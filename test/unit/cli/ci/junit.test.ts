import { expect, test } from 'vitest'
import { joinJunit, junitText, notMeasured } from '../../../../src/cli/ci/junit.ts'
import { mixedText, UNASKED } from '../../../../src/cli/ci/notes.ts'
import { checkOutcome, suiteOutcome } from '../../../support/check-outcome.ts'
import { elementsOf, named } from '../../../support/xml-elements.ts'

test('JUnit files of several runs become one, and what is none is refused', () => {
  const one = (name: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite name="${name}"/>\n</testsuites>\n`

  expect(joinJunit([one('a'), one('b')])).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite name="a"/>\n<testsuite name="b"/>\n</testsuites>\n',
  )
  expect(joinJunit([])).toContain('<testsuites>\n</testsuites>')
  expect(() => joinJunit(['<html>'])).toThrow('no JUnit')
})

test('what was not measured is one test that ended in an error, with its reason as text', () => {
  const hostile = `a"/></testsuite>&amp;]]>'`
  const xml = notMeasured(hostile, hostile)

  expect(named(elementsOf(xml), 'testsuite').map(({ attributes }) => attributes)).toEqual([
    { name: hostile, tests: '1', failures: '0', errors: '1', skipped: '0', time: '0.000' },
  ])
  expect(named(elementsOf(xml), 'error')).toEqual([
    { name: 'error', attributes: { message: hostile, type: 'not_measured' }, text: hostile },
  ])
})

test('a JUnit file has an error for each suite without a verdict, route without a suite and route for a person', () => {
  const report = joinJunit([]).replace('<testsuites>\n', '$&<testsuite name="first"/>\n')
  const cut = suiteOutcome(1, { suite: 'second', verdict: 'not_measured', reasons: ['The run failed.'] })
  const outcome = checkOutcome(suiteOutcome(0, { junit: report }), cut)
  const mixed = { route: 'two', model: 'mini' }

  const xml = junitText({ ...outcome, routes: [...outcome.routes, ...checkOutcome().routes], mixed: [mixed] })

  expect(
    named(elementsOf(xml), 'testsuite').map(({ attributes: { name, errors } }) => [name, errors]),
  ).toEqual([
    ['first', undefined],
    ['second', '1'],
    ['answers', '1'],
    ['two', '1'],
  ])
  expect(named(elementsOf(xml), 'error').map(({ text }) => text)).toEqual([
    'The run failed.',
    UNASKED,
    mixedText(mixed),
  ])
})
