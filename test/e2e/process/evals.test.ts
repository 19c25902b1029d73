/** The day of a prompt engineer, in the terminal: a suite run by a real worker through the data plane, to its verdict. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { runAval } from '../../support/process.ts'

const ITEMS = [
  {
    id: 'shoes',
    input: 'Shoes may be returned within 30 days.\n\nHow long may shoes be returned?',
    expected: '30 days',
  },
  { id: 'museum', input: 'The museum opens at nine.\n\nWhen does the museum open?', expected: 'nine' },
  { id: 'gift', input: 'Gift cards are never returned.\n\nWhat is never returned?', expected: 'Gift cards' },
]
const SUITE = `
dataset: questions
subject: local/reader
repeats: 2
scorers:
  - { name: right, kind: icontains, at_least: 0.3 }
  - { name: brief, kind: word-count, max: 60 }
`

let gateway: RunningGateway

beforeAll(async () => {
  gateway = await startGateway({})
  mkdirSync(join(gateway.home, 'evals', 'datasets'), { recursive: true })
  writeDataset(ITEMS)
  writeFileSync(join(gateway.home, 'evals', 'first.yaml'), SUITE)
})
afterAll(() => gateway.stop())

const writeDataset = (items: readonly object[]) =>
  writeFileSync(
    join(gateway.home, 'evals', 'datasets', 'questions.jsonl'),
    items.map((item) => `${JSON.stringify(item)}\n`).join(''),
  )
const aval = (...words: string[]) => runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })
const json = async (...words: string[]) => JSON.parse((await aval(...words, '--json')).stdout)

describe('a suite', () => {
  test('says what it takes, runs, and ends in a verdict with intervals, an exit code and reports', async () => {
    const { code, stdout, stderr } = await aval(
      ...['eval', 'run', 'evals/first.yaml', '--yes', '--tag', 'first'],
      ...['--out', 'report.html', 'junit.xml', 'report.md', 'report.json'],
    )

    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('questions@1 made of'),
    })
    expect(stdout).toMatch(/dataset +questions@1, 3 items × 2 repeats/)
    expect(stdout).toMatch(/price +nothing: models that run here/)
    expect(stdout).toMatch(/right +1\.000 \[/)
    expect(stdout).toMatch(/pass \(exit 0\)/)
    const text = (name: string) => readFileSync(join(gateway.home, name), 'utf8')
    expect(JSON.parse(text('report.json'))).toMatchObject({ verdict: 'pass', exit_code: 0, suite: 'first' })
    expect(text('junit.xml')).toMatch(/^<\?xml[\s\S]*<testsuite /)
    expect(text('report.md')).toContain('pass')
    expect(text('report.html')).toMatch(/^<!doctype html>/i)
  })

  test('asks through the data plane: each call is a request on the log, under the run’s name', async () => {
    const { data } = await json('eval', 'history')
    const run = data[0]
    const results = await json('eval', 'results', run.id)

    const logged = await json('requests', 'show', results.data[0].request_id)

    expect(run).toMatchObject({ suite: 'first', state: 'done', tags: ['first'] })
    expect(results.data.length).toBe(6)
    expect(logged).toMatchObject({ key_id: run.id, outcome: 'completed', requested_model: 'local/reader' })
    expect((await aval('audit', 'verify')).code).toBe(0)
  })

  test('is compared with an earlier run over the items that did not change', async () => {
    const { data } = await json('eval', 'history')
    writeDataset([...ITEMS.slice(0, 2), { ...ITEMS[2], expected: 'Nothing of the kind' }])

    const { code, stdout } = await aval('eval', 'run', 'evals/first.yaml', '--yes', '--against', data[0].id)

    expect(code).toBe(101)
    expect(stdout).toMatch(/2 items in both/)
    expect(stdout).toMatch(/inconclusive \(exit 101\)/)
  })

  test('that fails its gate exits with 100, and one that is wrong says so before anything is asked', async () => {
    const failing = SUITE.replace('icontains, at_least: 0.3', 'equals, at_least: 0.999')
    writeFileSync(join(gateway.home, 'evals', 'strict.yaml'), failing)
    writeFileSync(join(gateway.home, 'evals', 'wrong.yaml'), SUITE.replace('icontains', 'icontain'))
    writeFileSync(join(gateway.home, 'evals', 'typo.yaml'), SUITE.replace('repeats', 'repeat'))

    const failed = await aval('eval', 'run', 'evals/strict.yaml', '--yes')
    const wrong = await aval('eval', 'run', 'evals/wrong.yaml', '--yes')
    const typo = await aval('eval', 'run', 'evals/typo.yaml', '--yes')
    const asked = await aval('eval', 'run', 'evals/first.yaml')

    expect(failed.code).toBe(100)
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/Did you mean "icontains"/) })
    expect(typo).toMatchObject({ code: 103, stderr: expect.stringMatching(/Did you mean "repeats"/) })
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') })
    expect(existsSync(join(gateway.home, 'work'))).toBe(true)
  })
})
