/** The thread around parsing: what takes too long or too much ends, and the next document is read as if nothing had been. */

import { afterEach, expect, test } from 'vitest'
import { createParser, type Parser, type ParserSettings } from '../../../../src/retrieval/documents/parser.ts'
import { pdfLines, pdfOf } from '../../../support/office-files.ts'
import { refusal } from '../../../support/parsing.ts'

const text = { name: 'a.txt', format: 'text' } as const
const pdf = { name: 'a.pdf', format: 'pdf' } as const
const opened: Parser[] = []

function open(settings: ParserSettings = {}): Parser {
  const parser = createParser(settings)
  opened.push(parser)
  return parser
}

afterEach(async () => {
  for (const parser of opened.splice(0)) await parser.close()
})

test('gives what parsing gives, in turn, and leaves the caller its bytes', async () => {
  const parser = open()
  const bytes = Buffer.from('words')

  const both = await Promise.all([
    parser.parse(bytes, text),
    parser.parse(pdfOf([pdfLines([{ text: 'A page' }])]), pdf),
  ])

  expect(both.map(([document]) => document?.text)).toEqual(['words', 'A page'])
  expect(bytes.toString()).toBe('words')
})

test('refuses with the same reason and words as parsing does', async () => {
  expect(await refusal(open().parse(Buffer.from(''), text))).toBe(
    'empty: The document is empty. Fill it, or take it out.',
  )
})

test('ends a document that takes too long, and reads the next', async () => {
  const parser = open({ timeLimitMs: 1500 })
  const slow = pdfOf([Buffer.alloc(200_000_000, 'q Q ')])

  const refused = refusal(parser.parse(slow, pdf))
  const next = parser.parse(Buffer.from('next'), text)

  expect(await refused).toMatch(/^timeout: .*1\.5 s/)
  expect(await next).toMatchObject([{ text: 'next' }])
})

test.each([
  ['what a PDF inflates to', pdf, () => pdfOf([Buffer.alloc(600_000_000, 'q Q ')])],
  [
    'the rows of a table',
    { name: 'a.csv', format: 'csv' } as const,
    () =>
      Buffer.from(
        `${'a,'.repeat(9)}text\n`.replace(/a/g, () => `c${Math.random()}`) +
          // Far more than the bound: what a collection takes back must not decide.
          `${`${'1'.repeat(20)},`.repeat(9)}x\n`.repeat(190_000),
      ),
  ],
])('ends a document that takes too much memory by %s, and reads the next', async (_what, about, make) => {
  const parser = open({ memoryMb: 96 })

  const refused = refusal(parser.parse(make(), about))
  const next = parser.parse(Buffer.from('next'), text)

  expect(await refused).toMatch(/^too_large: .*96 MB/)
  expect(await next).toMatchObject([{ text: 'next' }])
})

test('fails what waits when it is closed, and everything after', async () => {
  const parser = open()
  const waiting = [0, 1].map(() =>
    parser.parse(Buffer.from('words'), text).catch((error: Error) => error.message),
  )

  await parser.close()

  expect(await Promise.all(waiting)).toEqual(['The parser was closed.', 'The parser was closed.'])
  await expect(parser.parse(Buffer.from('words'), text)).rejects.toThrow('Open another one.')
})
