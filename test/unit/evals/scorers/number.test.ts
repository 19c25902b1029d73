import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numberReader } from '../../../../src/evals/scorers/read-numbers.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const english = numberReader({ decimal: '.', percent: 'as-written' })
const german = numberReader({ decimal: ',', percent: 'as-written' })

describe('numbers in prose', () => {
  test.each([
    ['It costs $1,234.50.', [1234.5]],
    ['-5 and \u22126 and +7', [-5, -6, 7]],
    ['-$5, $-5', [-5, -5]],
    ['pages 3-5, GPT-4, 10 - 3', [3, 5, 4, 10, 3]],
    ['H2O and x_1 are words, 5kg is not', [5]],
    ['1,2345 is no grouping', [1, 2345]],
    ['1 000 000 are three, 1\u202f000\u00a0000 and 1\u2019000 are one', [1, 0, 0, 1_000_000, 1000]],
    ['.5 and 5. and 5.0', [0.5, 5, 5]],
    ['version 1.2.3', [1.2, 3]],
    ['1e5, 1.5E-3, 2e, 3euro', [100_000, 0.0015, 2, 3]],
    ['12.5% of 50 %', [12.5, 50]],
    ['1/2', [1, 2]],
    [`1${'0'.repeat(400)} and 7`, [7]],
    ['٣ and 四 are not read', []],
    ['', []],
  ])('%j', (text, numbers) => {
    expect(english(text)).toEqual(numbers)
  })

  test('with a comma before the decimals', () => {
    expect(german('1.234,5 und 3,14 und 1.5')).toEqual([1234.5, 3.14, 1, 5])
  })

  test('reads back what the standard library writes, in both styles', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e12, max: 1e12 }),
        fc.integer({ min: 0, max: 99 }),
        (whole, hundredths) => {
          const number = whole + hundredths / 100
          const options = { maximumFractionDigits: 2 }
          const expected = Number(number.toFixed(2))

          expect(english(`It is ${number.toLocaleString('en-US', options)}.`).at(-1)).toBe(expected)
          expect(german(`Es sind ${number.toLocaleString('de-DE', options)}.`).at(-1)).toBe(expected)
        },
      ),
      { numRuns: 200, seed: 7 },
    )
  })
})

describe('number', () => {
  // The answer's form of GSM8K (Cobbe et al. 2021): the last line holds it after ####, with commas.
  const solution =
    'Natalia sold 48/2 = 24 clips in May.\nNatalia sold 48+24 = 72 clips altogether in April and May.\n#### 72'

  test.each([
    ['the last number', 'First 3, then 4: 72.', {}, 72, 1],
    ['a solution of GSM8K against another', 'So 72 clips.\n#### 72', {}, solution, 1],
    [
      'what stands after the mark alone',
      '#### 1,072\nThat took 5 steps',
      { after: '####', take: 'first' },
      '1072',
      1,
    ],
    ['the mark in what is expected too', '#### 72', { after: '####', take: 'first' }, solution, 1],
    ['no mark', 'It is 72', { after: '####' }, solution, 0],
    ['another number', 'It is 73.', {}, 72, 0],
    ['the first one', '72 of 80', { take: 'first' }, 72, 1],
    ['several, where only one may stand', '72 of 80', { take: 'only' }, 72, 0],
    ['one of several that are right', 'It is 8.', {}, [7, '8'], 1],
    ['within the absolute tolerance', '3.15', { absolute: 0.01 }, 3.14, 1],
    ['outside of it', '3.16', { absolute: 0.01 }, 3.14, 0],
    ['within the relative tolerance', '104', { relative: 0.05 }, 100, 1],
    ['outside of it, below', '94', { relative: 0.05 }, 100, 0],
    ['percent as a share', 'About 12.5 %', { percent: 'hundredths' }, 0.125, 1],
    ['no number', 'Seventy-two', {}, 72, 0],
    ['an expected text without one', '72', {}, 'many', 'error'],
  ])('%s', async (_what, output, settings, expected, value) => {
    expect(await scoreOf('number', settings, { output, expected })).toBe(value)
  })

  test('says what it read', async () => {
    expect(await judgeSample('number', {}, { output: '1, 2, 3', expected: 4 })).toMatchObject({
      reason: 'The answer says 3, expected is 4.',
      details: { answered: 3 },
    })
  })

  test('reads the end of a long answer, and no number that is cut in half', async () => {
    const output = `${'1'.repeat(200_000)} text`

    expect(await scoreOf('number', {}, { output, expected: 1 })).toBe(0)
    expect(await scoreOf('number', {}, { output: `${'x '.repeat(200_000)}42`, expected: 42 })).toBe(1)
  })
})
