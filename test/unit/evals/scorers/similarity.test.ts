import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SMOOTHINGS, sentenceBleu } from '../../../../src/evals/scorers/bleu.ts'
import { rougeL, rougeN } from '../../../../src/evals/scorers/rouge.ts'
import { bleuTokens, rougeTokens } from '../../../../src/evals/scorers/tokens.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

const words = (text: string) => text.split(' ')
const sentence = fc.array(fc.constantFrom('the', 'cat', 'sat', 'on', 'a', 'mat'), { maxLength: 12 })

describe('levenshtein', () => {
  test.each([
    ['kitten', 'sitting', 1 - 3 / 7, 3],
    ['saturday', 'sunday', 1 - 3 / 8, 3],
    ['same', 'same', 1, 0],
    ['', 'abc', 0, 3],
    ['', '', 1, 0],
    ['x', ['abc', 'xy'], 0.5, 1],
  ])('%j against %j has %d and %d edits', async (output, expected, similarity, distance) => {
    const outcome = await judgeSample('levenshtein', {}, { output, expected })

    expect(outcome).toMatchObject({ value: similarity, passed: null, details: { distance } })
  })

  test('passes by the distance, by the similarity, or by both', async () => {
    const sample = { output: 'kitten', expected: 'sitting' }

    expect(await judgeSample('levenshtein', { max_distance: 3 }, sample)).toMatchObject({ passed: true })
    expect(await judgeSample('levenshtein', { max_distance: 2 }, sample)).toMatchObject({ passed: false })
    expect(await judgeSample('levenshtein', { threshold: 0.5 }, sample)).toMatchObject({ passed: true })
    expect(await judgeSample('levenshtein', { max_distance: 3, threshold: 0.6 }, sample)).toMatchObject({
      passed: false,
    })
  })

  test('abstains rather than compare two long texts', async () => {
    const output = 'ab'.repeat(50_000)

    expect(await scoreOf('levenshtein', {}, { output, expected: output })).toBe('abstained')
  })

  test('is the same in both directions, 1 for the same text alone, and never outside 0 and 1', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 20 }),
        fc.string({ minLength: 1, maxLength: 20 }),
        async (one, other) => {
          const forward = await scoreOf('levenshtein', {}, { output: one, expected: other })

          expect(forward).toBe(await scoreOf('levenshtein', {}, { output: other, expected: one }))
          expect(forward === 1).toBe(one === other)
          expect(forward).toBeGreaterThanOrEqual(0)
        },
      ),
      { numRuns: 100, seed: 7 },
    )
  })
})

describe('tokens', () => {
  test('of ROUGE are lower-case runs of letters and digits, in any script', () => {
    expect(rougeTokens("Don't stop_at 3.5%!")).toEqual(['don', 't', 'stop', 'at', '3', '5'])
    expect(rougeTokens('Größe cafe\u0301')).toEqual(['größe', 'caf\u00e9'])
  })

  test('of scripts without spaces are single characters', () => {
    expect(rougeTokens('東京へABC行く')).toEqual(['東', '京', 'へ', 'abc', '行', 'く'])
    expect(rougeTokens('한국어 문장')).toEqual(['한국어', '문장'])
  })

  // What Tokenizer13a of sacrebleu 2.x gives for the same texts.
  test.each([
    ["It's 3,141.59 dollars, isn't it?", "It's 3,141.59 dollars , isn't it ?"],
    ['word-word 5-6 a.b. 2.5%. "q" & <skipped> x', 'word-word 5 - 6 a . b . 2.5 % . " q " & x'],
    ['Grüße: naïve—dash…', 'Grüße : naïve—dash…'],
  ])('of BLEU: %j', (text, tokens) => {
    expect(bleuTokens(text).join(' ')).toBe(tokens)
  })
})

describe('ROUGE', () => {
  // Lin 2004, section 3.1: S1 is the reference, S2 and S3 have the same ROUGE-2 and different ROUGE-L.
  const reference = words('police killed the gunman')

  test('gives the values of the paper’s example', () => {
    expect(rougeL(words('police kill the gunman'), reference).f1).toBe(0.75)
    expect(rougeL(words('the gunman kill police'), reference).f1).toBe(0.5)
    expect(rougeL(words('the gunman police killed'), reference).f1).toBe(0.5)
    expect(rougeN(words('police kill the gunman'), reference, 2).f1).toBeCloseTo(1 / 3, 12)
    expect(rougeN(words('the gunman kill police'), reference, 2).f1).toBeCloseTo(1 / 3, 12)
  })

  // The example in the README of rouge-score 0.1.2, computed with it.
  test.each([
    ['rouge-n', { n: 1 }, { precision: 0.75, recall: 2 / 3, f1: 0.7058823529411765 }],
    ['rouge-n', { n: 2 }, { precision: 0.2857142857142857, recall: 0.25, f1: 0.26666666666666666 }],
    ['rouge-l', {}, { precision: 0.625, recall: 0.5555555555555556, f1: 0.5882352941176471 }],
  ])('%s %j as rouge-score has it', async (kind, settings, expected) => {
    const sample = {
      output: 'The quick brown dog jumps on the log.',
      expected: 'The quick brown fox jumps over the lazy dog',
    }
    for (const measure of ['precision', 'recall', 'f1'] as const) {
      expect(await scoreOf(kind, { ...settings, measure }, sample)).toBeCloseTo(expected[measure], 12)
    }
  })

  test('counts a repeated word as often as both have it', () => {
    expect(rougeN(words('the the the the'), words('the cat the mat'), 1)).toMatchObject({
      precision: 0.5,
      recall: 0.5,
    })
  })

  test('takes the best of several references, and passes from the threshold on', async () => {
    const outcome = await judgeSample(
      'rouge-n',
      { threshold: 0.75 },
      { output: 'a red car', expected: ['blue sky', 'a red car'] },
    )

    expect(outcome).toMatchObject({ value: 1, passed: true })
  })

  test('abstains for a reference without a word, and for texts too long to compare', async () => {
    const long = 'word '.repeat(6_000)

    expect(await scoreOf('rouge-l', {}, { output: 'x', expected: '…' })).toBe('abstained')
    expect(await scoreOf('rouge-l', {}, { output: long, expected: long })).toBe('abstained')
    expect(await scoreOf('rouge-n', {}, { output: long, expected: long })).toBe(1)
  })

  test('swaps precision and recall with the sides, lies in 0…1, and never falls with a longer answer’s recall', () => {
    fc.assert(
      fc.property(sentence, sentence, sentence, fc.integer({ min: 1, max: 3 }), (one, other, more, size) => {
        for (const measure of [(a: string[], b: string[]) => rougeN(a, b, size), rougeL]) {
          const forward = measure(one, other)
          const back = measure(other, one)
          expect([forward.precision, forward.recall, forward.f1]).toEqual([
            back.recall,
            back.precision,
            back.f1,
          ])
          for (const value of Object.values(forward)) expect(value >= 0 && value <= 1).toBe(true)
          expect(measure([...one, ...more], other).recall).toBeGreaterThanOrEqual(forward.recall)
        }
      }),
      { numRuns: 200, seed: 7 },
    )
  })
})

describe('BLEU', () => {
  // The example of Papineni et al. 2002, section 2, as the documentation of nltk.translate.bleu_score spells it.
  const candidate1 = words(
    'It is a guide to action which ensures that the military always obeys the commands of the party',
  )
  const candidate2 = words(
    'It is to insure the troops forever hearing the activity guidebook that party direct',
  )
  const references = [
    words('It is a guide to action that ensures that the military will forever heed Party commands'),
    words(
      'It is the guiding principle which guarantees the military forces always being under the command of the Party',
    ),
    words('It is the practical guide for the army always to heed the directions of the party'),
  ]

  // Values of nltk 3.10 with SmoothingFunction().method0 to method3.
  test.each([
    ['none', 0.5045666840058485, 0],
    ['epsilon', 0.5045666840058485, 0.03703131191121491],
    ['add-one', 0.539755306744061, 0.13111209575157431],
    ['exp', 0.5045666840058485, 0.06963003305718092],
  ] as const)('with smoothing %s as nltk has it', (smoothing, first, second) => {
    expect(sentenceBleu(candidate1, references, smoothing)).toBeCloseTo(first, 12)
    expect(sentenceBleu(candidate2, references, smoothing)).toBeCloseTo(second, 12)
  })

  // Values of sacrebleu 2.x, sentence_bleu over the references of its README, divided by 100.
  test.each([
    ['The dog bit the man.', 'exp', 1],
    ['The dog had bit the man.', 'exp', 0.4889230224349009],
    ['The dog had bit the man.', 'add-one', 0.5915463685222679],
    ['bit it', 'exp', 0.1115650800742149],
    ['bit it', 'epsilon', 0.04989342059223036],
    ['bit it', 'none', 0],
  ])('%j with smoothing %s as sacrebleu has it', async (output, smoothing, value) => {
    const expected = ['The dog bit the man.', 'It was not unexpected.']

    expect(await scoreOf('bleu', { smoothing }, { output, expected })).toBeCloseTo(value, 12)
  })

  test('clips what is repeated: the example of Papineni et al., with two of seven words right', () => {
    const clipped = sentenceBleu(
      words('the the the the the the the'),
      [words('the cat is on the mat'), words('there is a cat on the mat')],
      'exp',
    )

    // Of sacrebleu for the same: precisions 2/7, 1/12, 1/20 and 1/32.
    expect(clipped).toBeCloseTo((2 / 7 / 12 / 20 / 32) ** 0.25, 12)
  })

  test('holds brevity against the shorter of two references as close in length', () => {
    expect(sentenceBleu(words('a b c'), [words('a b c d'), words('a b')], 'exp')).toBe(1)
    expect(sentenceBleu(words('a b c'), [words('a b c d')], 'exp')).toBeCloseTo(Math.exp(1 - 4 / 3), 12)
  })

  test('can leave case aside, and has 0 without a single word in common', async () => {
    expect(
      await scoreOf(
        'bleu',
        { lowercase: true },
        { output: 'A RED CAR DRIVES', expected: 'a red car drives' },
      ),
    ).toBe(1)
    expect(await scoreOf('bleu', {}, { output: 'A RED CAR DRIVES', expected: 'a red car drives' })).toBe(0)
  })

  test('lies in 0…1 with every smoothing, and is 1 for the reference itself', () => {
    fc.assert(
      fc.property(sentence, sentence, fc.constantFrom(...SMOOTHINGS), (answer, reference, smoothing) => {
        const value = sentenceBleu(answer, [reference, answer.slice(1)], smoothing)

        expect(value >= 0 && value <= 1).toBe(true)
        if (answer.length > 0) expect(sentenceBleu(answer, [reference, answer], smoothing)).toBeCloseTo(1, 12)
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})
