import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findPublicSets, readDocuments, readQuerySet } from '../../../../src/retrieval/quality/public-sets.ts'
import {
  joinQuerySet,
  parseDocuments,
  parseJudgements,
  parseQueries,
} from '../../../../src/retrieval/quality/query-sets.ts'
import { readSetFile } from '../../../../src/retrieval/quality/set-file.ts'

const lines = (...values: unknown[]) =>
  values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n')
const problemsOf = (read: object | { problems: readonly string[] }): readonly string[] =>
  'problems' in read ? (read as { problems: readonly string[] }).problems : []

describe('queries', () => {
  test('are read from lines, with the names that public sets use, and ids that are numbers', () => {
    const text = lines(
      { id: 'q1', text: 'How?', group: 'd1' },
      '',
      { _id: 2, query: 'Where?', more: [] },
      '  {"qid": "q3", "question": "Who?"}\r',
    )

    expect(parseQueries('q.jsonl', text)).toEqual({
      queries: [
        { id: 'q1', text: 'How?', group: 'd1' },
        { id: '2', text: 'Where?', group: null },
        { id: 'q3', text: 'Who?', group: null },
      ],
    })
  })

  test.each([
    ['{"id": "a"', 'not valid JSON. Write one object on one line.'],
    ['q1 0 d1 1', 'not a JSON object. Write one object on one line.'],
    ['{"text": "a"}', 'no "id" (nor "_id", "query_id", "qid").'],
    ['{"id": "a"}', 'no "text" (nor "query", "question").'],
    ['{"id": "", "text": "a"}', '"id" is empty.'],
    ['{"id": 1.5, "text": "a"}', '"id" is neither a text nor a whole number.'],
    [`{"id": "${'x'.repeat(513)}", "text": "a"}`, '"id" has more than 512 letters.'],
    ['{"id": "a", "text": " "}', 'the text is empty. A query needs words.'],
    ['{"id": "a", "text": ["b"]}', '"text" is not a text.'],
    ['{"id": "a", "text": "b", "group": {}}', '"group" is neither a text nor a whole number.'],
    ['{"id": "first", "text": "b"}', 'another line has the id "first" already. Keep one.'],
  ])('a line %s is named with its number', (line, sentence) => {
    const read = parseQueries('q.jsonl', lines({ id: 'first', text: 'x' }, '', line))

    expect(problemsOf(read)).toEqual([`q.jsonl: line 3: ${sentence}`])
  })

  test('of an empty file are a problem', () => {
    expect(problemsOf(parseQueries('q.jsonl', '\n\n'))).toEqual(['q.jsonl: empty.'])
  })

  test('with a mistake on every line are read no further than a person would', () => {
    const problems = problemsOf(parseQueries('q.jsonl', '[]\n'.repeat(1000)))

    expect(problems).toHaveLength(21)
    expect(problems.at(-1)).toBe('q.jsonl: read no further than line 20.')
  })

  test('too many for their intervals are refused', () => {
    const text = Array.from({ length: 50_001 }, (_, id) => `{"id":${id},"text":"x"}`).join('\n')

    expect(problemsOf(parseQueries('q.jsonl', text))).toEqual([
      'q.jsonl: line 50001: more than 50000 rows. Split the file.',
    ])
  })
})

describe('documents', () => {
  test('may have a title and may be empty', () => {
    const text = lines(
      { id: 'd1', title: 'T', text: 'x' },
      { did: 7, text: '' },
      { id: 'd3', title: ' ', text: 'y' },
    )

    expect(parseDocuments('d.jsonl', text)).toEqual({
      documents: [
        { id: 'd1', title: 'T', text: 'x' },
        { id: '7', title: null, text: '' },
        { id: 'd3', title: null, text: 'y' },
      ],
    })
  })

  test('without a text, or with a title that is none, are named with the line', () => {
    expect(problemsOf(parseDocuments('d', lines({ id: 'a' }, { id: 'b', text: '', title: 1 })))).toEqual([
      'd: line 1: no "text".',
      'd: line 2: "title" is not a text.',
    ])
  })
})

describe('judgements', () => {
  const expected = {
    judgements: new Map([
      [
        'q1',
        new Map([
          ['d1', 2],
          ['d2', 0],
        ]),
      ],
      ['q2', new Map([['d1', 1]])],
    ]),
  }

  test.each([
    [
      'JSON Lines',
      lines(
        { query_id: 'q1', doc_id: 'd1', relevance: 2 },
        { query: 'q1', doc: 'd2', score: 0 },
        { qid: 'q2', did: 'd1', rel: 1 },
      ),
    ],
    ["TREC's four columns", 'q1 0 d1 2\nq1\t0\td2\t0\n  q2 Q0 d1 1  \n'],
    ['three columns under a heading', 'query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td1\t1\n'],
  ])('are read from %s', (_what, text) => {
    expect(parseJudgements('qrels', text)).toEqual(expected)
  })

  test.each([
    ['q1 d1', 'neither a JSON object nor four columns (query 0 document relevance), nor three.'],
    ['q1 0 d1 1 run', 'neither a JSON object nor four columns (query 0 document relevance), nor three.'],
    ['q1 0 d1 high', '"high" is not a number.'],
    ['{"query_id": "q", "doc_id": "d"}', 'no "relevance" (nor "score", "rel").'],
    ['{"query_id": "q", "doc_id": "d", "score": "1"}', '"score" is not a number.'],
    ['{"doc_id": "d", "score": 1}', 'no "query_id" (nor "query", "qid", "query-id").'],
    ['{"query_id": "q", "score": 1}', 'no "doc_id" (nor "doc", "did", "corpus-id").'],
    ['q1 0 d1 1', '"d1" was judged 2 for "q1" above, and 1 here. Keep one.'],
  ])('a line %s is named with its number', (line, sentence) => {
    expect(problemsOf(parseJudgements('qrels', `q1 0 d1 2\n${line}`))).toEqual([`qrels: line 2: ${sentence}`])
  })

  test('may say the same twice, and need more than a heading', () => {
    expect(parseJudgements('qrels', 'q1 0 d1 1\nq1 0 d1 1')).toEqual({
      judgements: new Map([['q1', new Map([['d1', 1]])]]),
    })
    expect(problemsOf(parseJudgements('qrels', 'query document score'))).toEqual([
      'qrels: a heading and no judgement.',
    ])
  })
})

describe('a set', () => {
  const queries = ['q1', 'q2'].map((id) => ({ id, text: 'x', group: null }))

  test('is what queries and judgements share, and counts the rest', () => {
    const judgements = new Map(['q2', 'q3', 'q4'].map((id) => [id, new Map([['d', 1]])]))

    expect(joinQuerySet('s', queries, judgements)).toEqual({
      name: 's',
      queries: [queries[1]],
      judgements: new Map([['q2', new Map([['d', 1]])]]),
      groups: new Map([['q2', 'document d']]),
      queriesWithoutJudgement: 1,
      judgementsWithoutQuery: 2,
    })
  })

  test('groups queries by the group they name, else by the only document that answers them', () => {
    const [named, single, several, none] = ['named', 'single', 'several', 'none']
    const judgements = new Map([
      [named, new Map([['d1', 1]])],
      [
        single,
        new Map([
          ['d1', 1],
          ['d2', 0],
        ]),
      ],
      [
        several,
        new Map([
          ['d1', 1],
          ['d2', 1],
        ]),
      ],
      [none, new Map([['d1', 0]])],
    ])
    const all = [...judgements.keys()].map((id) => ({ id, text: 'x', group: id === named ? 'd1' : null }))

    expect(joinQuerySet('s', all, judgements)).toMatchObject({
      groups: new Map([
        [named, 'named d1'],
        [single, 'document d1'],
      ]),
    })
  })

  test('of files that do not belong together shows an id of each', () => {
    const joined = joinQuerySet('s', queries, new Map([['17', new Map([['d', 1]])]]))

    expect(problemsOf(joined)).toEqual([
      's: no query is judged: the queries have ids like "q1", the judgements like "17". Give files of one set.',
    ])
  })
})

describe('files', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aval-sets-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))
  const put = (name: string, bytes: string | Uint8Array) => {
    const path = join(folder, name)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, bytes)
    return path
  }

  test('are unpacked by what they hold, and lose their byte order mark', () => {
    expect(readSetFile(put('packed.jsonl', gzipSync('\uFEFFtext')))).toEqual({ text: 'text' })
    expect(readSetFile(put('plain.jsonl', 'text'))).toEqual({ text: 'text' })
  })

  test.each([
    ['a bomb', gzipSync(Buffer.alloc(100_000)), 'unpacks to more than 5000 bytes. Split it.'],
    ['a large file', Buffer.alloc(5001), 'larger than 5000 bytes. Split it.'],
    ['a broken archive', Buffer.of(0x1f, 0x8b, 1, 2, 3), expect.stringMatching(/^broken gzip \(Z_\w+\)/)],
    [
      'a cut archive',
      gzipSync('x'.repeat(100)).subarray(0, 20),
      expect.stringMatching(/^broken gzip \(Z_\w+\)/),
    ],
    ['another encoding', Buffer.of(0x63, 0x61, 0x66, 0xe9), 'not UTF-8. Convert it.'],
  ])('%s is refused with the reason', (name, bytes, why) => {
    expect(readSetFile(put(name, bytes), 5000)).toEqual({ why })
  })

  test('that are none or are not there are refused with the reason', () => {
    expect(readSetFile(folder)).toEqual({ why: 'not a file.' })
    expect(readSetFile(join(folder, 'gone'))).toEqual({ why: 'cannot be read (ENOENT).' })
  })

  test('of a folder are found as sets and read', () => {
    put('good/wiki-docs.jsonl.gz', gzipSync(lines({ id: 'd1', text: 'x' })))
    put('good/wiki-queries.jsonl', lines({ id: 'q1', text: 'x' }))
    put('good/wiki-qrels.txt', 'q1 0 d1 1')
    put('good/README.md', '')

    const found = findPublicSets(join(folder, 'good'))

    const path = (name: string) => join(folder, 'good', name)
    const set = {
      name: 'wiki',
      documents: path('wiki-docs.jsonl.gz'),
      queries: path('wiki-queries.jsonl'),
      qrels: path('wiki-qrels.txt'),
    }
    expect(found).toEqual({ sets: [set] })
    expect(readDocuments(set.documents)).toEqual({ documents: [{ id: 'd1', title: null, text: 'x' }] })
    expect(readQuerySet('wiki', set.queries, set.qrels)).toMatchObject({
      name: 'wiki',
      judgementsWithoutQuery: 0,
    })
  })

  test('that lack one, or have one twice, are named', () => {
    put('bad/a-docs.jsonl', '')
    put('bad/a-docs.jsonl.gz', '')
    put('bad/a-queries.jsonl', '')

    expect(problemsOf(findPublicSets(join(folder, 'bad')))).toEqual([
      `${folder}/bad: "a" has two files of docs. Keep one.`,
      `${folder}/bad: "a" lacks a-qrels.jsonl or .jsonl.gz.`,
    ])
    expect(problemsOf(findPublicSets(join(folder, 'nowhere')))).toEqual([
      `${folder}/nowhere: cannot be read (ENOENT).`,
    ])
    mkdirSync(join(folder, 'empty'))
    expect(problemsOf(findPublicSets(join(folder, 'empty')))[0]).toMatch(/no set here\. One is three files/)
  })

  test('with mistakes in both name them at once', () => {
    const queries = put('wrong-queries.jsonl', '[]')

    expect(problemsOf(readQuerySet('s', queries, join(folder, 'gone')))).toEqual([
      `${queries}: line 1: not a JSON object. Write one object on one line.`,
      `${folder}/gone: cannot be read (ENOENT).`,
    ])
  })
})
