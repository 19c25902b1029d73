import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CliActions } from '../../../src/cli/context.ts'
import { runCli } from '../../../src/cli/run.ts'
import type { Role } from '../../../src/keys/key.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'

let database: TestDatabase
let server: ApiServer
let folder: string
let pushes = 0

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  folder = mkdtempSync(join(tmpdir(), 'aval-model-versions-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server.close()
  await database.close()
})
/** Versions stay, so every test has names of its own. */
let name: string
beforeEach(() => {
  pushes += 1
  name = `model-${pushes}`
})

async function call(role: Role, method: string, path: string, body?: unknown) {
  const answer = await fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.keyOf('default', role).token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: JSON.parse(await answer.text()) }
}

async function aval(...words: string[]) {
  const output = { out: '', err: '' }
  const exitCode = await runCli(
    {
      version: '0.1.0',
      settings: { url: server.url, key: server.keyOf('default', 'admin').token },
      terminal: {
        write: (text) => {
          output.out += text
        },
        writeError: (text) => {
          output.err += text
        },
        interactive: false,
        colors: false,
        columns: 200,
        timeZone: 'UTC',
        ask: async () => null,
        confirm: async () => false,
        progressStream: process.stderr,
      },
      // None of these commands does anything but ask the server.
      actions: {} as CliActions,
      nowMs: () => Date.now(),
    },
    words,
  )
  return { ...output, exitCode }
}

function write(file: string, text: string): string {
  const path = join(folder, file)
  writeFileSync(path, text)
  return path
}

describe('/api/model-versions', () => {
  test('makes a version once, and puts every push on the log first', async () => {
    const body = { name, upstream: 'openai', model: 'gpt-4o-mini', capabilities: { tools: true } }

    const first = await call('engineer', 'POST', '/model-versions', body)
    const again = await call('engineer', 'POST', '/model-versions', { ...body, notes: null })

    expect(first).toMatchObject({
      status: 201,
      json: {
        name,
        version: 1,
        created: true,
        capabilities: { tools: true },
        context_window: null,
        created_by_name: 'default engineer',
      },
    })
    expect(again).toEqual({ status: 200, json: { ...first.json, created: false } })
    expect(server.records.at(-1)).toMatchObject({
      kind: 'admin',
      action: 'model_version.push',
      target: name,
      detail: { hash: first.json.hash, upstream: 'openai', model: 'gpt-4o-mini' },
    })
  })

  test('shows the newest of each name, the history of one, and one version', async () => {
    for (const temperature of [0, 1, 2]) {
      const parameters = { temperature }
      await call('admin', 'POST', '/model-versions', { name, upstream: 'lab', model: 'm', parameters })
    }

    const all = await call('auditor', 'GET', '/model-versions?limit=200')
    const page = await call('approver', 'GET', `/model-versions/${name}?limit=2`)
    const rest = await call(
      'approver',
      'GET',
      `/model-versions/${name}?limit=2&cursor=${page.json.next_cursor}`,
    )
    const one = await call('auditor', 'GET', `/model-versions/${name}/versions/1`)
    const newest = await call('auditor', 'GET', `/model-versions/${name}/versions/newest`)

    const versions = (answer: typeof all) => answer.json.data.map((row: { version: number }) => row.version)
    expect(all.json.data.filter((row: { name: string }) => row.name === name)).toHaveLength(1)
    expect([versions(page), page.json.next_cursor]).toEqual([[3, 2], '2'])
    expect([versions(rest), rest.json.next_cursor]).toEqual([[1], null])
    expect(one.json).toMatchObject({ version: 1, parameters: { temperature: 0 } })
    expect(newest.json).toEqual(page.json.data[0])
  })

  test('goes on after the last name of a page', async () => {
    for (const end of ['a', 'b']) {
      await call('admin', 'POST', '/model-versions', { name: `${name}-${end}`, upstream: 'lab', model: 'm' })
    }

    const first = await call('admin', 'GET', '/model-versions?limit=1')
    const second = await call('admin', 'GET', `/model-versions?limit=1&cursor=${first.json.next_cursor}`)

    expect(first.json.next_cursor).toBe(first.json.data[0].name)
    expect(second.json.data[0].name > first.json.data[0].name).toBe(true)
  })

  test.each([
    ['an unknown field', { license: 'x' }, 'unsupported_parameter', 'license', 'Did you mean "licence"?'],
    [
      'an unknown capability',
      { capabilities: { tols: true } },
      'unsupported_parameter',
      'capabilities.tols',
      '"tools"',
    ],
    [
      'the call itself',
      { parameters: { messages: [] } },
      'invalid_value',
      'parameters.messages',
      'call itself',
    ],
    ['a name with a path in it', { name: '../etc' }, 'invalid_value', 'name', 'lower-case'],
    ['no model', { model: undefined }, 'missing_required_parameter', 'model', 'model'],
    ['half a letter', { notes: '\ud800' }, 'invalid_value', null, 'well-formed'],
    ['a window of text', { context_window: '128k' }, 'invalid_type', 'context_window', 'number'],
  ])('refuses %s by name and records nothing', async (_, fields, code, param, message) => {
    const before = server.records.length

    const answer = await call('admin', 'POST', '/model-versions', {
      name,
      upstream: 'lab',
      model: 'm',
      ...fields,
    })

    expect(answer).toMatchObject({
      status: 400,
      json: { error: { code, param, message: expect.stringContaining(message) } },
    })
    expect(server.records).toHaveLength(before)
  })

  test.each(['0', '-1', 'x', '1.5', '9999999999'])('%j is no version', async (version) => {
    const answer = await call('admin', 'GET', `/model-versions/${name}/versions/${version}`)

    expect(answer.json.error).toMatchObject({ code: 'invalid_value', param: 'version' })
  })
})

describe('/api/prices', () => {
  test('resolves the price in force: the shipped one, then the project’s own, each with its source', async () => {
    const path = `/prices?upstream=openai&model=gpt-4o`
    const shipped = await call('approver', 'GET', path)

    const set = await call('admin', 'POST', '/prices', {
      upstream: 'openai',
      model: 'gpt-4o',
      source: 'contract 7',
      input: '1.000001',
    })
    const own = await call('approver', 'GET', path)
    const yesterday = await call('approver', 'GET', `${path}&at=1d`)

    expect(shipped.json).toMatchObject({
      data: [],
      effective: { id: null, input: '2.5', output: '10', source: expect.stringContaining('genai-prices') },
    })
    expect(set).toMatchObject({ status: 201, json: { input: '1.000001', output: null } })
    expect(own.json.data).toEqual([set.json])
    expect(own.json.effective).toMatchObject({
      id: set.json.id,
      source: 'contract 7',
      input: '1.000001',
      output: null,
      tiers: [],
    })
    expect(yesterday.json.effective).toEqual(shipped.json.effective)
    expect(server.records.at(-1)).toMatchObject({
      action: 'price.set',
      target: 'openai/gpt-4o',
      detail: { source: 'contract 7', input: '1.000001', output: null },
    })
  })

  test('says null where nobody knows, and nothing where nobody asked', async () => {
    const unknown = await call('admin', 'GET', '/prices?upstream=nowhere&model=gpt-4o')
    const list = await call('admin', 'GET', '/prices')

    expect(unknown.json.effective).toBeNull()
    expect(list.json).not.toHaveProperty('effective')
  })

  test('shows no price of another project', async () => {
    const body = { upstream: 'openai', model: name, source: 'ours', input: '1' }
    await call('admin', 'POST', '/prices', body)

    const answer = await fetch(`${server.url}/api/prices?upstream=openai&model=${name}`, {
      headers: { authorization: `Bearer ${server.keyOf('other', 'admin').token}` },
    })

    expect(await answer.json()).toEqual({ data: [], next_cursor: null, effective: null })
  })

  test('pages through its rows', async () => {
    for (const input of ['1', '2', '3']) {
      await call('admin', 'POST', '/prices', { upstream: 'lab', model: name, source: 'a test', input })
    }

    const first = await call('admin', 'GET', `/prices?model=${name}&limit=2`)
    const rest = await call('admin', 'GET', `/prices?model=${name}&limit=2&cursor=${first.json.next_cursor}`)

    const inputs = (answer: typeof first) => answer.json.data.map((row: { input: string }) => row.input)
    expect([inputs(first), inputs(rest), rest.json.next_cursor]).toEqual([['3', '2'], ['1'], null])
  })

  test('takes times before there were any, and prices to come', async () => {
    const body = { upstream: 'lab', model: name, source: 'a test', input: '1' }
    const ancient = await call('admin', 'POST', '/prices', { ...body, valid_from: '0000-01-01' })
    const future = await call('admin', 'POST', '/prices', { ...body, valid_from: '2999-01-01', input: '9' })

    const now = await call('admin', 'GET', `/prices?upstream=lab&model=${name}`)

    expect(ancient.json.valid_from).toBe('1970-01-01T00:00:00.000Z')
    expect(future.status).toBe(201)
    expect(now.json.effective.input).toBe('1')
  })

  test.each([
    ['a number', { input: 2.5 }, 'input', 'as text'],
    ['a finer amount than a micro-USD', { input: '0.0000001' }, 'input', 'six decimals'],
    ['an amount below 0', { output: '-1' }, 'output', 'not an amount'],
    ['cents written as dollars of a fortune', { per_image: '1000001' }, 'per_image', 'up to 1000000'],
    ['no figure at all', {}, null, 'no figure'],
    ['a source of nothing', { input: '1', source: '  ' }, 'source', ''],
    ['a source with a NUL', { input: '1', source: 'a\u0000b' }, 'source', 'control'],
    ['an unknown field', { inputs: '1' }, 'inputs', 'Did you mean "input"?'],
  ])('refuses %s', async (_, fields, param, message) => {
    const body = { upstream: 'lab', model: name, source: 'a test', ...fields }

    const answer = await call('admin', 'POST', '/prices', body)

    expect(answer.status).toBe(400)
    expect(answer.json.error).toMatchObject({ param, message: expect.stringContaining(message) })
  })

  test('wants to know of which model, when asked about a time', async () => {
    const answer = await call('admin', 'GET', '/prices?at=1d')

    expect(answer.json.error).toMatchObject({ code: 'invalid_value', param: 'at' })
  })
})

describe('aval model', () => {
  test('pushes a folder, then says that everything is there already', async () => {
    const models = join(folder, name)
    mkdirSync(models)
    for (const one of ['a', 'b']) {
      writeFileSync(join(models, `${name}-${one}.yaml`), 'upstream: openai\nmodel: gpt-4o-mini\n')
    }
    writeFileSync(join(models, 'README.md'), 'not a model')

    const first = await aval('model', 'push', '--folder', models)
    const again = await aval('model', 'push', '--folder', models, `${name}-a`, '--json')

    expect(first.out).toMatch(new RegExp(`^${name}-a@1  new  mv_.+\n${name}-b@1  new  mv_.+\n$`))
    expect(JSON.parse(again.out).data).toMatchObject([{ name: `${name}-a`, version: 1, created: false }])
  })

  test('shows what is known, what is not, and what it costs now', async () => {
    const path = write(
      `${name}.yaml`,
      'upstream: openai\nmodel: gpt-4o-mini\nparameters: { temperature: 0 }\ncapabilities: { tools: true, audio: false }\n',
    )
    await aval('model', 'push', path)

    const shown = await aval('model', 'show', name)
    const json = await aval('model', 'show', `${name}@1`, '--json')

    expect(shown.out).toMatch(/parameters +\{"temperature":0\}/)
    expect(shown.out).toMatch(/context window +unknown/)
    expect(shown.out).toMatch(/can +tools\n/)
    expect(shown.out).toMatch(/cannot +audio\n/)
    expect(shown.out).toMatch(/price +\$0\.15 in, \$0\.075 cached, \$0\.60 out per million tokens/)
    expect(JSON.parse(json.out)).toMatchObject({ name, version: 1 })
  })

  test('lists the newest of each, and the versions of one', async () => {
    for (const temperature of [0, 1]) {
      const path = write(
        `${name}.yaml`,
        `upstream: lab\nmodel: m\nparameters: { temperature: ${temperature} }\n`,
      )
      await aval('model', 'push', path)
    }

    const all = await aval('model', 'list', '--limit', '200')
    const history = await aval('model', 'list', name, '--limit', '1')

    expect(all.out).toContain(`${name}@2`)
    expect(all.out).not.toContain(`${name}@1 `)
    expect(history.out).toContain(`${name}@2`)
    expect(history.out).toContain(`More: aval model list ${name} --limit 1 --cursor 2`)
  })

  test.each([
    ['broken YAML', 'upstream: [', 103, 'not valid YAML'],
    ['a bomb', `a: &a [x]\nb: [${'*a,'.repeat(200)}]\n`, 103, 'not valid YAML'],
    ['a list', '- upstream', 103, 'write fields'],
    ['a name of its own', 'name: x\nupstream: lab\nmodel: m\n', 103, "file's name"],
    ['an unknown field', 'upstream: lab\nmodel: m\nlicense: MIT\n', 2, 'Did you mean "licence"?'],
    ['too much', `notes: ${'x'.repeat(70_000)}`, 103, '65536 bytes'],
  ])('refuses a file with %s, by its path', async (_, text, exitCode, message) => {
    const path = write(`${name}.yaml`, text)

    const pushed = await aval('model', 'push', path)

    expect(pushed).toMatchObject({ exitCode, out: '' })
    expect(pushed.err).toContain(path)
    expect(pushed.err).toContain(message)
  })

  test('pushes nothing when one of its files cannot be read', async () => {
    const good = write(`${name}.yaml`, 'upstream: lab\nmodel: m\n')

    const pushed = await aval('model', 'push', good, join(folder, 'gone.yaml'))

    expect(pushed).toMatchObject({ exitCode: 103, out: '' })
    expect((await call('admin', 'GET', `/model-versions/${name}`)).status).toBe(404)
  })

  test.each([
    [['push', 'Upper.yaml'], 'lower-case letters'],
    [['push', '--folder', '/nowhere'], 'cannot be read (ENOENT)'],
    [['show', 'nobody'], 'no model version "nobody"'],
    [['show', 'no/body@2'], 'no/body@2'],
  ])('%j says what is wrong', async (words, message) => {
    expect((await aval('model', ...words)).err).toContain(message)
  })

  test('says where to begin when there is nothing', async () => {
    const empty = join(folder, `${name}-empty`)
    mkdirSync(empty)

    const pushed = await aval('model', 'push', '--folder', empty)

    expect(pushed).toMatchObject({ exitCode: 103, err: expect.stringContaining('docs/prices.md shows one') })
  })
})

describe('aval price', () => {
  test('shows a shipped price with its tiers and its source', async () => {
    const shown = await aval('price', 'show', 'openai/gpt-6-sol')

    expect(shown.out).toMatch(/price +\$2\.00 in, .*\$10\.00 out per million tokens/)
    expect(shown.out).toMatch(/above 272000 in +\$4\.00 in/)
    expect(shown.out).toContain('@pydantic/genai-prices')
  })

  test('says that a price is unknown, and how to set it', async () => {
    const shown = await aval('price', 'show', `lab/${name}`)
    const json = await aval('price', 'show', `lab/${name}`, '--json')

    expect(shown).toMatchObject({ exitCode: 0, out: expect.stringContaining('is unknown') })
    expect(shown.out).toContain(`aval price set lab/${name}`)
    expect(JSON.parse(json.out)).toEqual({ upstream: 'lab', model: name, effective: null })
  })

  test('sets a price, says what it leaves unknown, and lists it', async () => {
    const words = [
      'price',
      'set',
      `lab/a/${name}`,
      '--input',
      '0.2',
      '--output',
      '0.3',
      '--source',
      'invoice 9',
    ]

    const set = await aval(...words, '--from', '2026-01-01')
    const list = await aval('price', 'list', '--model', `a/${name}`)
    const shown = await aval('price', 'show', `lab/a/${name}`)

    expect(set.out).toMatch(/price +\$0\.20 in, \$0\.30 out per million tokens/)
    expect(set.out).toContain('those that read from a cache (--cached-input)')
    expect(list.out).toMatch(new RegExp(`price_\\S+ +lab/a/${name} +\\$0\\.20 +- +- +\\$0\\.30`))
    expect(list.out).toContain('invoice 9')
    expect(shown.out).toContain('2026-01-01')
  })

  test('keeps quiet about unknown costs when every figure is there', async () => {
    const figures = ['--input', '0', '--cached-input', '0', '--cache-write', '0', '--output', '0']

    const set = await aval('price', 'set', `lab/${name}`, ...figures, '--source', 'our own machine')

    expect(set.out).toContain('$0.00 in')
    expect(set.out).not.toContain('unknown cost')
  })

  test('has nothing to list at first', async () => {
    const list = await aval('price', 'list', '--upstream', 'nowhere')

    expect(list.out).toContain('aval price set --help')
  })

  test.each([
    [['set', 'lab/m', '--input', '1'], '--source'],
    [['set', 'lab/m', '--source', 'x', '--input', 'free'], 'not an amount'],
    [['set', 'm', '--source', 'x', '--input', '1'], 'names no model'],
    [['show', 'lab/'], 'names no model'],
  ])('%j says what is wrong, with exit code 2', async (words, message) => {
    const failed = await aval('price', ...words)

    expect(failed).toMatchObject({ exitCode: 2, err: expect.stringContaining(message) })
  })
})
