/** Plain text and Markdown: encodings, what is no text, front matter; and the form that every text comes out in. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cleanLanguage, cleanText } from '../../../../src/retrieval/documents/clean-text.ts'
import { formatOf } from '../../../../src/retrieval/documents/format.ts'
import { parseDocuments } from '../../../../src/retrieval/documents/parse.ts'
import { parseOne, refusal } from '../../../support/parsing.ts'

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()

describe('a text file', () => {
  test.each([
    ['UTF-8', Buffer.from('café 漢字')],
    ['UTF-8 with a mark', Buffer.from('\ufeffcafé 漢字')],
    ['UTF-16 with a mark', Buffer.from('\ufeffcafé 漢字', 'utf16le')],
    ['UTF-16 of the other order', utf16be('\ufeffcafé 漢字')],
  ])('in %s is read', async (_name, bytes) => {
    expect((await parseOne('text', bytes)).text).toBe('café 漢字')
  })

  test('in UTF-16 without a mark is told by its zeros', async () => {
    expect((await parseOne('text', Buffer.from('plain words', 'utf16le'))).text).toBe('plain words')
    expect((await parseOne('text', utf16be('plain words'))).text).toBe('plain words')
  })

  test('in Latin-1 or windows-1252 is read as such', async () => {
    const bytes = Buffer.from('Le caf\xe9 \x93na\xefve\x94 co\xfbte 3 \x80 et reste ouvert', 'latin1')

    expect((await parseOne('text', bytes)).text).toBe('Le café “naïve” coûte 3 € et reste ouvert')
  })

  test.each([
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452000001f4', 'hex'), /^binary: /],
    ['zeros', Buffer.alloc(100), /^binary: /],
    ['a PDF under another name', '%PDF-1.7\nall of it in letters', /^binary: .*\.pdf/],
    ['a ZIP archive', 'PK\x03\x04 and so on', /^binary: /],
    ['RTF', '{\\rtf1 text}', /^unsupported: .*DOCX/],
    ['UTF-32', Buffer.from('fffe000061000000', 'hex'), /^encoding: .*UTF-32/],
    ['half a UTF-16 character', Buffer.from('fffe6100d8', 'hex'), /^encoding: .*UTF-16/],
    ['Cyrillic in a code page of its own', Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2]), /^encoding: /],
    [
      'UTF-8 that was cut and damaged',
      Buffer.from('c3a9c3a9c3a920746578742077697468206d616e79206c6574746572732021e2', 'hex'),
      /^encoding: .*broken/,
    ],
    ['nothing', '', /^empty: /],
    ['blanks', ' \n\t\r\n\ufeff', /^empty: /],
  ])('that is %s is refused', async (_name, content, refused) => {
    expect(await refusal(parseOne('text', content))).toMatch(refused)
  })

  test('above 64 MiB is refused before it is looked at', async () => {
    const bytes = Buffer.alloc(64 * 1024 * 1024 + 1, 'a')

    expect(await refusal(parseOne('text', bytes))).toMatch(/^too_large: .*64 MiB/)
    expect(await refusal(parseOne('text', bytes.subarray(0, 17 * 1024 * 1024)))).toMatch(
      /^too_large: .*16 MiB/,
    )
  })
})

describe('every text', () => {
  test('has one kind of line end, no controls and no invisible letters', () => {
    expect(cleanText('a\r\nb\rc\u2028d\fe\0\x1b\x07\x85f\u{e0041}\ufeff')).toBe('a\nb\nc\nd\ne\nf')
  })

  test('is composed, so that the same words have the same bytes', () => {
    expect(cleanText('e\u0301\u0323')).toBe(cleanText('e\u0323\u0301'))
    expect(cleanText('cafe\u0301')).toBe('café')
  })

  test('cleaned twice is cleaned once, and can be stored', () => {
    const marks = fc.constantFrom(
      '\u0301',
      '\u0344',
      '\u0323',
      '\ufeff',
      '\ud800',
      '\r',
      '\n',
      'a',
      '\u1100',
      '\u1161',
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(marks, { maxLength: 80 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const once = cleanText(text)

        expect(cleanText(once)).toBe(once)
        expect(once.isWellFormed() && !once.includes('\0') && !once.includes('\r')).toBe(true)
      }),
    )
  })

  test('with a million marks on one letter is done, which sorting them would not be within the time of a test', () => {
    const text = cleanText(`a${'\u0301\u0323'.repeat(500_000)}b`)

    expect(text.length).toBeLessThan(40)
  })

  test('of any bytes is parsed or refused with a reason, never anything else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('markdown', 'text', 'html', 'csv', 'jsonl', 'docx'),
        async (bytes, format) => {
          await refusal(parseDocuments(Buffer.from(bytes), { name: 'document', format }))
        },
      ),
    )
  })
})

describe('Markdown', () => {
  test('gives its front matter as title, language and metadata', async () => {
    const document = await parseOne(
      'markdown',
      '---\ntitle: Returns\nlang: pt_br\ntags: [a, b]\nprice: 3\n---\n\n# Anything\r\n\r\nWords.\n',
    )

    expect(document).toEqual({
      key: null,
      title: 'Returns',
      language: 'pt-BR',
      text: '# Anything\n\nWords.',
      metadata: { tags: ['a', 'b'], price: 3 },
    })
  })

  test('without one has the title of its first line', async () => {
    expect(await parseOne('markdown', '# The   guide ##\n\nWords.')).toMatchObject({
      title: 'The guide',
      metadata: {},
    })
    expect(await parseOne('markdown', 'Words.\n\n# A part')).toMatchObject({ title: null })
  })

  test('that begins with a rule loses nothing', async () => {
    const text = '---\n\nWords above.\n\n---\nWords below.'

    expect((await parseOne('markdown', text)).text).toBe(text)
  })

  test.each([
    ['is no YAML', '---\na: [1\n---\ntext', /^broken: .*front matter.*line/],
    [
      'is a bomb of aliases',
      `---\na: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]},`.repeat(9)}x]`)
        .join('\n')}\n---\ntext`,
      /^broken: /,
    ],
    ['is deeper than YAML may be', `---\na: ${'['.repeat(5000)}\n---\ntext`, /^broken: .*deep/],
    ['is long', `---\na: ${'x'.repeat(70_000)}\n---\ntext`, /^too_large: .*64 KiB/],
  ])('whose front matter %s is refused', async (_name, text, refused) => {
    expect(await refusal(parseOne('markdown', text))).toMatch(refused)
  })

  test('keeps nothing of a front matter that no column could hold', async () => {
    const { metadata } = await parseOne(
      'markdown',
      '---\n__proto__: {x: 1}\nn: .inf\nt: "a\\0b"\nd: 2024-01-01\n---\ntext',
    )

    expect(Object.entries(metadata)).toEqual([
      ['__proto__', { x: 1 }],
      ['n', 'Infinity'],
      ['t', 'ab'],
      ['d', '2024-01-01'],
    ])
  })
})

test.each([
  ['guide.MD', null, 'markdown'],
  ['a.b.docx', 'application/octet-stream', 'docx'],
  ['page', 'text/html; charset=utf-8', 'html'],
  ['rows.tsv', 'text/plain', 'csv'],
  ['picture.png', 'image/png', null],
  ['notes.unknown', 'TEXT/PLAIN', 'text'],
  ['md', null, null],
])('%s sent as %s is %s', (name, mediaType, format) => {
  expect(formatOf(name, mediaType)).toBe(format)
})

test.each([
  ['en', 'en'],
  ['EN_us', 'en-US'],
  ['zh-hant-tw', 'zh-Hant-TW'],
  ['und', null],
  ['english please', null],
  ['x', null],
  ['', null],
])('the language %j is %j', (named, language) => {
  expect(cleanLanguage(named)).toBe(language)
})
