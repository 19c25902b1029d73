/** `aval dataset` and /api/datasets against a real database behind a real /api. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { logRow } from '../../support/log-row.ts'

const REQUESTS = [
  logRow({
    id: 'req_1',
    subject: 'sub_1',
    requestBody: '{"model":"support-answer","messages":[{"role":"user","content":"May I return it?"}]}',
    responseBody: '{"choices":[{"index":0,"message":{"role":"assistant","content":"Yes."}}]}',
    index: 'handbook@1',
    retrieval: { contexts: [], without: null, durationMs: 1 },
  }),
  logRow({
    id: 'req_2',
    outcome: 'upstream_error',
    requestBody: '{"model":"support-answer","prompt":{"variables":{"question":"Why?"}}}',
    responseBody: '{"error":{}}',
  }),
  logRow({ id: 'req_3', bodyState: 'erased', requestBody: null, responseBody: null }),
  logRow({ id: 'req_4', requestRedacted: { email: 1 }, requestBody: '{"model":"x","messages":[]}' }),
  logRow({ id: 'req_5', operation: 'embeddings', requestBody: '{"model":"x","input":"Hi"}' }),
  logRow({ id: 'req_6', operation: 'rerank' }),
]

let database: TestDatabase
let server: ApiServer
let folder: string

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database, { rows: REQUESTS })
  folder = mkdtempSync(join(tmpdir(), 'aval-datasets-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server.close()
  await database.close()
})

const aval = (words: readonly string[], role: Role = 'engineer') =>
  commandLine(
    ['dataset', ...words],
    { url: server.url, key: server.keyOf('default', role).token },
    { directory: folder },
  )
const put = (name: string, text: string) => writeFileSync(join(folder, name), text)
const lines = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

test('without any, a list says how to make one', async () => {
  const { out, exitCode } = await aval(['list'])

  expect([exitCode, out]).toEqual([
    0,
    expect.stringContaining('No datasets yet. Push a file of examples: aval dataset push'),
  ])
})

describe('aval dataset push', () => {
  test('makes a version of a file, and of the same examples no other', async () => {
    put(
      'refunds.jsonl',
      lines({ id: 'a', input: 'x', expected: 'y' }, { id: 'b', input: 'z', metadata: { team: 'north' } }),
    )
    const first = await aval(['push', 'refunds.jsonl', '--description', 'Of March.'])
    put('refunds.csv', 'id,input,expected,metadata.team\na,x,y,\nb,z,,north\n')
    const again = await aval(['push', 'refunds.csv', '--json'])
    put('refunds.jsonl', lines({ id: 'b', input: 'z', metadata: { team: 'south' } }, { id: 'c', input: 'x' }))
    const second = await aval(['push', 'refunds.jsonl'])

    expect([first.exitCode, first.out]).toEqual([
      0,
      expect.stringMatching(/^refunds@1 made: 2 items, [0-9a-f]{12}\n$/),
    ])
    expect(JSON.parse(again.out)).toMatchObject({
      name: 'refunds',
      version: 1,
      created: false,
      format: 'aval',
    })
    expect(second.out).toMatch(/^refunds@2 made: 2 items/)
    expect(server.records.filter(({ action }) => action.startsWith('dataset.')).slice(0, 2)).toMatchObject([
      { kind: 'admin', action: 'dataset.items', detail: { items: 2 } },
      { kind: 'admin', action: 'dataset.push', target: 'refunds', actorName: 'default engineer' },
    ])
  })

  test('tells every mistake with its line, and pushes nothing', async () => {
    put('wrong.jsonl', `{"id":"a","input":"x"}\n{"id":"a","input":"y"}\n{"id":"c","score":NaN}\n`)

    const { exitCode, err } = await aval(['push', 'wrong.jsonl'])

    expect(exitCode).toBe(103)
    expect(err).toContain('wrong.jsonl line 2: the id "a" is that of wrong.jsonl line 1 too.')
    expect(err).toContain('wrong.jsonl line 3: not valid JSON: NaN is no number of it.')
    expect(err).toContain('Nothing was pushed.')
    expect((await aval(['show', 'wrong'])).err).toContain('This project has no dataset "wrong"')
  })

  test.each([
    [['push', 'empty.jsonl'], 103, 'empty.jsonl: no items.'],
    [['push', 'none.jsonl'], 103, 'none.jsonl: cannot be read (ENOENT).'],
    [['push', 'some.txt'], 2, 'End it with .jsonl, .csv, .json or .yaml.'],
    [['push', 'Some File.jsonl'], 2, "the file's name is no name of a dataset. Say --name"],
    [['push', 'empty.jsonl', '--format', 'promtfoo'], 2, 'Did you mean "promptfoo"?'],
    [['show', 'a@0'], 2, '"a@0" names no dataset.'],
    [['show', 'refunds@9'], 2, 'refunds has no version 9; the newest is 2.'],
    [['export', 'none'], 2, 'This project has no dataset "none".'],
  ])('%j ends with %i and says why', async (words, code, message) => {
    put('empty.jsonl', '\n')

    const { exitCode, err } = await aval(words)

    expect([exitCode, err]).toEqual([code, expect.stringContaining(message)])
  })

  test('looks at a file without a server, holds it to a schema, and says what it left out', async () => {
    put('schema.yaml', 'properties: { expected: { type: string } }\nrequired: [expected]\n')
    put('tests.csv', 'question,__expected\nWhy?,because\nHow?,contains: so\n')

    const plain = await aval(['push', 'tests.csv', '--dry-run'])
    const strict = await aval(['push', 'tests.csv', '--dry-run', '--schema', 'schema.yaml'])

    expect([plain.exitCode, plain.out]).toEqual([
      0,
      '2 items in the form of promptfoo. Nothing was pushed.\n',
    ])
    expect(plain.err).toContain('1 of the items: has an assertion other than equality')
    expect([strict.exitCode, strict.err]).toEqual([
      103,
      expect.stringContaining('tests.csv row 3: does not fit the schema:'),
    ])
  })

  test('sends a large file in batches and makes its version once', async () => {
    put(
      'large.jsonl',
      lines(...Array.from({ length: 2_500 }, (_, at) => ({ id: `q${at}`, input: `${at}?` }))),
    )
    server.records.length = 0

    const { out, err } = await aval(['push', 'large.jsonl'])

    expect(out).toMatch(/^large@1 made: 2500 items/)
    expect(err).toContain('2000 of 2500 items pushed')
    expect(server.records.map(({ action }) => action)).toEqual([
      ...Array(3).fill('dataset.items'),
      'dataset.push',
    ])
  })
})

describe('POST /api/datasets', () => {
  const post = async (path: string, body: string) => {
    const answer = await fetch(`${server.url}/api/datasets${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.keyOf('default', 'engineer').token}`,
        'content-type': 'application/json',
      },
      body,
    })
    const { error } = (await answer.json()) as { error: { code: string; param: string; message: string } }
    return { status: answer.status, error }
  }
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

  test.each([
    [
      'an item that is none',
      '/items',
      '{"items":[{"id":"a","input":"x"},{"id":"b","inptu":"x"}]}',
      'items.1',
      'Did you mean "input"?',
    ],
    [
      'an item that is too deep',
      '/items',
      `{"items":[{"id":"a","input":"x","expected":${deep}}]}`,
      'items.0',
      'deeper than 64',
    ],
    [
      'an infinite number',
      '/items',
      '{"items":[{"id":"a","input":"x","expected":1e999}]}',
      'items.0',
      'Infinity',
    ],
    ['no items', '/items', '{"items":[]}', 'items', 'items'],
    ['a version without items', '', '{"name":"a","items":[]}', 'items', 'items'],
    [
      'items that are not there',
      '',
      `{"name":"a","items":["${'f'.repeat(64)}"]}`,
      'items',
      'were never pushed',
    ],
    ['what is no hash', '', '{"name":"a","items":["x"]}', 'items.0', 'Write the hashes'],
    ['what is no name', '', '{"name":"A b","items":["x"]}', 'name', 'lower-case letters'],
    [
      'a field that is unknown',
      '',
      `{"name":"a","items":["${'f'.repeat(64)}"],"schema":{}}`,
      'schema',
      'Unknown field "schema"',
    ],
    [
      'a schema that is too deep',
      '',
      `{"name":"a","items":["${'f'.repeat(64)}"],"item_schema":{"a":${deep}}}`,
      'item_schema',
      'deeper than 64',
    ],
  ])('refuses %s and records nothing of it', async (_what, path, body, param, message) => {
    server.records.length = 0

    const { status, error } = await post(path, body)

    expect([status, error.param]).toEqual([error.code === 'not_found' ? 404 : 400, param])
    expect(error.message).toContain(message)
    expect(server.records.filter(({ action }) => action === 'dataset.items')).toEqual([])
  })
})

describe('the versions of a dataset', () => {
  test('are listed, shown and compared', async () => {
    const list = await aval(['list'])
    const history = await aval(['history', 'refunds'])
    const show = await aval(['show', 'refunds@1'])
    const items = await aval(['show', 'refunds', '--items', '--limit', '1'])
    const diff = await aval(['diff', 'refunds@1', 'refunds@2'])

    expect(list.out).toMatch(/^refunds@2 +2 /m)
    expect(history.out).toMatch(/refunds@2 .*refunds@1 .*Of March\./s)
    expect(show.out).toMatch(/^dataset +refunds@1\n.*items +2\ndescription +Of March\.\nschema +none\n/s)
    expect(items.out).toMatch(/^b +- +- +z +-$/m)
    expect(items.out).toContain('More: aval dataset show refunds --items --limit 1 --cursor 1')
    expect(diff.out).toMatch(/^refunds@1 to refunds@2: 1 added, 1 removed, 1 changed, 0 the same\.\n/)
    expect(diff.out).toMatch(/^b +changed +metadata\.team$/m)
  })

  test('are exported as lines that make the same version again, never over a file', async () => {
    const { out } = await aval(['export', 'large'])
    put('again.jsonl', out)
    const again = await aval(['push', 'again.jsonl', '--name', 'large', '--json'])
    const path = join(folder, 'out.jsonl')
    const written = await aval(['export', 'large@1', '--out', path])
    const refused = await aval(['export', 'large@1', '--out', path])

    expect(JSON.parse(again.out)).toMatchObject({ version: 1, created: false })
    expect([written.exitCode, readFileSync(path, 'utf8')]).toEqual([0, out])
    expect([refused.exitCode, refused.err]).toEqual([2, expect.stringContaining('is there already')])
  })

  test('are exported for training, and what cannot be told is named and counted', async () => {
    const items = [
      { id: 'told', input: 'May I?', expected: 'You may.', output: 'No idea.' },
      { id: 'untold', input: 'May we?', output: 'Perhaps.' },
    ]
    put('trained.jsonl', items.map((item) => JSON.stringify(item)).join('\n'))
    await aval(['push', 'trained.jsonl'])
    const path = join(folder, 'dpo.jsonl')

    const pairs = await aval(['export', 'trained', '--format', 'dpo', '--out', path])
    const counted = await aval([
      'export',
      'trained',
      '--format',
      'openai-ft',
      '--out',
      `${path}.ft`,
      '--json',
    ])
    const none = await aval(['export', 'large', '--format', 'dpo', '--out', `${path}.none`])
    const unknown = await aval(['export', 'trained', '--format', 'alpaca'])

    expect([pairs.exitCode, pairs.out]).toEqual([103, `1 of 2 items of trained@1 in ${path}\n`])
    expect(pairs.err).toContain('left out untold: expects nothing, so nothing is better than its output.')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      input: { messages: [{ role: 'user', content: 'May I?' }] },
      preferred_output: [{ role: 'assistant', content: 'You may.' }],
      non_preferred_output: [{ role: 'assistant', content: 'No idea.' }],
    })
    expect([counted.exitCode, JSON.parse(counted.out)]).toEqual([
      103,
      {
        dataset: 'trained@1',
        format: 'openai-ft',
        lines: 1,
        left: [{ id: 'untold', reason: 'expects nothing, and nobody has rated its output' }],
        out: `${path}.ft`,
      },
    ])
    expect([none.exitCode, none.err]).toEqual([103, expect.stringContaining('Nothing was written.')])
    expect(existsSync(`${path}.none`)).toBe(false)
    expect([unknown.exitCode, unknown.err]).toEqual([2, expect.stringContaining('Known: openai-ft, dpo.')])
  })

  test('put whoever begins to read their items on the log, once', async () => {
    server.records.length = 0

    await aval(['export', 'large'], 'auditor')

    expect(server.records).toMatchObject([
      { kind: 'access', action: 'dataset.read', target: 'large@1', detail: { items: 2500 } },
    ])
  })
})

describe('aval dataset from-requests', () => {
  test('makes a version of what was asked and answered, and says what it left out and why', async () => {
    const { exitCode, out, err } = await aval(['from-requests', 'live', '--since', '7d'], 'admin')
    const exported = await aval(['export', 'live'])

    expect([exitCode, out]).toEqual([0, expect.stringMatching(/^live@1 made: 2 items/)])
    for (const said of [
      '1 left out: its body was erased.',
      '1 left out: values were taken out of its body before it was kept.',
      '1 left out: no chat, completion, embedding or response.',
      '1 left out: asks nothing in words.',
      '1 without output: not completed',
    ]) {
      expect(err).toContain(said)
    }
    const items = exported.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(items).toMatchObject([
      {
        id: 'req_1',
        input: 'May I return it?',
        output: 'Yes.',
        contexts: ['A passage.'],
        group: 'sub_1',
        source: { request_id: 'req_1' },
      },
      { id: 'req_2', variables: { question: 'Why?' }, source: { request_id: 'req_2' } },
    ])
    expect(items[0].expected).toBeUndefined()
    expect(items[1].output).toBeUndefined()
  })

  test('may write them for labelling instead, and is refused to whoever may not read the log', async () => {
    const path = join(folder, 'live.jsonl')
    const written = await aval(['from-requests', 'live', '--out', path], 'auditor')
    const refused = await aval(['from-requests', 'live'], 'engineer')

    expect([written.exitCode, written.out]).toEqual([0, expect.stringContaining('2 items in ')])
    const one = await aval(['from-requests', 'live', '--limit', '1', '--json'], 'admin')
    expect(JSON.parse(one.out)).toMatchObject({
      dataset: { version: 2 },
      items: 1,
      left: {},
      without_output: 0,
    })
    expect(existsSync(path) && readFileSync(path, 'utf8').split('\n')).toHaveLength(3)
    expect([refused.exitCode, refused.err]).toEqual([2, expect.stringContaining('code permission_denied')])
  })
})

test('aval dataset perturb makes pairs of a version, the same for the same seed, and counts what it left', async () => {
  put(
    'pairs.jsonl',
    lines(
      { id: 'a', input: 'Where are my shoes?' },
      { id: 'b', variables: { question: 'Why?', passages: ['One.', 'Two.'] } },
    ),
  )
  await aval(['push', 'pairs.jsonl'])
  const words = ['perturb', 'pairs', '--with', 'typos,order', '--as', 'pairs-perturbed']

  const first = await aval(words)
  const again = await aval([...words, '--json'])
  const wrong = await aval(['perturb', 'pairs', '--with', 'typo', '--as', 'other'])
  const none = await aval(['perturb', 'pairs', '--with', 'names', '--as', 'other'])

  expect([first.exitCode, first.out]).toEqual([
    0,
    'pairs-perturbed@1 made: 4 items, 2 as they were and 1 typos, 1 order\n',
  ])
  expect(first.err).toContain('1 not perturbed: order: shows no list of 2 passages or more in its variables.')
  expect(JSON.parse(again.out)).toMatchObject({
    version: 1,
    created: false,
    perturbed: { typos: 1, order: 1 },
  })
  expect([wrong.exitCode, wrong.err]).toEqual([
    2,
    expect.stringContaining('Known: typos, paraphrase, order, injection, names, groups.'),
  ])
  expect([none.exitCode, none.err]).toEqual([
    103,
    expect.stringContaining('2 × names: its question names nobody'),
  ])
})

test('aval dataset hallucination asks each question closed, without its answer and with two of them, and says what it left', async () => {
  const contexts = ['Shoes have 30 days.', 'Hats are sold on the first floor.']
  put(
    'rag.jsonl',
    lines(
      { id: 'shoes', input: 'How long do shoes have?', expected: '30 days', contexts },
      { id: 'open', input: 'Why?', expected: 'because' },
    ),
  )
  await aval(['push', 'rag.jsonl'])

  const first = await aval(['hallucination', '--from', 'rag', '--as', 'rag-hallucination'])
  const again = await aval(['hallucination', '--from', 'rag@1', '--as', 'rag-hallucination', '--json'])
  const twice = await aval(['hallucination', '--from', 'rag-hallucination', '--as', 'other'])
  const wrong = await aval(['hallucination', '--from', 'rag', '--as', 'Other'])

  expect([first.exitCode, first.out, first.err]).toEqual([
    0,
    'rag-hallucination@1 made: 3 items, 1 as they were and 1 unanswerable, 1 contradiction\n',
    '1 not changed: all: has no passages.\n',
  ])
  expect(JSON.parse(again.out)).toMatchObject({
    version: 1,
    created: false,
    description: 'rag@1 for hallucination, seed 1',
    changed: { unanswerable: 1, contradiction: 1 },
    left: { 'all: has no passages': 1 },
  })
  expect([twice.exitCode, twice.err]).toEqual([2, expect.stringContaining('changed by unanswerable already')])
  expect([wrong.exitCode, wrong.err]).toEqual([2, expect.stringContaining('lower-case letters')])
})
