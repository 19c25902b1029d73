import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import { createPromptActions } from '../../../src/prompt-actions.ts'
import { createSyncActions } from '../../../src/sync-actions.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { noAuditActions } from '../../support/audit-actions.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { noQualityActions } from '../../support/quality-actions.ts'

let database: TestDatabase
let server: ApiServer
let folder: string

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aval-prompts-'))
  mkdirSync(join(folder, 'prompts'))
  return () => rmSync(folder, { recursive: true })
})

const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
const greeting = (text: string) => `
description: Greets.
variables: { type: object, required: [name], properties: { name: { type: string }, times: { type: integer } } }
messages:
  - { role: user, content: "${text} {{name}}" }
tests:
  - { variables: { name: Ada }, renders: { contains: Ada } }
`

async function aval(words: string[], options: { key?: string | null; colors?: boolean } = {}) {
  const output = { out: '', err: '' }
  const none = async () => 0
  const exitCode = await runCli(
    {
      version: '0.1.0',
      settings: {
        url: server.url,
        key: options.key === undefined ? server.keyOf('default', 'engineer').token : options.key,
      },
      terminal: {
        write: (text) => {
          output.out += text
        },
        writeError: (text) => {
          output.err += text
        },
        interactive: false,
        colors: options.colors ?? false,
        columns: 120,
        timeZone: 'Asia/Tokyo',
        ask: async () => null,
        confirm: async () => false,
        progressStream: process.stderr,
      },
      actions: {
        serve: none,
        work: none,
        migrate: none,
        check: none,
        selfCheck: async () => [],
        audit: noAuditActions(),
        prompts: createPromptActions(folder),
        retrieval: async () => ({ sources: [], indexes: [] }),
        policies: { check: async () => [] },
        quality: noQualityActions(),
        datasets: createDatasetActions('.'),
        evals: createEvalActions('.'),
        sync: createSyncActions(folder),
      },
      nowMs: () => 1000,
    },
    words,
  )
  return { exitCode, ...output }
}

describe('aval prompt check', () => {
  test('passes files without mistakes, without a server or a key', async () => {
    write('prompts/hello.yaml', greeting('Hello'))

    const { out, exitCode } = await aval(['prompt', 'check'], { key: null })

    expect(out).toBe('ok      prompts/hello.yaml  1 test\n')
    expect(exitCode).toBe(0)
  })

  test('ends with 103 for a mistake, and says every one', async () => {
    write('prompts/hello.yaml', greeting('Hello'))
    write('prompts/wrong.yaml', greeting('{{nam}}').replace('description', 'desription'))

    const { out, exitCode } = await aval(['prompt', 'check'], { key: null })

    expect(out).toContain(
      'wrong   prompts/wrong.yaml\n        (top level): unknown key "desription". Did you mean "description"?',
    )
    expect(out).toContain('ok      prompts/hello.yaml')
    expect(exitCode).toBe(103)
  })

  test('ends with 100 for a failing test, with what was expected and what came', async () => {
    write('prompts/hello.yaml', greeting('Hello').replace('contains: Ada', 'contains: Bob'))

    const { out, exitCode } = await aval(['prompt', 'check', 'hello'], { key: null })
    const json = await aval(['prompt', 'check', '--json'], { key: null })

    expect(out).toBe(
      'failed  prompts/hello.yaml  1 of 1 test\n        test 1  expected: contains "Bob"\n        rendered:\n        | Hello Ada\n',
    )
    expect([exitCode, json.exitCode]).toEqual([100, 100])
    expect(JSON.parse(json.out).data[0]).toMatchObject({
      name: 'hello',
      problems: [],
      tests: [{ passed: false, rendered: 'Hello Ada' }],
    })
  })

  test('without files says what to do first', async () => {
    const { err, exitCode } = await aval(['prompt', 'check'], { key: null })

    expect(err).toContain('Write prompts/<name>.yaml')
    expect(exitCode).toBe(103)
  })

  test('knows a mistyped name, and reads nothing outside of the folder', async () => {
    write('prompts/hello.yaml', greeting('Hello'))
    write('secret.yaml', greeting('Secret'))
    symlinkSync(join(folder, 'secret.yaml'), join(folder, 'prompts/link.yaml'))

    expect((await aval(['prompt', 'check', 'helo'])).err).toContain('Did you mean "hello"?')
    expect((await aval(['prompt', 'check', '../secret'])).exitCode).toBe(2)
    const linked = await aval(['prompt', 'check', 'link'])
    expect(linked.err).toContain('a link that leads out of the folder')
    expect(linked.exitCode).toBe(103)
  })

  test('leaves out no file whose name is wrong', async () => {
    write('prompts/Hello.yml', greeting('Hello'))

    const { err, exitCode } = await aval(['prompt', 'check'])

    expect(err).toContain('Hello.yml: not a name of a prompt. Write lower-case letters')
    expect(exitCode).toBe(103)
  })
})

describe('aval prompt push', () => {
  test('makes versions of what changed, and says what did not', async () => {
    write('prompts/push-a.yaml', greeting('Hello'))
    write('prompts/push-b.yaml', greeting('Hello'))

    const first = await aval(['prompt', 'push'])
    write('prompts/push-b.yaml', greeting('Howdy'))
    const second = await aval(['prompt', 'push'])
    const third = await aval(['prompt', 'push', 'push-b', '--json'])

    expect(first.out).toMatch(/^new {8}push-a@1 {2}[0-9a-f]{12}\nnew {8}push-b@1 {2}[0-9a-f]{12}\n$/)
    expect(second.out).toMatch(/^unchanged {2}push-a@1 .*\nnew {8}push-b@2 .*\n$/)
    expect(JSON.parse(third.out).data).toMatchObject([{ name: 'push-b', version: 2, created: false }])
    expect([first, second, third].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
  })

  test('pushes nothing while one file is wrong', async () => {
    write('prompts/push-c.yaml', greeting('Hello'))
    write('prompts/push-d.yaml', 'messages: 5')

    const { err, exitCode } = await aval(['prompt', 'push'])

    expect(err).toContain('Nothing was pushed.')
    expect(exitCode).toBe(103)
    expect((await aval(['prompt', 'history', 'push-c'])).err).toContain('no prompt "push-c"')
  })

  test('needs a role', async () => {
    write('prompts/push-e.yaml', greeting('Hello'))

    const { err, exitCode } = await aval(['prompt', 'push'], {
      key: server.keyOf('default', 'auditor').token,
    })

    expect(err).toContain('admin or engineer')
    expect(exitCode).toBe(2)
  })
})

describe('the versions', () => {
  test('are listed, shown and compared with the file, in colours on a terminal only', async () => {
    write('prompts/compared.yaml', greeting('Hello'))
    await aval(['prompt', 'push'])
    const same = await aval(['prompt', 'diff', 'compared'])
    write('prompts/compared.yaml', greeting('Howdy'))
    const plain = await aval(['prompt', 'diff', 'compared'])
    const colored = await aval(['prompt', 'diff', 'compared'], { colors: true })
    const json = await aval(['prompt', 'diff', 'compared', '--json'])
    await aval(['prompt', 'push'])
    const older = await aval(['prompt', 'diff', 'compared', '--against', '1'])
    const both = await aval(['prompt', 'diff', 'compared@1', '--against', '2'])

    expect(same.out).toBe('prompts/compared.yaml is compared@1: nothing changed.\n')
    expect(plain.out).toContain('from compared@1 to prompts/compared.yaml\n')
    expect(plain.out).toContain('[-Hello-]{+Howdy+} {{name}}')
    expect(plain.out).not.toContain('\u001b')
    expect(colored.out).toContain('\u001b[32m')
    expect(stripVTControlCharacters(colored.out)).toContain('HelloHowdy {{name}}')
    expect(JSON.parse(json.out)).toMatchObject({
      from: 'compared@1',
      to: 'prompts/compared.yaml',
      changed: true,
    })
    expect(older.out).toContain('[-Hello-]{+Howdy+}')
    expect(both.out).toContain('{+Hello+}')
    const list = await aval(['prompt', 'list'])
    expect(list.out).toMatch(/^PROMPT +OWNER +PUSHED +BY +DESCRIPTION\n/)
    expect(list.out).toMatch(/compared@2 .*default engineer +Greets\./)
    const history = await aval(['prompt', 'history', 'compared'])
    expect(history.out.match(/compared@\d/g)).toEqual(['compared@2', 'compared@1'])
    const shown = await aval(['prompt', 'show', 'compared@1'])
    expect(shown.out).toContain('--- user\nHello {{name}}\n')
    expect(JSON.parse((await aval(['prompt', 'show', 'compared', '--json'])).out).version).toBe(2)
  })

  test('are rendered with variables from the line and from files', async () => {
    write('prompts/rendered.yaml', greeting('Hello'))
    write('values.json', '{ "name": "Bob", "times": 2 }')
    await aval(['prompt', 'push'])
    const vars = join(folder, 'values.json')

    const plain = await aval(['prompt', 'render', 'rendered', '--var', 'name=Ada {{x}}'])
    const file = await aval(['prompt', 'render', 'rendered@1', '--vars', vars, '--json'])
    const here = await aval(['prompt', 'render', 'rendered', '--file', '--vars', vars, '--var', 'name=Eve'], {
      key: null,
    })
    const wrong = await aval(['prompt', 'render', 'rendered', '--var', 'name:=5'])
    const wrongHere = await aval(['prompt', 'render', 'rendered', '--file'], { key: null })

    expect(plain.out).toBe('user\nHello Ada {{x}}\n\n')
    expect(JSON.parse(file.out).messages).toEqual([{ role: 'user', content: 'Hello Bob' }])
    expect(here.out).toBe('user\nHello Eve\n\n')
    expect(wrong.err).toContain('/name is number 5. Send a text.')
    expect(wrongHere.err).toContain('/name is missing. Send a text.')
    expect([plain, file, here, wrong, wrongHere].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 2, 2])
  })

  test.each([
    [['show', 'No_Name'], 'names no prompt'],
    [['show', 'gone'], 'no prompt "gone"'],
    [['render', 'a', '--var', 'x'], 'write name=value, or name:=JSON'],
    [['render', 'a', '--var', 'x:={'], '--var x: not valid JSON'],
    [['render', 'a', '--vars', '/no/such'], 'cannot be read (ENOENT)'],
    [['render', 'a@1', '--file'], 'has no versions'],
    [['diff', 'gone'], 'no prompt "gone"'],
    [['diff', 'a', '--against', 'x'], 'Write a whole number from 1.'],
  ])('%j says what is wrong', async (words, message) => {
    const { err, exitCode } = await aval(['prompt', ...words])

    expect(err).toContain(message)
    expect(exitCode).toBe(2)
  })

  test('that are none yet: the list says how to make one', async () => {
    const { out } = await aval(['prompt', 'list'], { key: server.keyOf('other', 'engineer').token })

    expect(out).toBe('No prompts yet. Push the files of prompts/: aval prompt push\n')
  })
})
