/** Tables and lines of JSON: a document a row, and a wrong row told by its line. */

import { describe, expect, test } from 'vitest'
import { parseDocuments } from '../../../../src/retrieval/documents/parse.ts'
import { refusal } from '../../../support/parsing.ts'

const csv = (text: string, name = 'rows.csv') => parseDocuments(Buffer.from(text), { name, format: 'csv' })
const jsonl = (text: string) => parseDocuments(Buffer.from(text), { name: 'rows.jsonl', format: 'jsonl' })

describe('CSV', () => {
  test('makes each row a document of its own columns', async () => {
    expect(await csv('ID,Title,Text,Language,price\n7,Tea,"Hot, with\nmilk",en,3\n8,,Cold,,\n')).toEqual([
      { key: '7', title: 'Tea', language: 'en', text: 'Hot, with\nmilk', metadata: { price: '3' } },
      { key: '8', title: null, language: null, text: 'Cold', metadata: {} },
    ])
  })

  test('without a text column writes every column out', async () => {
    expect(await csv('name;city\nAda;London\n;\nAlan;')).toEqual([
      {
        key: 'row-1',
        title: null,
        language: null,
        text: 'name: Ada\ncity: London',
        metadata: { name: 'Ada', city: 'London' },
      },
      { key: 'row-2', title: null, language: null, text: 'name: Alan', metadata: { name: 'Alan' } },
    ])
  })

  test('with tabs is told by its name, also when its header has more commas', async () => {
    const [row] = await csv('text\ta, b, c\nx\ty', 'rows.tsv')

    expect(row).toMatchObject({ text: 'x', metadata: { 'a, b, c': 'y' } })
  })

  test('takes a column named like a prototype for a column', async () => {
    const [row] = await csv('text,__proto__,constructor\nx,y,z')

    expect(Object.entries(row?.metadata ?? {})).toEqual([
      ['__proto__', 'y'],
      ['constructor', 'z'],
    ])
  })

  test.each([
    ['a row too wide', 'a,b\n1,2\n1,2,3', /^broken: Line 3: .*columns/],
    ['a quote that never closes', 'a,b\n1,"2\n3,4', /^broken: Line \d: .*quote/],
    ['a quote inside a value', 'a,b\n1,x"y"', /^broken: Line 2: .*quote/],
    ['the same id twice', 'id,text\n1,a\n2,b\n1,c', /^broken: Line 4: .*line 2/],
    ['an id left out', 'id,text\n1,a\n,b', /^broken: Line 3: the id is empty/],
    ['a column named twice', 'a,b,a\n1,2,3', /^broken: Line 1: .*"a"/],
    ['an empty text', 'id,text\n1,\n', /^empty: Line 2/],
    ['a language that is none', 'text,language\nx,klingonish language', /^broken: Line 2: .*BCP 47/],
    ['a header alone', 'a,b\n', /^empty: /],
    ['1,001 columns', `${'x,'.repeat(1000)}x\n`, /^too_many: .*1000/],
    ['200,001 rows', `text\n${'a\n'.repeat(200_001)}`, /^too_many: .*200000/],
    [
      'names that make every row long',
      `${Array.from({ length: 990 }, (_, at) => 'n'.repeat(190) + at).join(',')}\n${`${'1,'.repeat(989)}1\n`.repeat(1000)}`,
      /^too_large: /,
    ],
  ])('with %s is refused', async (_name, text, refused) => {
    expect(await refusal(csv(text))).toMatch(refused)
  })
})

describe('JSONL', () => {
  test('makes each line a document', async () => {
    const lines = [
      '{"id":7,"text":"Hot","title":"Tea","language":"en","metadata":{"a":[1,null,true]}}',
      '',
      '{"text":"Cold\\u0000\\r\\nmilk"}',
    ]

    expect(await jsonl(lines.join('\r\n'))).toEqual([
      { key: '7', title: 'Tea', language: 'en', text: 'Hot', metadata: { a: [1, null, true] } },
      { key: 'row-2', title: null, language: null, text: 'Cold\nmilk', metadata: {} },
    ])
  })

  test.each([
    ['no JSON', '{"text":"a"}\n{text}', /^broken: Line 2: not valid JSON/],
    ['a list', '[1]', /^broken: Line 1: not an object/],
    ['no text', '{"title":"a"}', /^broken: Line 1: "text" is missing/],
    ['a number for a text', '{"text":5}', /^broken: Line 1: "text" is the number 5/],
    ['an unknown member', '{"text":"a","titel":"b"}', /^broken: Line 1: .*"titel".*"title"/],
    ['metadata that is no object', '{"text":"a","metadata":[]}', /^broken: Line 1: "metadata"/],
    ['a blank text', '\n{"text":" \\n"}', /^empty: Line 2/],
    ['one id twice', '{"id":"a","text":"x"}\n{"id":"a","text":"y"}', /^broken: Line 2: .*line 1/],
    ['an id on two lines', '{"id":"a\\nb","text":"x"}', /^broken: Line 1: an id/],
    ['metadata without end', `{"text":"a","metadata":{"x":"${'y'.repeat(70_000)}"}}`, /^too_large: Line 1/],
    [
      'metadata too deep',
      `{"text":"a","metadata":{"x":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
      /^too_large: Line 1/,
    ],
  ])('with %s is refused by its line', async (_name, text, refused) => {
    expect(await refusal(jsonl(text))).toMatch(refused)
  })

  test('says nothing of a wrong line’s content', async () => {
    expect(await refusal(jsonl('{"text":"SECRET" oops'))).not.toContain('SECRET')
  })
})
