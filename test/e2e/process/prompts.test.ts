import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { REPOSITORY, runAval } from '../../support/process.ts'

let gateway: RunningGateway

beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.stop())

const aval = (...words: string[]) => runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })

test('the prompts of the repository have no mistakes and pass their tests, without a server', async () => {
  const { code, stdout, stderr } = await runAval(['prompt', 'check'], { cwd: REPOSITORY, env: {} })

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^ok {6}prompts\/support-answer\.yaml {2}\d tests$/m)
})

test('a file is pushed, changed, compared, pushed again and rendered, and the log has both pushes', async () => {
  const path = join(gateway.home, 'prompts/support-answer.yaml')
  mkdirSync(join(gateway.home, 'prompts'))
  cpSync(join(REPOSITORY, 'prompts/support-answer.yaml'), path)

  const first = await aval('prompt', 'push')
  writeFileSync(path, readFileSync(path, 'utf8').replace('numbered sources', 'numbered passages'))
  const changed = await aval('prompt', 'diff', 'support-answer')
  const second = await aval('prompt', 'push', 'support-answer')
  const rendered = await aval('prompt', 'render', 'support-answer@1', '--var', 'question={{contexts}}')
  const events = await aval('audit', 'events', 'list', '--target', 'support-answer', '--json')

  expect(first.stdout).toMatch(/^new +support-answer@1 /)
  expect(changed.stdout).toContain('[-sources-]{+passages+}')
  expect(second.stdout).toMatch(/^new +support-answer@2 /)
  expect(rendered.stdout).toContain('numbered sources')
  expect(rendered.stdout).toContain('Question: {{contexts}}\n')
  const actions = JSON.parse(events.stdout).data.map(({ action }: { action: string }) => action)
  expect(actions.filter((action: string) => action === 'prompt.push')).toHaveLength(2)
})
