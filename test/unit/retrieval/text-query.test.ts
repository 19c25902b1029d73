/** Which chunks are looked at for a question's words, and how they rank. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type QueryLexeme, textQuery } from '../../../src/retrieval/search/text-query.ts'

const lexeme = (text: string, chunks: number, dimension: number): QueryLexeme => ({
  lexeme: text,
  chunks,
  dimension,
})

describe('the words of a question', () => {
  test('that the index does not know are no query', () => {
    expect(textQuery([], 100)).toBeNull()
  })

  test('name chunks from the rarest on, as many as are worth reading; all of them rank', () => {
    const query = textQuery(
      [lexeme('common', 50_000, 9), lexeme('rare', 3, 5), lexeme('some', 900, 7)],
      100_000,
    )

    expect(query?.candidates).toBe("'rare' | 'some'")
    expect(query?.rarity).toMatch(/^\{5:[\d.]+,7:[\d.]+,9:[\d.]+\}\/1000000000$/)
  })

  test('are taken together when each is common', () => {
    const query = textQuery([lexeme('a', 60_000, 1), lexeme('b', 50_000, 2), lexeme('c', 90_000, 3)], 100_000)

    expect(query?.candidates).toBe("'b' & 'a' & 'c'")
  })

  test('weigh more the rarer they are, and never less than nothing', () => {
    const weights = /:([\d.e-]+)/g
    const { rarity = '' } = textQuery([lexeme('rare', 1, 1), lexeme('everywhere', 100, 2)], 100) ?? {}
    const [rare = 0, everywhere = 0] = [...rarity.matchAll(weights)].map(([, weight]) => Number(weight))

    expect(rare).toBeGreaterThan(everywhere)
    expect(everywhere).toBeGreaterThan(0)
  })

  test('are quoted, whatever they are, and a dimension stands once, in order', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            lexeme: fc.string({ minLength: 1 }),
            chunks: fc.nat(50),
            dimension: fc.integer({ min: 1, max: 20 }),
          }),
          {
            minLength: 1,
            maxLength: 100,
          },
        ),
        (found) => {
          const query = textQuery(found, 50)
          const dimensions = [...(query?.rarity ?? '').matchAll(/(\d+):/g)].map(([, one]) => Number(one))
          expect(dimensions).toEqual([...new Set(dimensions)].toSorted((a, b) => a - b))
          // Outside of quotes stand operators alone.
          expect((query?.candidates ?? '').replaceAll(/'(?:[^'\\]|''|\\\\)*'/g, '')).toMatch(/^[ |&]*$/)
        },
      ),
    )
  })
})
