import { describe, expect, test } from 'vitest'
import type { FormatName } from '../../../../src/evals/datasets/formats/formats.ts'
import type { DatasetItem } from '../../../../src/evals/datasets/item.ts'
import { type Read, readDataset } from '../../../../src/evals/datasets/read-file.ts'
import { type FileKind, fileKindOf } from '../../../../src/evals/datasets/rows.ts'

type Input = string | Uint8Array | readonly Uint8Array[]

async function* chunksOf(input: Input): AsyncGenerator<Uint8Array> {
  if (typeof input === 'string') yield Buffer.from(input)
  else if (input instanceof Uint8Array) yield input
  else yield* input
}

async function read(input: Input, kind: FileKind = 'jsonl', format: FormatName | null = null) {
  const all: Read[] = []
  for await (const one of readDataset(chunksOf(input), { file: 'set', kind, format })) all.push(one)
  const of = <Kind extends Read['kind']>(wanted: Kind) =>
    all.filter((one): one is Extract<Read, { kind: Kind }> => one.kind === wanted)
  return {
    items: of('item').map(({ item }): DatasetItem => item),
    hashes: of('item').map(({ content }) => content.hash),
    problems: of('problem').map(({ text }) => text),
    notes: [...of('note'), ...of('left')].map(({ where, text }) => `${where}: ${text}`),
    format: of('format')[0]?.format,
  }
}

const lines = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

describe('a dataset of JSON lines', () => {
  test('is read whole, with blank lines, Windows line ends, a byte order mark and no last line end', async () => {
    const { items, problems } = await read(
      '\uFEFF{"id":"a","input":"hi"}\r\n\r\n{"id":"b","variables":{"n":1},"expected":{"x":[1,null]}}',
    )

    expect(problems).toEqual([])
    expect(items).toEqual([
      { id: 'a', input: 'hi' },
      { id: 'b', variables: { n: 1 }, expected: { x: [1, null] } },
    ])
  })

  test('is the same however its bytes arrive', async () => {
    const bytes = Buffer.from(lines({ id: 'ä', input: 'größer 🙂' }, { id: 'b', input: 'x' }))
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte))

    expect(await read(pieces)).toEqual(await read(bytes))
  })

  test('knows rows without an id by what they say, and loses none that says the same', async () => {
    const { items } = await read(lines({ input: 'hi' }, { input: 'ho' }, { input: 'hi' }))

    expect(items.map(({ id }) => id)).toEqual([
      expect.stringMatching(/^h-[0-9a-f]{32}$/),
      expect.stringMatching(/^h-[0-9a-f]{32}$/),
      `${items[0]?.id}-2`,
    ])
  })

  test('has the same hash for the same item, whatever the order of its members', async () => {
    const { hashes } = await read(
      `{"id":"a","input":"hi","group":"g"}\n${lines({ group: 'g', input: 'hi', id: 'b' })}`,
    )
    const again = await read('{"group":"g","input":"h\\u0069","id":"a"}')

    expect(again.hashes[0]).toBe(hashes[0])
    expect(hashes[1]).not.toBe(hashes[0])
  })

  test.each([
    [
      'an id that comes twice',
      lines({ id: 'a', input: 'x' }, { id: 'a', input: 'y' }),
      'set line 2: the id "a" is that of set line 1 too.',
    ],
    [
      'NaN, which Python writes',
      '{"id":"a","input":"x","metadata":{"score": NaN}}',
      'set line 1: not valid JSON: NaN is no number of it.',
    ],
    [
      'a number that is read as infinite',
      '{"id":"a","input":"x","expected":1e999}',
      'set line 1: expected: Infinity is no number of JSON.',
    ],
    [
      'a number that would be rounded',
      '{"id":"a","input":"x","metadata":{"order":9007199254740993}}',
      'set line 1: metadata.order: a whole number beyond 2^53',
    ],
    [
      'a member that comes twice',
      '{"id":"a","input":"x","input":"y"}',
      'set line 1: the member "input" comes twice.',
    ],
    ['half a line', '{"id":"a","input":"x"', 'set line 1: not valid JSON.'],
    ['a list', '[1]', 'set line 1: not a JSON object.'],
    [
      'a member that is misspelt',
      lines({ id: 'a', input: 'x', expectd: 1 }),
      'set line 1: (top level): unknown key "expectd". Did you mean "expected"?',
    ],
    [
      'a value of another kind',
      lines({ id: 'a', input: 5 }),
      'set line 1: input: number 5 where a text is expected.',
    ],
    [
      'a label beyond 1',
      lines({ id: 'a', output: 'x', labels: { tone: 2 } }),
      'set line 1: labels.tone: number 2 where at most 1 is expected.',
    ],
    ['nothing to ask', lines({ id: 'a', expected: 'x' }), 'set line 1: asks nothing.'],
    [
      'two ways to ask',
      lines({ id: 'a', input: 'x', messages: [{ role: 'user' }] }),
      'set line 1: has input and messages',
    ],
    ['a NUL character', lines({ id: 'a', input: 'x\0' }), 'set line 1: input: holds a NUL character'],
    [
      'half a surrogate pair',
      '{"id":"a","input":"\\ud800"}',
      'set line 1: input: holds a NUL character or half a surrogate pair.',
    ],
    [
      'a member that copies lose',
      '{"id":"a","input":"x","expected":{"__proto__":1}}',
      'set line 1: has a member "__proto__".',
    ],
    [
      'a value that is too deep',
      `{"id":"a","input":"x","expected":${'['.repeat(70)}${']'.repeat(70)}}`,
      'set line 1: nested deeper than 64 levels.',
    ],
    [
      'a depth bomb',
      `{"id":"a","input":"x","expected":${'['.repeat(1_000_000)}`,
      'set line 1: nested deeper than 64 levels.',
    ],
    [
      'an item of more than 1 MiB',
      lines({ id: 'a', input: 'x'.repeat(1_100_000) }),
      'set line 1: 1100021 bytes, and an item has at most 1048576.',
    ],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'set: not UTF-8. Convert it.'],
    ['nothing', '', 'set: no items.'],
    ['blank lines alone', '\n \n', 'set: no items.'],
  ] as const)('says of %s where it is and what to do', async (_what, input, problem) => {
    const { problems } = await read(input)

    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  test('does not hold a line of 50 MB to say that it is too long', async () => {
    let given = 0
    const piece = Buffer.alloc(1024 * 1024, 'x')
    async function* endless() {
      for (; given < 50; given += 1) yield piece
    }

    const all: Read[] = []
    for await (const one of readDataset(endless(), { file: 'set', kind: 'jsonl', format: null }))
      all.push(one)

    expect(all).toEqual([
      { kind: 'problem', text: 'set: line 1: more than 8388608 bytes, and one line is one item.' },
    ])
    expect(given).toBeLessThan(12)
  })

  test('goes on after a mistake, and not for ever', async () => {
    const good = await read(`{"id":"a","input":"x"}\nno\n{"id":"b","input":"x"}\n`)
    const bad = await read('no\n'.repeat(1000))

    expect([good.items.length, good.problems.length]).toEqual([2, 1])
    expect(bad.problems).toHaveLength(21)
    expect(bad.problems.at(-1)).toBe('set: read no further after 20 mistakes.')
  })

  test('ends at 100,000 items', async () => {
    const { items, problems } = await read(
      Array.from({ length: 100_001 }, (_, at) => `{"id":"${at}","input":"x"}\n`).join(''),
    )

    expect(items).toHaveLength(100_000)
    expect(problems).toEqual(['set: more than 100000 items. Make two datasets of it.'])
  })
})

describe('a dataset as a table', () => {
  test('has members in columns, and what lies in a member under its name', async () => {
    const { items, problems } = await read(
      'id,input,expected,metadata.team,labels.tone,contexts,messages\n' +
        'a,"Say ""hi"",\nplease","{""x"":1}",north,0.5,"[""one"",""two""]",\n' +
        'b,,yes,,null,plain text,"[{""role"":""user"",""content"":""q""}]"\n',
      'csv',
    )

    expect(problems).toEqual([])
    expect(items).toEqual([
      {
        id: 'a',
        input: 'Say "hi",\nplease',
        expected: '{"x":1}',
        metadata: { team: 'north' },
        labels: { tone: 0.5 },
        contexts: ['one', 'two'],
      },
      {
        id: 'b',
        messages: [{ role: 'user', content: 'q' }],
        expected: 'yes',
        labels: { tone: null },
        contexts: ['plain text'],
      },
    ])
  })

  test('is refused when it is not UTF-8, before a letter is replaced', async () => {
    const { items, problems } = await read(Buffer.from('id,input\na,gr\xfcn\n', 'latin1'), 'csv')

    expect([items, problems]).toEqual([[], ['set: not UTF-8. Convert it.']])
  })

  test('may have semicolons, a byte order mark and letters cut between two reads', async () => {
    const bytes = Buffer.from('\uFEFFid;input\na;grün\n')

    const { items } = await read([bytes.subarray(0, 16), bytes.subarray(16)], 'csv')

    expect(items).toEqual([{ id: 'a', input: 'grün' }])
  })

  test.each([
    ['a label that is NaN', 'id,output,labels.tone\na,x,NaN\n', 'set row 2: labels.tone: text "NaN" where'],
    ['a row with too few cells', 'id,input\na\n', 'set: line 2: it has another number of columns'],
    ['a quote that never closes', 'id,input\na,"x\n', 'set: line 2: a quote is opened and never closed.'],
    ['two columns of one name', 'id,input,input\na,x,y\n', 'set: row 1: two columns are named "input".'],
    ['a column without a name', 'id,,input\na,x,y\n', 'set: row 1: column 2 has no name.'],
    ['broken JSON in a cell', 'id,messages\na,[\n', 'set row 2: column messages: not valid JSON.'],
    [
      'columns of nobody',
      'question,answer\na,b\n',
      '--format promptfoo takes every column of a table as a variable',
    ],
    ['a header alone', 'id,input\n', 'set: no items.'],
  ])('says of %s where it is', async (_what, text, problem) => {
    const { problems } = await read(text, 'csv')

    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})

describe('a dataset written by hand', () => {
  test.each([
    ['yaml', '- id: a\n  input: hi\n- id: b\n  variables: { n: 1 }\n'],
    ['yaml', 'items:\n  - { id: a, input: hi }\n  - { id: b, variables: { n: 1 } }\n'],
    ['json', '[{"id":"a","input":"hi"},{"id":"b","variables":{"n":1}}]'],
    ['json', '{"data":[{"id":"a","input":"hi"},{"id":"b","variables":{"n":1}}]}'],
  ] as const)('is a list, or an object with one, in %s: %s', async (kind, text) => {
    const { items, problems } = await read(text, kind)

    expect(problems).toEqual([])
    expect(items).toEqual([
      { id: 'a', input: 'hi' },
      { id: 'b', variables: { n: 1 } },
    ])
  })

  test.each([
    ['yaml', '- id: a\n  input: x\n  expected: .nan\n', 'set item 1: expected: NaN is no number of JSON.'],
    ['yaml', '- [a\n', 'set: line'],
    ['yaml', 'name: x\n', 'set: no list of items.'],
    ['yaml', '', 'set: no items.'],
    ['json', '[1]', 'set item 1: not an object.'],
    ['json', '', 'set: no items.'],
  ] as const)('says in %s what is wrong with %j', async (kind, text, problem) => {
    const { problems } = await read(text, kind)

    expect(problems[0]).toContain(problem)
  })
})

describe('rows of other products', () => {
  test.each<[FormatName, FileKind, string, Omit<DatasetItem, 'id'>]>([
    [
      'openai-evals',
      'jsonl',
      lines({ input: [{ role: 'system', content: 'Be brief.' }], ideal: ['Paris', 'paris'], level: 2 }),
      {
        messages: [{ role: 'system', content: 'Be brief.' }],
        expected: ['Paris', 'paris'],
        metadata: { level: 2 },
      },
    ],
    ['openai-evals', 'jsonl', lines({ input: '2+2=', ideal: '4' }), { input: '2+2=', expected: '4' }],
    [
      'openai',
      'jsonl',
      lines({ item: { question: 'q', ground_truth: 'g' }, sample: { output_text: 'o', model: 'm' } }),
      { variables: { question: 'q' }, expected: 'g', output: 'o', metadata: { model: 'm' } },
    ],
    [
      'langfuse',
      'json',
      JSON.stringify({
        data: [
          {
            status: 'ACTIVE',
            datasetName: 'd',
            input: { q: 1 },
            expectedOutput: { a: 2 },
            metadata: { k: [1] },
            sourceTraceId: 't',
          },
        ],
      }),
      {
        variables: { q: 1 },
        expected: { a: 2 },
        metadata: { datasetName: 'd', sourceTraceId: 't', k: '[1]' },
      },
    ],
    [
      'promptfoo',
      'csv',
      'question,__expected,__metadata:team,__description\nWhy?,equals: 42,north,first\n',
      { variables: { question: 'Why?' }, expected: '42', metadata: { team: 'north', description: 'first' } },
    ],
    [
      'promptfoo',
      'csv',
      'q,__expected\nx,note: closed\n',
      { variables: { q: 'x' }, expected: 'note: closed' },
    ],
    [
      'promptfoo',
      'yaml',
      'tests:\n  - vars: { q: x }\n    assert: [{ type: equals, value: y }]\n    description: d\n',
      { variables: { q: 'x' }, expected: 'y', metadata: { description: 'd' } },
    ],
    [
      'mlflow',
      'jsonl',
      lines({
        inputs: { messages: [{ role: 'user', content: 'q' }] },
        outputs: 'o',
        expectations: { expected_response: 'e' },
      }),
      { messages: [{ role: 'user', content: 'q' }], output: 'o', expected: 'e' },
    ],
    [
      'mlflow',
      'jsonl',
      lines({ inputs: { q: 'x' }, expectations: { expected_facts: ['f'] }, tags: { a: 1 } }),
      { variables: { q: 'x' }, expected: { expected_facts: ['f'] }, metadata: { tags: '{"a":1}' } },
    ],
    [
      'langsmith',
      'jsonl',
      lines({ inputs: { q: 'x' }, outputs: { answer: 'y' }, metadata: { source: 's' }, split: ['test'] }),
      { variables: { q: 'x' }, expected: { answer: 'y' }, split: 'test', metadata: { source: 's' } },
    ],
    [
      'deepeval',
      'json',
      JSON.stringify([
        {
          input: 'q',
          expected_output: 'e',
          actual_output: null,
          context: ['ideal'],
          retrieval_context: ['shown'],
        },
      ]),
      { input: 'q', expected: 'e', contexts: ['shown'], metadata: { context: '["ideal"]' } },
    ],
    [
      'deepeval',
      'csv',
      'input,expected_output,context\nq,e,"[""c""]"\n',
      { input: 'q', expected: 'e', contexts: ['c'] },
    ],
    [
      'ragas',
      'jsonl',
      lines({
        user_input: [{ type: 'human', content: 'q' }],
        response: 'r',
        retrieved_contexts: ['c'],
        reference: 'e',
      }),
      { messages: [{ role: 'user', content: 'q' }], output: 'r', contexts: ['c'], expected: 'e' },
    ],
  ])('of %s become items', async (format, kind, text, item) => {
    const found = await read(text, kind)

    expect(found.problems).toEqual([])
    expect(found.format).toBe(format)
    expect(found.items).toEqual([{ id: expect.any(String), ...item }])
  })

  test('are told apart by any of the first rows, and by their name where they look alike', async () => {
    const late = await read(lines({ input: 'a' }, { input: 'b', expected_output: 'c' }))
    const alike = lines({ inputs: { q: 1 }, outputs: 'o' })

    expect([late.format, late.items.length]).toEqual(['deepeval', 2])
    expect((await read(alike)).problems[0]).toContain('Say which: --format mlflow or --format langsmith.')
    expect((await read(alike, 'jsonl', 'mlflow')).items[0]).toMatchObject({ output: 'o' })
    expect((await read(alike, 'jsonl', 'langsmith')).items[0]).toMatchObject({ expected: 'o' })
  })

  test.each([
    ['contains: Paris', { expected: 'contains: Paris' }],
    ['is-json', { expected: 'is-json' }],
    ['not-equals: x', { expected: 'not-equals: x' }],
    ['similar(0.8): x', { expected: 'similar(0.8): x' }],
    ['llm-rubric: kind', { expected: 'llm-rubric: kind' }],
  ])('of promptfoo that assert %s expect nothing, and say so', async (cell, metadata) => {
    const { items, notes } = await read(`q,__expected\nx,${cell}\n`, 'csv')

    expect(items[0]).toMatchObject({ variables: { q: 'x' }, metadata })
    expect(items[0]?.expected).toBeUndefined()
    expect(notes).toEqual([expect.stringContaining('set row 2: has an assertion other than equality')])
  })

  test('that are archived are left out, and that is said', async () => {
    const row = { input: 'q', expectedOutput: 'e' }
    const some = await read(lines({ ...row, status: 'ARCHIVED' }, row))
    const none = await read(lines({ ...row, status: 'ARCHIVED' }))

    expect([some.items.length, some.notes]).toEqual([1, ['set line 1: is archived in Langfuse']])
    expect(none.problems).toEqual(['set: every row is left out.'])
  })
})

test.each([
  ['a.jsonl', 'jsonl'],
  ['a.ndjson', 'jsonl'],
  ['b/a.CSV', 'csv'],
  ['a.yml', 'yaml'],
  ['a.json', 'json'],
  ['a.txt', null],
  ['jsonl', null],
])('the ending of %s says %s', (name, kind) => {
  expect(fileKindOf(name)).toBe(kind)
})
