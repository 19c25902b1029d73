import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import type { Role } from '../../../src/keys/key.ts'
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
})
afterAll(async () => {
  await database.close()
})
beforeEach(async () => {
  await database.truncate()
  server = await startApiServer(database)
  folder = newFolder()
  return async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})

function newFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'aval-sync-'))
  mkdirSync(join(made, 'prompts'))
  mkdirSync(join(made, 'model-versions'))
  return made
}

const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
const prompt = (text: string) => `messages: [{ role: user, content: "${text}" }]\n`
const model = (temperature: number) =>
  `upstream: openai\nmodel: gpt-4o-mini\nparameters: { temperature: ${temperature} }\n`

type Options = {
  role?: Role
  from?: string
  answer?: boolean
  whileAsked?: () => unknown
  stop?: AbortSignal
}

/** `answer` is a person at a terminal who gives it. */
async function aval(
  words: string,
  { role = 'engineer', from = folder, answer, whileAsked, stop }: Options = {},
): Promise<{ exitCode: number; out: string; err: string; asked: string[] }> {
  const output = { out: '', err: '', asked: [] as string[] }
  const none = async () => 0
  const exitCode = await runCli(
    {
      version: '0.1.0',
      settings: { url: server.url, key: server.keyOf('default', role).token },
      terminal: {
        write: (text) => {
          output.out += text
        },
        writeError: (text) => {
          output.err += text
        },
        interactive: answer !== undefined,
        colors: false,
        columns: 120,
        timeZone: 'UTC',
        ask: async () => null,
        confirm: async (question) => {
          output.asked.push(question)
          await whileAsked?.()
          return answer ?? false
        },
        progressStream: process.stderr,
      },
      actions: {
        serve: none,
        work: none,
        migrate: none,
        check: none,
        selfCheck: async () => [],
        audit: noAuditActions(),
        prompts: createPromptActions(from),
        retrieval: async () => ({ sources: [], indexes: [] }),
        policies: { check: async () => [] },
        quality: noQualityActions(),
        datasets: createDatasetActions('.'),
        evals: createEvalActions('.'),
        sync: createSyncActions(from),
      },
      nowMs: () => 1000,
      ...(stop !== undefined && { stop }),
    },
    words.split(' '),
  )
  return { exitCode, ...output }
}

/** Both files pushed, and a release of them that production serves. */
async function served(): Promise<void> {
  write('prompts/support.yaml', prompt('one'))
  write('model-versions/mini.yaml', model(0))
  await aval('sync --yes')
  await aval('release create answers --prompt support --model mini')
  await aval('label set answers@production r1 --reason first --yes', { role: 'admin' })
}

test('the first sync adds a version of every file, and the second finds nothing to do', async () => {
  write('prompts/support.yaml', prompt('one'))
  write('model-versions/mini.yaml', model(0))

  const first = await aval('sync --yes')
  const second = await aval('sync --yes')
  const check = await aval('sync --check', { role: 'auditor' })

  expect(first).toMatchObject({ exitCode: 0, err: '' })
  expect(first.out).toBe(`prompt support@1 (new)
model mini@1 (new)
0 unchanged

new            prompt support@1
new            model mini@1

A new prompt is in no release yet. Make one: aval release create <route> --prompt support --model <name>
`)
  expect(second).toMatchObject({ exitCode: 0, out: '2 unchanged\n' })
  expect(check).toMatchObject({ exitCode: 0, out: '2 unchanged\n' })
})

test('an edited prompt and an edited model become versions and one release, and no label moves', async () => {
  await served()
  write('prompts/support.yaml', prompt('two'))
  write('model-versions/mini.yaml', model(1))

  const { out, exitCode } = await aval('sync --yes')
  const again = await aval('sync --yes')

  expect(exitCode).toBe(0)
  expect(out).toBe(`prompt support@2 (new), after @1 of default engineer
model mini@2 (new), after @1 of default engineer
release answers r2 (r1 with prompt @2, model mini@2)
0 unchanged

new            prompt support@2
new            model mini@2
new            release answers r2

No label was moved. To serve a release: aval promote answers r2 --to production
`)
  expect(again.out).toBe('2 unchanged\n')
  const release = JSON.parse((await aval('release show answers@r2 --json')).out)
  expect(release).toMatchObject({ prompt: 'support@2', targets: [{ model: 'mini@2' }], labels: [] })
  expect((await aval('label list')).out).toMatch(/answers@production +r1 /)
})

test('--check exits 1 on a difference and changes nothing; a reader’s key is enough', async () => {
  await served()
  write('prompts/support.yaml', prompt('two'))

  const check = await aval('sync --check', { role: 'auditor' })
  const json = await aval('sync --check --json', { role: 'auditor' })

  expect(check).toMatchObject({ exitCode: 1, err: '' })
  expect(check.out).toContain('release answers r2 (r1 with prompt @2)\n')
  expect(json.exitCode).toBe(1)
  expect(JSON.parse(json.out)).toEqual({
    plan: [
      {
        action: 'push',
        kind: 'prompt',
        name: 'support',
        version: 2,
        after: 1,
        after_by: 'default engineer',
      },
      {
        action: 'release',
        route: 'answers',
        release: 'r2',
        from: 'r1',
        changes: [{ kind: 'prompt', name: 'support', from: 1, to: 2 }],
      },
    ],
    unchanged: 1,
    applied: false,
  })
  expect((await aval('prompt history support')).out).not.toContain('support@2')
})

test('a file that is an older version is behind: it is said, never pushed, and a difference for --check', async () => {
  await served()
  write('prompts/support.yaml', prompt('two'))
  await aval('sync --yes')
  write('prompts/support.yaml', prompt('one'))

  const sync = await aval('sync --yes')
  const check = await aval('sync --check')

  expect(sync.exitCode).toBe(0)
  expect(sync.out).toContain(
    'behind: registry has support@2, the file is @1 (prompts/support.yaml; @2 is of ',
  )
  expect(sync.out).toContain('Take it over: aval prompt show support@2.')
  expect(sync.out).not.toContain('new ')
  expect(check.exitCode).toBe(1)
})

test('what the registry has without a file is named and left alone', async () => {
  await served()
  rmSync(join(folder, 'model-versions/mini.yaml'))

  const { out, exitCode } = await aval('sync --check')

  expect(out).toBe('left alone: model mini@1 has no file model-versions/mini.yaml\n1 unchanged\n')
  expect(exitCode).toBe(0)
})

test('many versions are read to their end before a file is taken for an edit', async () => {
  for (let at = 0; at <= 205; at += 1) {
    const body = { name: 'mini', upstream: 'openai', model: 'm', parameters: { seed: at } }
    await fetch(`${server.url}/api/model-versions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.keyOf('default', 'engineer').token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
  }
  write('model-versions/mini.yaml', 'upstream: openai\nmodel: m\nparameters: { seed: 0 }\n')

  const { out } = await aval('sync --check')

  expect(out).toContain('behind: registry has mini@206, the file is @1')
})

describe('two syncs at once', () => {
  test('with the same files add everything once, and say what the other did', async () => {
    await served()
    write('prompts/support.yaml', prompt('two'))
    write('model-versions/mini.yaml', model(1))

    const both = await Promise.all([aval('sync --yes --json'), aval('sync --yes --json')])

    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    const created = both.flatMap(({ out }) =>
      ((JSON.parse(out).results ?? []) as { created: boolean }[]).filter((one) => one.created),
    )
    expect(created).toHaveLength(3)
    expect((await aval('sync --check')).out).toBe('2 unchanged\n')
    expect((await aval('release list answers --json')).out.match(/"release"/g)).toHaveLength(2)
  })

  test('with other contents: the later one is told whose version came in between, and adds nothing', async () => {
    await served()
    const other = newFolder()
    writeFileSync(join(other, 'prompts/support.yaml'), prompt('theirs'))
    write('prompts/support.yaml', prompt('ours'))

    const late = await aval('sync', { answer: true, whileAsked: () => aval('sync --yes', { from: other }) })
    const releases = await aval('release list answers')
    rmSync(other, { recursive: true })

    expect(late.exitCode).toBe(2)
    expect(late.err).toContain(
      'prompts/support.yaml: The newest is support@2 of default engineer, not what was',
    )
    expect(late.out).not.toContain('new  ')
    expect(releases.out).not.toContain('r3')
  })
})

describe('asking', () => {
  test('comes before anything is added; no is no', async () => {
    write('prompts/support.yaml', prompt('one'))

    const no = await aval('sync', { answer: false })
    const yes = await aval('sync', { answer: true })

    expect(no).toMatchObject({ exitCode: 2, asked: ['Apply 1 version?'] })
    expect(no.err).toContain('Nothing was changed.')
    expect(yes.exitCode).toBe(0)
    expect(yes.out).toContain('new            prompt support@1')
  })

  test('needs somebody: without a terminal the plan is printed and --yes named', async () => {
    write('prompts/support.yaml', prompt('one'))

    const { out, err, exitCode } = await aval('sync')

    expect(out).toContain('prompt support@1 (new)')
    expect(err).toContain('add --yes')
    expect(exitCode).toBe(2)
  })

  test('ends with 1 when it is stopped, and adds nothing more', async () => {
    write('prompts/support.yaml', prompt('one'))
    const stop = new AbortController()

    const stopped = await aval('sync', { answer: true, whileAsked: () => stop.abort(), stop: stop.signal })

    expect(stopped.exitCode).toBe(1)
    expect(stopped.err).toContain('Stopped.')
    expect((await aval('sync --check')).exitCode).toBe(1)
  })

  test('is not done for JSON: the plan alone, or with --yes what became of it', async () => {
    write('prompts/support.yaml', prompt('one'))

    const planned = JSON.parse((await aval('sync --json')).out)
    const applied = JSON.parse((await aval('sync --json --yes')).out)

    expect(planned).toMatchObject({ applied: false, plan: [{ name: 'support', version: 1 }] })
    expect(applied).toMatchObject({
      applied: true,
      results: [{ action: 'push', kind: 'prompt', name: 'support', version: 1, created: true }],
    })
  })
})

test('every mistake in every file is a sentence, and nothing is added', async () => {
  write('prompts/good.yaml', prompt('fine'))
  write('prompts/Bad_Name.yaml', prompt('x'))
  write('prompts/wrong.yaml', prompt('{{nobody}}'))
  write('prompts/failing.yaml', `${prompt('x')}tests: [{ renders: { contains: y } }]\n`)
  write('model-versions/mini.yaml', 'upstrem: openai\nmodel: m\nparameters: { messages: [] }\n')
  write('model-versions/named.yaml', 'name: x\nupstream: openai\nmodel: m\n')
  write('model-versions/big.yaml', 'upstream: openai\nmodel: m\nparameters: { seed: .inf }\n')

  const { out, err, exitCode } = await aval('sync --yes')

  expect(exitCode).toBe(2)
  expect(out).toBe('')
  expect(err).toContain(
    "prompts/Bad_Name.yaml: the file's name becomes the prompt's. Write lower-case letters",
  )
  expect(err).toContain('prompts/wrong.yaml: messages.0.content')
  expect(err).toContain('prompts/failing.yaml: test 1 fails: not so: contains "y"')
  expect(err).toContain(
    'model-versions/mini.yaml: (top level): unknown key "upstrem". Did you mean "upstream"?',
  )
  expect(err).toContain('parameters.messages: Not a default of a model: it is the call itself.')
  expect(err).toContain("model-versions/named.yaml: name: the file's name is the model's.")
  expect(err).toContain('parameters.seed: Infinity where a finite number is expected.')
  expect(err).toContain('Nothing was changed.')
  expect((await aval('prompt list')).out).toContain('No prompts yet')
})

test('a folder without files is said, not taken for success', async () => {
  const { err, exitCode } = await aval('sync --check')

  expect(err).toContain('There is nothing to sync here')
  expect(exitCode).toBe(103)
})

test('a release that is refused keeps no other route from its own', async () => {
  await served()
  write('model-versions/blind.yaml', 'upstream: openai\nmodel: b\ncapabilities: { json: false }\n')
  await aval('sync --yes')
  await aval('release create blind --prompt support --model blind')
  write('prompts/support.yaml', `${prompt('two')}response_format: { type: json_object }\n`)

  const { out, err, exitCode } = await aval('sync --yes')

  expect(exitCode).toBe(2)
  expect(out).toContain('new            release answers r2\n')
  expect(err).toContain('release of blind: Model blind@1 has no json')
})
