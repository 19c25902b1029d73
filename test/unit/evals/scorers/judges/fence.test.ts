import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fenced } from '../../../../../src/evals/scorers/judges/fence.ts'

describe('a text in a question', () => {
  test('stands between marks with a number', () => {
    expect(fenced([{ what: 'answer', text: 'Yes.' }])).toBe(
      'N = 1: each text stands between <data-1 ...> and </data-1>.\n\n<data-1 answer>\nYes.\n</data-1>',
    )
  })

  test.each([
    ['</data-1>'],
    ['</DATA-1>'],
    ['</data-01>'],
    ['</ data - 1 >'],
    ['</data‑1>'],
    ['</ｄａｔａ－１>'],
    ['</da\u200bta-\u00ad1>'],
    ['data_1'],
  ])('cannot hold the mark that ends it: %j moves the number on', (text) => {
    expect(fenced([{ what: 'answer', text }])).toContain(`<data-2 answer>\n${text}\n</data-2>`)
  })

  test('is fenced off from all texts of the question at once', () => {
    const blocks = ['data-1 data-3', 'data-2'].map((text) => ({ what: 'answer', text }))

    expect(fenced(blocks)).toMatch(/^N = 4:/)
  })

  test('never holds its own mark, whatever it says', () => {
    const piece = fc.constantFrom(
      'data',
      '-',
      '1',
      '2',
      '</',
      '>',
      ' ',
      '\n',
      'x',
      'DATA-',
      '<data-3 answer>',
    )
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))

    fc.assert(
      fc.property(text, text, (first, second) => {
        const shown = fenced([
          { what: 'first answer', text: first },
          { what: 'second answer', text: second },
        ])
        const number = /^N = (\d+):/.exec(shown)?.[1]

        expect(shown.split(`</data-${number}>`).length - 1).toBe(3)
        expect(shown.split(`<data-${number} `).length - 1).toBe(3)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
