/** PDF and DOCX: what is read of them, and what becomes of broken, encrypted and hostile ones. */

import { describe, expect, test } from 'vitest'
import { docxOf, paragraph, pdfLines, pdfOf, zipOf } from '../../../support/office-files.ts'
import { parseOne, refusal } from '../../../support/parsing.ts'

describe('a PDF', () => {
  test('gives its pages joined, and where each begins', async () => {
    const document = await parseOne(
      'pdf',
      pdfOf([
        pdfLines([{ text: 'First line' }, { text: 'second line' }, { text: 'A paragraph', gap: 40 }]),
        '',
        pdfLines([{ text: 'Last page' }]),
      ]),
    )

    expect(document).toMatchObject({ title: 'A small document', language: 'en-GB', key: null })
    expect(document.text).toBe('First line\nsecond line\n\nA paragraph\n\nLast page')
    const starts = document.metadata.page_starts as number[]
    expect(document.metadata.pages).toBe(3)
    expect(document.text.slice(starts[2])).toBe('Last page')
  })

  test.each([
    ['no PDF at all', 'just words', /^broken: /],
    ['cut off', pdfOf([pdfLines([{ text: 'Words' }])]).subarray(0, 300), /^(?:broken|empty): /],
    ['without text, as scanned pages are', pdfOf(['q 100 0 0 100 0 0 cm Q']), /^empty: .*OCR/],
    ['of 5,001 pages', pdfOf(Array.from({ length: 5001 }, () => '')), /^too_many: .*5001/],
    [
      'encrypted',
      pdfOf(
        [pdfLines([{ text: 'Words' }])],
        `/ID[<${'00'.repeat(16)}><${'00'.repeat(16)}>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O<${'11'.repeat(32)}>/U<${'22'.repeat(32)}>>>`,
      ),
      /^encrypted: .*password/,
    ],
  ])('that is %s is refused', async (_name, bytes, refused) => {
    expect(await refusal(parseOne('pdf', bytes))).toMatch(refused)
  })
})

test('a PDF with letters in a font that it only names is refused, for they would be missing', async () => {
  const font =
    '<</Type/Font/Subtype/Type0/BaseFont/MSGothic/Encoding/90ms-RKSJ-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/MSGothic/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/FontDescriptor<</Type/FontDescriptor/FontName/MSGothic/Flags 4/FontBBox[0 0 1000 1000]/Ascent 800/Descent -200>>>>]>>'
  const bytes = pdfOf(['BT /F1 12 Tf 72 700 Td <93fa967b8cea> Tj ET'], '', font)

  expect(await refusal(parseOne('pdf', bytes))).toMatch(/^unsupported: .*90ms-RKSJ-H.*embedded/)
})

const STYLES = {
  'word/styles.xml':
    '<w:styles><w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="pt-PT"/></w:rPr></w:rPrDefault></w:docDefaults>' +
    '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="H1"/></w:style>' +
    '<w:style w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style></w:styles>',
  'word/numbering.xml':
    '<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>' +
    '<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:numbering>',
  'docProps/core.xml': '<cp:coreProperties><dc:title>The handbook</dc:title></cp:coreProperties>',
}
const item = (text: string, depth: number) =>
  paragraph(text, `<w:numPr><w:ilvl w:val="${depth}"/><w:numId w:val="5"/></w:numPr>`)

describe('a DOCX', () => {
  test('gives headings by style and level, lists and tables, title and language', async () => {
    const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`
    const body = [
      paragraph('Top', '<w:pStyle w:val="H1"/>'),
      paragraph('Words &amp; more'),
      paragraph('Own heading', '<w:pStyle w:val="Own"/>'),
      paragraph('Third', '<w:outlineLvl w:val="2"/>'),
      item('one', 0),
      item('inner', 1),
      item('two', 0),
      `<w:tbl><w:tr>${cell('A')}${cell('B')}</w:tr><w:tr>${cell('1')}${cell('2')}</w:tr></w:tbl>`,
      paragraph('In a circle', '<w:pStyle w:val="Loop"/>'),
    ].join('')

    const document = await parseOne('docx', docxOf(body, STYLES))

    expect(document).toMatchObject({ title: 'The handbook', language: 'pt-PT' })
    expect(document.text).toBe(
      '# Top\n\nWords & more\n\n# Own heading\n\n### Third\n\n1. one\n  - inner\n2. two\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n\nIn a circle',
    )
  })

  test('gives nothing of what is deleted, hidden, a field or a macro', async () => {
    const body = [
      '<w:p><w:r><w:t>shown</w:t></w:r><w:del><w:r><w:delText>SECRET</w:delText><w:t>SECRET</w:t></w:r></w:del>',
      '<w:r><w:rPr><w:vanish/></w:rPr><w:t>SECRET</w:t></w:r><w:r><w:instrText>SECRET</w:instrText></w:r>',
      '<mc:AlternateContent><mc:Choice><w:r><w:t> once</w:t></w:r></mc:Choice><mc:Fallback><w:r><w:t>SECRET</w:t></w:r></mc:Fallback></mc:AlternateContent></w:p>',
    ].join('')

    const { text } = await parseOne(
      'docx',
      docxOf(body, { 'word/vbaProject.bin': 'SECRET', 'word/comments.xml': 'SECRET' }),
    )

    expect(text).toBe('shown once')
  })

  test('expands no entities of its own', async () => {
    const xml = `<!DOCTYPE x [<!ENTITY a "SECRET"><!ENTITY f SYSTEM "file:///etc/passwd">]><w:document><w:body>${paragraph('a &a; &f; z')}</w:body></w:document>`

    expect((await parseOne('docx', docxOf('', { 'word/document.xml': xml }))).text).toBe('a &a; &f; z')
  })

  test('is found where its relations say it is', async () => {
    const moved = docxOf('', {
      '_rels/.rels':
        '<Relationships><Relationship Type="x/officeDocument" Target="/word/document2.xml"/></Relationships>',
      'word/document2.xml': `<w:document><w:body>${paragraph('here')}</w:body></w:document>`,
    })

    expect((await parseOne('docx', moved)).text).toBe('here')
  })

  test.each([
    ['no archive', 'just words', /^broken: /],
    [
      'an archive of something else',
      zipOf([{ name: 'a.txt', content: Buffer.from('a') }]),
      /^broken: .*no DOCX/,
    ],
    ['cut off', docxOf(paragraph('words')).subarray(0, -30), /^broken: /],
    ['empty', docxOf('<w:p/>'), /^empty: /],
    [
      'encrypted',
      zipOf([{ name: 'word/document.xml', content: Buffer.from('a'), encrypted: true }]),
      /^encrypted: /,
    ],
    [
      'encrypted by an office program',
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]),
      /^encrypted: /,
    ],
    ['an old .doc', Buffer.from('d0cf11e0a1b11ae10000', 'hex'), /^unsupported: .*\.docx/],
    [
      'a path out of the archive',
      zipOf([{ name: '../../etc/passwd', content: Buffer.from('a') }]),
      /^broken: /,
    ],
    [
      'two parts of one name',
      zipOf([1, 2].map(() => ({ name: 'word/document.xml', content: Buffer.from('a') }))),
      /^broken: /,
    ],
    [
      '10,001 parts',
      zipOf(Array.from({ length: 10_001 }, (_, at) => ({ name: `p${at}`, content: Buffer.alloc(0) }))),
      /^too_many: /,
    ],
    ['nested without end', docxOf('<w:sdt>'.repeat(2000)), /^broken: .*1000/],
  ])('that is %s is refused', async (_name, bytes, refused) => {
    expect(await refusal(parseOne('docx', bytes))).toMatch(refused)
  })

  test('that declares more than 256 MiB is refused before it is unpacked', async () => {
    const bomb = zipOf([
      { name: 'word/document.xml', content: Buffer.from('a'), declaredSize: 200 * 1024 * 1024 },
      { name: 'word/media.bin', content: Buffer.from('a'), declaredSize: 100 * 1024 * 1024 },
    ])

    // One that was unpacked would be broken instead, or told to hold more than it says.
    expect(await refusal(parseOne('docx', bomb))).toMatch(/^too_large: .*256 MiB/)
  })

  test('that unpacks to more than it declares is stopped there', async () => {
    const bomb = zipOf([
      { name: 'word/document.xml', content: Buffer.alloc(300 * 1024 * 1024, ' '), declaredSize: 1000 },
    ])
    const before = process.memoryUsage().arrayBuffers

    expect(await refusal(parseOne('docx', bomb))).toMatch(/^too_large: .*more than it says/)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 1024 * 1024)
  })
})
