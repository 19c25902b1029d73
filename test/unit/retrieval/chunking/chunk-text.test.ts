/** Chunks: what they keep together, and what holds of them for any text. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chunkText } from '../../../../src/retrieval/chunking/chunk-text.ts'
import { type ChunkerSettings, chunkerSettings } from '../../../../src/retrieval/chunking/settings.ts'
import { countTokens } from '../../../../src/retrieval/chunking/tokens.ts'

const KINDS = ['headings', 'sentences', 'tokens'] as const
const settingsOf = (kind: ChunkerSettings['kind'], maxTokens = 320, overlapTokens = 0): ChunkerSettings =>
  chunkerSettings.parse({ kind, maxTokens, overlapTokens })
const textsOf = (text: string, settings: ChunkerSettings) =>
  chunkText(text, settings).map((chunk) => chunk.text)
const words = (count: number, word = 'word') => Array.from({ length: count }, () => word).join(' ')

/** Everything that has to hold of any chunks of any text. */
function check(text: string, settings: ChunkerSettings): void {
  const chunks = chunkText(text, settings)
  const covered = new Uint8Array(text.length)
  let last = { start: -1, end: -1 }
  for (const chunk of chunks) {
    expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text)
    expect(chunk.text.trim()).not.toBe('')
    expect(countTokens(chunk.text)).toBeLessThanOrEqual(settings.maxTokens)
    expect(chunk.start).toBeGreaterThan(last.start)
    expect(chunk.end).toBeGreaterThan(last.end)
    if (chunk.start < last.end)
      expect(countTokens(text.slice(chunk.start, last.end))).toBeLessThanOrEqual(settings.overlapTokens)
    covered.fill(1, chunk.start, chunk.end)
    last = chunk
  }
  const lost = [...covered].findIndex((is, at) => is === 0 && text.charAt(at).trim() !== '')
  expect(lost).toBe(-1)
}

const pieces = fc.oneof(
  fc.constantFrom(
    '# A\n',
    '## B\n',
    '###### Deep\n',
    'Title\n===\n',
    '\n\n',
    '\n',
    ' ',
    '```\n',
    '~~~\n',
    '| a | b |\n',
    '|---|---|\n',
    '- item\n',
    '. ',
    '? ',
    'e.g. ',
    '---\n',
  ),
  fc.constantFrom(
    'word ',
    'Sentence one. ',
    'averyveryverylongwordindeed',
    'ÜbergrößenträgerÄmter',
    '12345678901234567890',
    'camelCaseName',
    '漢字仮名',
    '。',
    '한국어',
    '👩‍👩‍👧‍👦',
    'e\u0301\u0323',
    '\ud800',
    '\u200b',
    '\ufeff',
    '\t',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const anyText = fc.array(pieces, { maxLength: 120 }).map((all) => all.join(''))
const anySettings = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    maxTokens: fc.integer({ min: 16, max: 64 }),
    share: fc.double({ min: 0, max: 0.5, noNaN: true }),
  })
  .map(({ kind, maxTokens, share }) => settingsOf(kind, maxTokens, Math.floor(maxTokens * share)))

describe('of any text', () => {
  test('chunks are in order, in bounds, and lose nothing', () => {
    fc.assert(fc.property(anyText, anySettings, check), { numRuns: 500 })
  })

  test('chunks are the same each time', () => {
    fc.assert(
      fc.property(anyText, anySettings, (text, settings) => {
        expect(chunkText(text, settings)).toEqual(chunkText(text, settings))
      }),
    )
  })

  test('no character is cut in two', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('👩🏽', '漢', 'e\u0301', 'a'), { maxLength: 200 }),
        anySettings,
        (letters, settings) => {
          for (const { text } of chunkText(letters.join(''), settings)) expect(text.isWellFormed()).toBe(true)
        },
      ),
    )
  })
})

describe('by headings', () => {
  test('a section is a chunk, with the headings above it', () => {
    const text = `# Guide\n\n${words(60)}\n\n## Install\n\n${words(60)}\n\n## Use\n\n${words(60)}\n\n# End\n\n${words(60)}`

    const chunks = chunkText(text, settingsOf('headings', 100))

    expect(chunks.map(({ heading }) => heading)).toEqual(['Guide', 'Guide > Install', 'Guide > Use', 'End'])
    expect(chunks[1]?.text).toBe(`## Install\n\n${words(60)}`)
  })

  test('small sections share a chunk under what is above both, and a heading alone goes with what follows', () => {
    const text = '# Guide\n## Install\nOne.\n## Use\nTwo.\n'

    expect(chunkText(text, settingsOf('headings'))).toEqual([
      { text: text.trimEnd(), heading: 'Guide', start: 0, end: text.length - 1 },
    ])
    expect(chunkText('# Guide\n## Install\nOne.', settingsOf('headings'))).toMatchObject([
      { heading: 'Guide > Install' },
    ])
  })

  test('underlined headings count, and closing marks and bare text do not', () => {
    const text = `Guide\n=====\n\nInstall ##\n----------\n\n${words(20)}\n\n#hashtag is text`

    expect(chunkText(text, settingsOf('headings')).map(({ heading }) => heading)).toEqual(['Guide > Install'])
  })

  test('code and tables stay whole, and nothing inside them is a heading', () => {
    const code = `\`\`\`sh\n# no heading\n\n${words(40)}\n\`\`\``
    const table = `| a | b |\n| --- | --- |\n${'| 1 | 2 |\n'.repeat(5)}`.trimEnd()
    const text = `# A\n\n${words(60)}\n\n${code}\n\n${words(70)}\n\n${table}\n\n${words(60)}`

    const texts = textsOf(text, settingsOf('headings', 90))

    expect(texts.some((one) => one.includes(code))).toBe(true)
    expect(texts.some((one) => one.includes(table))).toBe(true)
    expect(chunkText(text, settingsOf('headings', 90)).every(({ heading }) => heading === 'A')).toBe(true)
  })

  test('code that alone is too long is cut between lines', () => {
    const text = `\`\`\`\n${'let x = 1\n'.repeat(40)}\`\`\``

    for (const chunk of textsOf(text, settingsOf('headings', 40, 10))) expect(chunk).toMatch(/(?:^|1|`)$/)
  })

  test('a long paragraph is cut between sentences, and its heading goes with the first', () => {
    const text = `# A\n\n${'One sentence of some words here. '.repeat(10)}`

    const texts = textsOf(text, settingsOf('headings', 32))

    expect(texts[0]).toMatch(/^# A\n\nOne sentence/)
    for (const chunk of texts) expect(chunk).toMatch(/here\.$/)
  })

  test('the next chunk of a section begins with whole sentences of the last one; another section does not', () => {
    const sentences = (from: number) =>
      Array.from({ length: 8 }, (_, at) => `Number ${from + at} is said here.`).join(' ')
    const text = `# A\n\n${sentences(10)}\n\n# B\n\n${sentences(20)}`

    const texts = textsOf(text, settingsOf('headings', 32, 10))

    expect(texts[0]).toMatch(/^# A\n\nNumber 10 /)
    const repeated = texts[0]?.split('Number').at(-1)?.trim() ?? ''
    expect(texts[1]?.startsWith(`Number ${repeated}`)).toBe(true)
    expect(texts.find((one) => one.includes('# B'))).toMatch(/^# B/)
  })
})

test('by sentences, chunks end where sentences do', () => {
  const text = 'Dr. Smith came. He had e.g. a bag. '.repeat(10)

  for (const chunk of textsOf(text, settingsOf('sentences', 20, 8)))
    expect(chunk).toMatch(/^(?:Dr|He)[\s\S]*(?:came|bag)\.$/)
})

test('by tokens, a window slides over words', () => {
  const text = Array.from({ length: 30 }, (_, at) => `w${String(at).padStart(2, '0')}`).join(' ')

  const texts = textsOf(text, settingsOf('tokens', 16, 8))

  expect(texts[0]).toBe('w00 w01 w02 w03 w04 w05 w06 w07')
  expect(texts[1]).toMatch(/^w04 w05 w06 w07 w08/)
})

test('a blank text has no chunks', () => {
  for (const kind of KINDS) expect(chunkText(' \n\t\ufeff\u3000', settingsOf(kind))).toEqual([])
})

/** A step that looks at the whole text for each part of it does not end within the time that a test has. */
describe('takes no longer than the text is long:', () => {
  const CHARS = 1024 * 1024
  const fill = (part: string) => part.repeat(Math.ceil(CHARS / part.length))
  test.each([
    ['a text without a blank', fill('x')],
    ['nothing but line ends', fill('\n')],
    ['blanks between two letters', `a${fill(' ')}b`],
    ['a quarter of a million headings', '# h\nx\n'.repeat(2.5e5)],
    ['half a million underlined headings', '-\n'.repeat(5e5)],
    ['initials that never end a sentence', fill('a. ')],
    ['a script without blanks', fill('漢字。')],
    ['a fence that never closes', `\`\`\`\n${fill('let x = 1\n')}`],
    ['fences', fill('```\n')],
    ['bars and dashes', fill('|-')],
    ['a table', `| a | b |\n|---|---|\n${fill('| 1 | 2 |\n')}`],
    ['short paragraphs', fill('a.\n\n')],
    ['marks', fill('e\u0301\u0323')],
    ['blanks of all kinds', fill('a \t\u3000\r')],
  ])(
    '%s',
    (_name, text) => {
      for (const kind of KINDS) {
        const chunks = chunkText(text, settingsOf(kind, 320, 40))

        for (const chunk of [...chunks.slice(0, 50), ...chunks.slice(-50)])
          expect(countTokens(chunk.text)).toBeLessThanOrEqual(320)
      }
    },
    60_000,
  )
})

describe('settings', () => {
  test('have defaults, and an overlap that goes with the size', () => {
    expect(chunkerSettings.parse({})).toEqual({ kind: 'headings', maxTokens: 320, overlapTokens: 40 })
    expect(chunkerSettings.parse({ maxTokens: 64 })).toMatchObject({ overlapTokens: 8 })
  })

  test.each([
    [{ maxTokens: 15 }],
    [{ maxTokens: 8193 }],
    [{ maxTokens: 20.5 }],
    [{ overlapTokens: -1 }],
    [{ maxTokens: 100, overlapTokens: 51 }],
    [{ kind: 'pages' }],
    [{ size: 3 }],
  ])('refuse %j', (wrong) => {
    expect(chunkerSettings.safeParse(wrong).success).toBe(false)
  })
})
