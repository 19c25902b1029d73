import { describe, expect, test } from 'vitest'
import { renderJunit } from '../../../../src/evals/reports/junit.ts'
import { answered, grounded, report, verdict } from '../../../support/eval-report.ts'
import { elementsOf, named } from '../../../support/xml-elements.ts'

describe('a report as JUnit XML', () => {
  test('has a case for each demand and each item', () => {
    expect(renderJunit(report)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="support-answer" tests="6" failures="1" errors="0" skipped="1" time="270.500" timestamp="2026-11-28T10:00:00.000Z">
  <properties>
    <property name="verdict" value="inconclusive"/>
    <property name="outcome" value="inconclusive (exit 101)"/>
    <property name="run" value="run_01KB"/>
    <property name="subject" value="support-answer@r13"/>
    <property name="baseline" value="run_01KA"/>
    <property name="dataset" value="support-questions@7"/>
    <property name="content_hash" value="${'c0'.repeat(32)}"/>
    <property name="measure_hash" value="${'ee'.repeat(32)}"/>
    <property name="dataset_hash" value="${'da'.repeat(32)}"/>
  </properties>
  <testcase classname="support-answer.grounded" name="at least 98 % judged"/>
  <testcase classname="support-answer.grounded" name="at least 0.9"/>
  <testcase classname="support-answer.answered" name="at least 98 % judged"/>
  <testcase classname="support-answer.answered" name="not worse by 0.02"><skipped message="at most 0.02 worse is allowed, and it is between -0.032 and +0.006, higher being better. About 350 items more would settle it."/></testcase>
  <testcase classname="support-answer.words" name="at least 98 % judged"/>
  <testcase classname="support-answer.items" name="shoes-7"><failure message="answered: newly failing, 0. It does not say when." type="fail">answered: newly failing, 0. It does not say when.</failure></testcase>
</testsuite>
</testsuites>
`)
  })

  test('says a failed gate as a failure and too few judgements as an error', () => {
    const failing = {
      ...grounded,
      coverage: { scored: 700, abstained: 90, errors: 10, expected: 800 },
      covered: false,
      gates: grounded.gates.map((gate) => ({ ...gate, verdict: 'fail' as const, reason: 'too low.' })),
    }
    const scorers = [failing, answered]

    const elements = elementsOf(
      renderJunit({
        ...report,
        items: null,
        verdict: { ...verdict, verdict: 'fail', uncovered: true, scorers },
      }),
    )

    expect(named(elements, 'testsuite')[0]?.attributes).toMatchObject({
      tests: '4',
      failures: '1',
      errors: '1',
      skipped: '1',
    })
    expect(named(elements, 'failure').map(({ text }) => text)).toEqual(['too low.'])
    expect(named(elements, 'error').map(({ text }) => text)).toEqual([
      '700 of 800 (90 abstained, 10 errors) judged',
    ])
  })

  test('carries any text as text, and what XML does not know as a mark', () => {
    const hostile = `a"/><failure/>&amp;]]>'\u0000\u001b\ud800\uffff`
    const scorers = [
      {
        ...answered,
        scorer: hostile,
        gates: answered.gates.map((gate) => ({ ...gate, verdict: 'fail' as const, reason: hostile })),
      },
    ]

    const xml = renderJunit({
      ...report,
      items: null,
      about: { ...report.about, suite: hostile, dataset: hostile },
      verdict: { ...verdict, scorers },
    })

    const shown = `a"/><failure/>&amp;]]>'\ufffd\ufffd\ufffd\ufffd`
    const elements = elementsOf(xml)
    expect(named(elements, 'testsuite')[0]?.attributes.name).toBe(shown)
    expect(named(elements, 'failure').map(({ text, attributes }) => [text, attributes.message])).toEqual([
      [shown, shown],
    ])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what XML 1.0 does not know
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
  })
})
