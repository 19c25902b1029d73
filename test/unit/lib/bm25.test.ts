import { expect, test } from 'vitest'
import { createBm25, stemOf, wordsOf } from '../../../src/lib/bm25.ts'

test('a rare word counts for more than one that every text has', () => {
  const bm25 = createBm25([
    ['the', 'shoe'],
    ['the', 'hat'],
    ['the', 'coat'],
  ])

  const [shoe, hat] = bm25.scores(['the', 'shoe'])

  expect(shoe).toBeGreaterThan((hat ?? 0) * 2)
})

test('no texts and unknown words give no score instead of NaN', () => {
  expect(createBm25([]).scores(['a'])).toEqual([])
  expect(createBm25([[], ['b']]).scores(['a'])).toEqual([0, 0])
})

test('plurals and tenses fold together; words of other scripts stay', () => {
  expect(stemOf('returned')).toBe(stemOf('returns'))
  expect(stemOf('running')).toBe(stemOf('run'))
  expect(wordsOf('Café, 你好 3.5')).toEqual(['café', '你好', '3.5'])
})
