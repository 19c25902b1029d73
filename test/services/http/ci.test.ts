/** `aval ci` against a real /api and database: the test works at the runs and counts what is asked. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { OPEN, type Policy } from '../../../src/promotion/policy.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine, type Printed } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'

const SUITE = `dataset: questions
subject: answers
scorers:
  - { name: right, kind: equals, not_worse_by: 0.2 }
`

let database: TestDatabase
let server: ApiServer
let folder: string
/** By label, as the server has them. */
let policies: Record<string, Policy>
let worker: ReturnType<typeof startWorker>

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.truncate()
  policies = {}
  server = await startApiServer(database, { policies })
  folder = mkdtempSync(join(tmpdir(), 'aval-ci-'))
  for (const part of ['prompts', 'model-versions', 'evals/datasets']) {
    mkdirSync(join(folder, part), { recursive: true })
  }
  worker = startWorker()
  await serveFirst()
  return async () => {
    await worker.stop()
    await server.close()
    rmSync(folder, { recursive: true })
  }
})

/** Executes whatever run the server rings for. `wrong` are models that answer nothing right. */
function startWorker() {
  const wrong = new Set<string>()
  const { ask, asked } = scriptedAsk((question, _before, { body }) =>
    wrong.has(String(body.model)) ? 'no idea' : { output: echo(question), cost: 1000n, free: false },
  )
  let isStopped = false
  const loop = (async () => {
    while (!isStopped) {
      const bell = server.rung.shift()
      if (bell?.startsWith('run-suite ')) await execute(database, bell.slice('run-suite '.length), ask)
      else await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  return {
    wrong,
    asked,
    stop: async () => {
      isStopped = true
      await loop
    },
  }
}

const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
const read = (path: string) => readFileSync(join(folder, path), 'utf8')
const prompt = (text: string) => `messages:\n  - { role: system, content: "${text}" }\n  - "{{messages}}"\n`

async function aval(words: string, role: Role = 'engineer'): Promise<Printed> {
  const settings = { url: server.url, key: server.keyOf('default', role).token }
  return await commandLine(words.split(' '), settings, { directory: folder })
}

/** r1 of `answers` in production, with one suite in evals/. */
async function serveFirst(): Promise<void> {
  write('prompts/support.yaml', prompt('Answer:'))
  write('model-versions/mini.yaml', 'upstream: openai\nmodel: gpt-4o-mini\n')
  write('evals/answers.yaml', SUITE)
  const items = numbered(30).map((item) => `${JSON.stringify(item)}\n`)
  write('evals/datasets/questions.jsonl', items.join(''))
  await aval('sync --yes')
  await aval('release create answers --prompt support --model mini')
  await aval('label set answers@production r1 --reason first --yes', 'admin')
}

test('an unchanged folder has nothing to do, says so, and asks nobody', async () => {
  const { exitCode, out } = await aval('ci --comment comment.md')

  expect({ exitCode, out }).toEqual({
    exitCode: 0,
    out: 'Nothing to do: no route differs from what production serves.\n',
  })
  expect(read('comment.md')).toMatch(/^<!-- aval ci -->\n## Aval: nothing to do\n/)
  expect(worker.asked).toEqual([])
})

test('a worse prompt fails with 100, and the comment names scorer, prompt, runs and what to do', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  worker.wrong.add('answers@r2')

  const { exitCode, out } = await aval('ci --comment comment.md --junit junit.xml')

  expect(exitCode).toBe(100)
  expect(out).toContain('answers r2 (r1 with prompt support@2), new, against r1\n')
  expect(out).toMatch(/ {2}answers {2}fail \(exit 100\) {2}run_\w{26} against run_\w{26}/)
  const comment = read('comment.md')
  expect(comment).toMatch(/^<!-- aval ci -->\n## Aval: fail \(exit 100\)\n/)
  expect(comment).toContain('<code>right</code>')
  expect(comment).toContain('| prompt <code>support</code> | @1 | @2 |')
  expect(comment).toContain('words added 1, removed 1')
  expect(comment).toMatch(/aval eval show run&#95;\w{26} &#45;&#45;against run&#95;\w{26}/)
  expect(comment).toMatch(/aval eval results run&#95;\w{26}/)
  expect(read('junit.xml').match(/<testsuite /g)).toHaveLength(1)
  expect((await aval('label list')).out).toMatch(/answers@production +r1 /)
})

test('an equal prompt passes with 0; a second check pays nothing, and a changed gate is decided by a new run', async () => {
  write('prompts/support.yaml', prompt('Please answer:'))

  const first = JSON.parse((await aval('ci --json')).out)
  const asked = worker.asked.length
  const second = JSON.parse((await aval('ci --json')).out)

  expect(first).toMatchObject({ exit_code: 0, cost_usd: '0.06', routes: [{ release: 'r2', created: true }] })
  expect(asked).toBe(60)
  expect(worker.asked.length).toBe(60)
  const [{ suites }] = first.routes
  expect(second).toMatchObject({
    exit_code: 0,
    cost_usd: '0',
    routes: [{ release: 'r2', created: false, suites: [{ reused: true, run: suites[0].run }] }],
  })
  expect((await aval('release list answers --json')).out).not.toContain('"r3"')

  // The old run would be decided by the old gate.
  write('evals/answers.yaml', SUITE.replace('not_worse_by: 0.2', 'at_least: 0.5'))
  const gated = JSON.parse((await aval('ci --json')).out)

  expect(gated.routes[0].suites[0]).toMatchObject({ reused: false, cost_usd: '0.03' })
})

test('a release of an earlier check is measured again after another change has pushed a newer version', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  worker.wrong.add('answers@r2')
  const own = await aval('ci')
  write('prompts/support.yaml', prompt('Please answer:'))
  const other = await aval('ci')
  write('prompts/support.yaml', prompt('Guess:'))
  const asked = worker.asked.length

  const again = await aval('ci')

  expect([own.exitCode, other.exitCode, again.exitCode]).toEqual([100, 0, 100])
  expect(again.out).toContain('answers r2 (r1 with prompt support@2), there already, against r1\n')
  expect(worker.asked.length).toBe(asked)
})

test('mistakes in any file end it before anything is made, with every one named, also in the comment', async () => {
  write('prompts/support.yaml', 'mesages: []\n')
  write('aval.yaml', 'rotues: {}\n')
  write('evals/answers.yaml', SUITE.replace('dataset', 'datset'))

  write('junit.xml', 'of an earlier check')
  const all = await aval('ci --comment comment.md --junit junit.xml')
  write('prompts/support.yaml', prompt('Answer:'))
  write('aval.yaml', '')
  const suite = await aval('ci')
  rmSync(join(folder, 'prompts'), { recursive: true })
  rmSync(join(folder, 'model-versions'), { recursive: true })
  rmSync(join(folder, 'evals'), { recursive: true })
  const elsewhere = await aval('ci')

  expect(all).toMatchObject({ exitCode: 2, out: '' })
  for (const what of ['mesages', 'rotues', 'datset']) expect(all.err).toContain(what)
  expect(read('comment.md')).toContain('rotues')
  expect(read('junit.xml')).toMatch(/<testsuite name="aval ci" tests="1" [^>]* errors="1"[\s\S]*rotues/)
  expect(suite.exitCode).toBe(103)
  expect(elsewhere).toMatchObject({ exitCode: 103, err: expect.stringContaining('Run it where they lie.') })
})

test('a suite that the server refuses ends it before a version is made', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  write('evals/answers.yaml', SUITE.replace('kind: equals', 'kind: equal'))

  const { exitCode, err } = await aval('ci')

  expect(exitCode).toBe(2)
  expect(err).toMatch(/evals\/answers\.yaml: .*Did you mean "equals"/s)
  expect((await aval('prompt history support')).out).not.toContain('support@2')
})

test('a changed route that no suite asks is inconclusive, and says what to write', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  rmSync(join(folder, 'evals/answers.yaml'))

  const { exitCode, out } = await aval('ci --junit junit.xml')

  expect(exitCode).toBe(101)
  expect(read('junit.xml')).toContain('<error message="No suite asks this route')
  expect(out).toContain('Write evals/answers.yaml with subject: answers.')
})

test('--dry-run says what would be made and asked, and makes nothing', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  const early = await aval('ci --dry-run')
  await aval('dataset push evals/datasets/questions.jsonl')

  const { exitCode, out } = await aval('ci --dry-run')

  expect(early.out).toContain('answers of answers: the server does not have questions yet.')
  expect(exitCode).toBe(0)
  expect(out).toContain('prompt support@2 (new), after @1 of default engineer\n')
  expect(out).toContain('answers of answers: 30 items × 1, 30 calls for each release, ')
  expect((await aval('prompt history support')).out).not.toContain('support@2')
  expect(worker.asked).toEqual([])
})

test('--budget holds for all runs together, and a larger one goes on where it ended', async () => {
  write('prompts/support.yaml', prompt('Guess:'))

  const small = await aval('ci --budget 0.04')
  const asked = worker.asked.length
  const more = await aval('ci --budget 1')

  expect(small.exitCode).not.toBe(0)
  expect(asked).toBeGreaterThanOrEqual(30)
  expect(asked).toBeLessThan(50)
  expect(more.exitCode).toBe(0)
  expect(worker.asked.length).toBe(60)
})

test('options that mean nothing are refused with the value and the remedy', async () => {
  const label = await aval('ci --against r12')
  const budget = await aval('ci --budget much --comment b.md')
  const dry = await aval('ci --dry-run --comment c.md')

  expect([label, budget, dry].map(({ exitCode }) => exitCode)).toEqual([2, 2, 2])
  expect(label.err).toMatch(/--against r12: write a label/)
  expect(budget.err).toMatch(/--budget much: write an amount/)
  expect(dry.err).toMatch(/--dry-run measures nothing/)
  expect(existsSync(join(folder, 'c.md'))).toBe(false)
  expect(read('b.md')).toContain('write an amount')
})

test('a suite that is named is the only one, and routes that it does not ask are said and left alone', async () => {
  write('prompts/support.yaml', prompt('Guess:'))
  write('evals/other.yaml', SUITE.replace('subject: answers', 'subject: other'))
  write('evals/model.yaml', SUITE.replace('subject: answers', 'subject: openai/gpt-4o'))

  const other = await aval('ci --suite evals/other.yaml --comment comment.md')
  const model = await aval('ci --suite evals/model.yaml')

  expect(other.exitCode).toBe(0)
  expect(read('comment.md')).toContain('answers changed too&#46; No suite that was named asks it')
  expect(model).toMatchObject({ exitCode: 2, err: expect.stringContaining('it asks no route') })
  expect(worker.asked).toEqual([])
})

test('a release of a route that nobody is served and no suite asks is made, and said to be unmeasured', async () => {
  write('prompts/idle.yaml', prompt('Wait:'))
  await aval('sync --yes')
  await aval('release create idle --prompt idle --model mini')
  write('prompts/idle.yaml', prompt('Still wait:'))

  const { exitCode, out } = await aval('ci --comment comment.md')

  const said = 'idle r2 has what changed. production does not serve the route and no suite asks it'
  expect(exitCode).toBe(0)
  expect(out).toContain(said)
  expect(out).not.toContain('no route differs')
  expect(read('comment.md')).toContain(said.replaceAll('.', '&#46;'))
  expect(worker.asked).toEqual([])
})

test('suites that the policy of the label demands have to ask the route, or nothing is made', async () => {
  write('prompts/support.yaml', prompt('Please answer:'))
  write('evals/other.yaml', SUITE.replace('subject: answers', 'subject: other'))
  policies['answers@production'] = { ...OPEN, name: 'careful', suites: ['answers', 'other', 'cited'] }

  const refused = await aval('ci --comment comment.md')
  const staged = await aval('ci --dry-run')
  const named = await aval('ci --suite evals/answers.yaml --json')

  const said = (what: string) => `${what}, and policy careful of answers@production demands it of answers.`
  expect(refused.exitCode).toBe(103)
  expect(refused.err).toContain(said('evals/other.yaml is about other'))
  expect(refused.err).toContain(said('evals/cited.yaml is no suite here'))
  expect(read('comment.md')).toContain(said('evals/cited.yaml is no suite here'))
  expect(staged.exitCode).toBe(103)
  expect(JSON.parse(named.out)).toMatchObject({
    exit_code: 0,
    routes: [{ release: 'r2', created: true }],
    spared: [{ suite: 'other' }, { suite: 'cited' }],
  })
})
