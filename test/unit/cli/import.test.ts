/** `aval import` as it is typed: what it writes, what it never writes over, and how it ends. */

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import { createPromptActions } from '../../../src/prompt-actions.ts'
import { noAuditActions } from '../../support/audit-actions.ts'
import { noQualityActions } from '../../support/quality-actions.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-import-'))
  return () => rmSync(folder, { recursive: true })
})

const put = (path: string, text: string) => writeFileSync(join(folder, path), text)
const get = (path: string) => readFileSync(join(folder, path), 'utf8')
const exported = (...prompts: object[]) => put('export.json', JSON.stringify(prompts))

async function aval(...words: string[]) {
  const output = { out: '', err: '' }
  const none = async () => 0
  const exitCode = await runCli(
    {
      version: '0.1.0',
      settings: { url: 'http://127.0.0.1:1', key: null },
      terminal: {
        write: (text) => {
          output.out += text
        },
        writeError: (text) => {
          output.err += text
        },
        interactive: false,
        colors: false,
        columns: 120,
        timeZone: 'UTC',
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
        sync: { files: async () => ({ files: [], problems: [] }), configProblems: async () => [] },
      },
      nowMs: () => 0,
    },
    words,
  )
  return { exitCode, ...output }
}

test('writes files that check takes, says what was left out, and again changes nothing', async () => {
  exported(
    { name: 'Greet', version: 2, prompt: 'Hello {{name}}', config: { model: 'gpt' } },
    { name: 'inc', prompt: '@@@langfusePrompt:name=a|label=b@@@' },
  )

  const first = await aval('import', 'langfuse-export', 'export.json')
  const checked = await aval('prompt', 'check')
  const again = await aval('import', 'langfuse-export', 'export.json')

  expect(first).toMatchObject({ exitCode: 0, err: '' })
  expect(first.out).toBe(`new        prompts/greet.yaml  Greet, version 2
left out   Greet, version 2: config: model: prompt files have no such parameter.
left out   inc: it includes another prompt. Export it resolved, which is what the API answers without resolve=false.

1 prompt carried over; left out: 1 prompt, 1 other thing.
Next: aval prompt check, then aval prompt push.
`)
  expect(get('prompts/greet.yaml')).toBe(`# Imported: "Greet, version 2"
variables:
  type: object
  required:
    - name
  properties:
    name:
      type: string
messages:
  - role: user
    content: Hello {{name}}
`)
  expect(checked.exitCode).toBe(0)
  expect(again.out).toContain('unchanged  prompts/greet.yaml')
})

describe('a file that is there', () => {
  test('with another content is refused by name, and then nothing is written at all', async () => {
    exported({ name: 'a', prompt: 'one' }, { name: 'b', prompt: 'two' })
    mkdirSync(join(folder, 'prompts'))
    put('prompts/b.yaml', 'messages: [{ role: user, content: mine }]')

    const { exitCode, out, err } = await aval('import', 'langfuse-export', 'export.json')

    expect(exitCode).toBe(2)
    expect(out).toContain('refused    prompts/b.yaml')
    expect(err).toBe(
      'Nothing was written: prompts/b.yaml has another content. Look at it, then add --force.\n',
    )
    expect(readdirSync(join(folder, 'prompts'))).toEqual(['b.yaml'])
    expect(get('prompts/b.yaml')).toContain('mine')

    const forced = await aval('import', 'langfuse-export', 'export.json', '--force')

    expect(forced.exitCode).toBe(0)
    expect(forced.out).toContain('replaced   prompts/b.yaml')
    expect(readdirSync(join(folder, 'prompts')).toSorted()).toEqual(['a.yaml', 'b.yaml'])
    expect(get('prompts/b.yaml')).toContain('two')
  })

  test('with the same content keeps its tests and remarks, with --force too', async () => {
    exported({ name: 'a', prompt: 'one' })
    mkdirSync(join(folder, 'prompts'))
    const own = '# mine\nmessages: [{ role: user, content: one }]\ntests: [{ renders: { equals: one } }]\n'
    put('prompts/a.yaml', own)

    const { out } = await aval('import', 'langfuse-export', 'export.json', '--force')

    expect(out).toContain('unchanged  prompts/a.yaml')
    expect(get('prompts/a.yaml')).toBe(own)
  })

  test('a link is never written through, with --force neither', async () => {
    exported({ name: 'a', prompt: 'one' })
    mkdirSync(join(folder, 'prompts'))
    put('elsewhere.yaml', 'kept')
    symlinkSync(join(folder, 'elsewhere.yaml'), join(folder, 'prompts/a.yaml'))

    const { exitCode } = await aval('import', 'langfuse-export', 'export.json', '--force')

    expect(exitCode).toBe(2)
    expect(get('elsewhere.yaml')).toBe('kept')
  })
})

test('--dry-run writes nothing, and --json is for programs', async () => {
  exported({ name: 'a', prompt: 'one', tags: ['x'] })

  const { exitCode, out } = await aval('import', 'langfuse-export', 'export.json', '--dry-run', '--json')

  expect(exitCode).toBe(0)
  expect(JSON.parse(out)).toEqual({
    prompts: [{ name: 'a', path: 'prompts/a.yaml', source: 'a', status: 'new' }],
    left_out: [{ kind: 'other', what: 'a: tags', count: 1, reason: 'prompts have no tags.' }],
    written: false,
  })
  expect(readdirSync(folder)).toEqual(['export.json'])
})

test('a promptfoo config is read with its files, and no file outside of its folder', async () => {
  mkdirSync(join(folder, 'evals/texts'), { recursive: true })
  put('secret.txt', 'secret')
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'evals/link.txt'))
  put('evals/texts/hi.txt', 'Hi {{name}}')
  put('evals/long.txt', 'x'.repeat(300_000))
  put(
    'evals/promptfooconfig.yaml',
    `prompts: [file://texts/hi.txt, file://../secret.txt, 'file://${folder}/secret.txt', file://link.txt, file://long.txt, file://texts, 'plain {{q}}']`,
  )

  const { exitCode, out } = await aval('import', 'promptfoo', 'evals/promptfooconfig.yaml')

  expect(exitCode).toBe(0)
  expect(readdirSync(join(folder, 'prompts')).toSorted()).toEqual(['evals-2.yaml', 'hi.yaml'])
  expect(out.match(/leads out of the folder/g)).toHaveLength(2 + 1)
  expect(out).toContain('larger than 262144 bytes')
  expect(out).toContain('left out: 5 prompts, 0 other things.')
})

test('samples of openai/evals are called as their folder', async () => {
  mkdirSync(join(folder, 'spelling'))
  put('spelling/samples.jsonl', '{"input":"one","ideal":"1"}\n{"input":"two","ideal":"2"}\n')

  const { exitCode, out } = await aval('import', 'openai-evals', 'spelling/samples.jsonl')

  expect(exitCode).toBe(0)
  expect(out).toContain('new        prompts/spelling.yaml  2 samples')
  expect(out).toContain('left out   ideal (2): ')
})

describe('ends with', () => {
  test.each([
    ['a file that is not there', 'absent.json', 2, 'cannot be read (ENOENT)'],
    ['a folder', '.', 2, 'not a file'],
    ['a file too large', 'large.json', 2, 'larger than 33554432 bytes'],
    ['what is no JSON', 'wrong.json', 103, 'not JSON'],
    ['no prompt at all', 'none.json', 103, ''],
  ])('%s', async (_what, path, expected, message) => {
    put('wrong.json', 'a,b')
    put('none.json', '[]')
    if (path === 'large.json') put(path, ' '.repeat(32 * 1024 * 1024 + 1))

    const { exitCode, err } = await aval('import', 'langfuse-export', path)

    expect(exitCode).toBe(expected)
    expect(err).toContain(message)
    expect(readdirSync(folder)).not.toContain('prompts')
  })

  test('an unknown product, which is told those that are known', async () => {
    const { exitCode } = await aval('import', 'langsmith', 'x.json')

    expect(exitCode).toBe(2)
  })

  test('names on a terminal without its control codes', async () => {
    exported({ name: '\u001b[31mred', prompt: 7 })

    const { out } = await aval('import', 'langfuse-export', 'export.json')

    expect(out).not.toContain('\u001b')
  })
})
