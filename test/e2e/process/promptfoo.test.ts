/** Moving in from promptfoo: its config files run as they are, and what is not evaluated is never a pass. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { runAval } from '../../support/process.ts'

/** With what promptfoo's first guide shows: two prompts, variables, a default test, several kinds of assertions. */
const FIRST = `
description: Opening hours
prompts:
  - "{{notes}}\\n\\n{{question}}"
  - file://prompts/chat.json
providers:
  - openai:chat:gpt-5-mini
  - id: anthropic:messages:claude-sonnet-5
    config: { temperature: 0.2 }
defaultTest:
  assert:
    - { type: latency, threshold: 60000 }
    - { type: not-contains, value: as an AI }
    - { type: javascript, value: file://checks/short.js, config: { most: 400 } }
tests:
  - description: names the hour
    vars: { notes: The museum opens at nine., question: When does the museum open? }
    assert:
      - { type: icontains, value: NINE }
      - { type: not-is-json }
      - type: javascript
        value: output.toLowerCase().includes('nine') && context.vars.notes.includes('nine')
      - type: javascript
        value: Math.log(output.length) * 10
        threshold: 0.7
      - type: javascript
        value: |
          const words = output.split(/\\s+/)
          if (words.length > 40) return { pass: false, score: 0, reason: 'It is long.' }
          return { pass: true, score: 0.5, reason: 'It is short.' }
  - vars:
      notes: Shoes may be returned within 30 days.
      question: How long may shoes be returned?
    threshold: 0.5
    assert:
      - { type: contains-any, value: [30 days, a month] }
      - { type: equals, value: exactly this, weight: 0 }
      - { type: llm-rubric, value: is friendly, weight: 0 }
`
const JUDGED = `      - { type: llm-rubric, value: is friendly }
      - { type: python, value: len(output) < 100 }
      - { type: javascript, value: output.title.length > 3 }
`
const SHORT = 'module.exports = (output, { config }) => output.length <= config.most\n'
const CHAT = `[
  { "role": "system", "content": "Answer by the notes." },
  { "role": "user", "content": "{{notes}}\\n\\n{{question}}" }
]`

let gateway: RunningGateway

beforeAll(async () => {
  gateway = await startGateway({})
  write('first/promptfooconfig.yaml', FIRST)
  write('first/prompts/chat.json', CHAT)
  for (const folder of ['first', 'judged', 'failing', 'own', 'strange']) {
    write(`${folder}/checks/short.js`, SHORT)
  }
})
afterAll(() => gateway.stop())

function write(path: string, text: string): void {
  mkdirSync(dirname(join(gateway.home, path)), { recursive: true })
  writeFileSync(join(gateway.home, path), text)
}
const aval = (...words: string[]) => runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })
const local = ['--subject', 'local/reader', '--yes']

describe('a config of promptfoo', () => {
  test('runs unchanged, each prompt as a run of its own, to a table of its tests', async () => {
    const { code, stdout, stderr } = await aval(
      ...[
        'eval',
        'run',
        'first/promptfooconfig.yaml',
        ...local,
        '--grader',
        'local/reader',
        '--out',
        'report.xml',
      ],
    )

    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/2 tests × 2 prompts\. 14 assertions: 13 evaluated .*, 1 not evaluated/)
    expect(stdout).toMatch(/llm-rubric +1 +not evaluated +reported as rubric by local\/reader/)
    expect(stdout).toMatch(/judges: 0 of 2 judged/)
    expect(stdout).toMatch(/calls +4/)
    expect(stdout).toMatch(/prompt +provider +passed +failed +not evaluated +run/)
    expect(stdout).toMatch(/chat +local\/reader +2 +0 +0 +run_/)
    expect(readFileSync(join(gateway.home, 'report-2.xml'), 'utf8')).toMatch(/<testsuite /)
  })

  test('with what nobody here judges ends with 102, and says of each test why', async () => {
    write('judged/promptfooconfig.yaml', FIRST.replace('  - file://prompts/chat.json\n', '') + JUDGED)

    const { code, stdout } = await aval('eval', 'run', 'judged/promptfooconfig.yaml', ...local, '--json')

    const told = JSON.parse(stdout)
    expect(code).toBe(102)
    expect(told).toMatchObject({
      exit_code: 102,
      runs: [{ tests: { passed: 1, failed: 0, not_evaluated: 1 } }],
    })
    expect(told.compatibility.assertions).toContainEqual({
      type: 'python',
      status: 'not_evaluated',
      remark: expect.stringContaining('only JavaScript'),
      count: 1,
    })
    expect(told.runs[0].tests.missed).toEqual([
      {
        test: 't2',
        outcome: 'not evaluated',
        reason: expect.stringMatching(/llm-rubric: .* python: .* javascript: .*throws TypeError/),
      },
    ])
  })

  test('with a test that fails ends with 100, whatever else was not evaluated', async () => {
    const failing = FIRST.replace('value: NINE', 'value: midnight').replace(
      'file://prompts/chat.json',
      '"{{a|upper}}"',
    )
    write('failing/promptfooconfig.yaml', failing)

    const { code, stdout } = await aval('eval', 'run', 'failing/promptfooconfig.yaml', ...local)

    expect(code).toBe(100)
    expect(stdout).toMatch(/t1 .*\{\{a\|upper\}\} .*a filter/)
    expect(stdout).toMatch(/t1 .* failed .*icontains/)
  })

  test('asks its own providers by the names they have here', async () => {
    write(
      'own/promptfooconfig.yaml',
      FIRST.replace('openai:chat:gpt-5-mini', 'local/reader').replace(
        / {2}- id: anthropic[\s\S]*?\n.*\n/,
        '',
      ),
    )
    write('own/prompts/chat.json', CHAT)
    write('strange/promptfooconfig.yaml', FIRST.replace('openai:chat:gpt-5-mini', 'bam:chat:ibm/granite'))
    write('strange/prompts/chat.json', CHAT)

    const own = await aval('eval', 'run', 'own/promptfooconfig.yaml', '--yes')
    const strange = await aval('eval', 'run', 'strange/promptfooconfig.yaml', '--yes')
    const absent = await aval('eval', 'run', 'first/promptfooconfig.yaml', '--yes')

    expect(own.code).toBe(0)
    expect(strange).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/bam:chat.*--subject local\/reader/),
    })
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('openai/gpt-5-mini') })
  })

  test('with mistakes says them and asks nothing', async () => {
    write('wrong/promptfooconfig.yaml', FIRST.replace('threshold: 0.5', 'threshold: half'))
    write('empty/promptfooconfig.yaml', 'prompts: [hello]\nproviders: [local/reader]\n')

    const wrong = await aval('eval', 'run', 'wrong/promptfooconfig.yaml', ...local)
    const empty = await aval('eval', 'run', 'empty/promptfooconfig.yaml', ...local)

    expect(wrong).toMatchObject({
      code: 103,
      stderr: expect.stringMatching(/tests\.1: threshold: text "half"/),
    })
    expect(empty).toMatchObject({ code: 103, stderr: expect.stringContaining('no test can be run') })
  })
})
