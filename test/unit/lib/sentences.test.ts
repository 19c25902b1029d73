import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitSentences } from '../../../src/lib/sentences.ts'

const texts = (text: string) => splitSentences(text, 100).map((sentence) => sentence.text)

test('titles, initials and abbreviations do not end a sentence', () => {
  expect(texts('Dr. Smith met J. R. Jones in the U.S. in 1999. He left.')).toEqual([
    'Dr. Smith met J. R. Jones in the U.S. in 1999.',
    'He left.',
  ])
})

test('a wrapped line goes on; a blank line, a list and a heading do not', () => {
  expect(texts('It was\nlate.\n\nReturns\n- shoes\n- hats')).toEqual([
    'It was late.',
    'Returns',
    '- shoes',
    '- hats',
  ])
})

test('every sentence is a span of the text, in order, without overlap, and nothing but blanks is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const sentences = splitSentences(text, 1000)

      let from = 0
      let between = ''
      for (const { start, end, text: shown } of sentences) {
        expect(start).toBeGreaterThanOrEqual(from)
        expect(text.slice(start, end).replace(/\s+/gu, ' ')).toBe(shown)
        between += text.slice(from, start)
        from = end
      }
      expect((between + text.slice(from)).trim()).toBe('')
    }),
  )
})
