import { describe, expect, test } from 'vitest'
import type { Features } from '../../../../src/evals/groundedness/features.ts'
import { floorsOf } from '../../../../src/evals/groundedness/floors.ts'
import { readWords } from '../../../../src/evals/groundedness/words.ts'
import { readingOf } from '../../../support/groundedness.ts'

const CONTEXT =
  'The firm Acme bought 1,200 boats in March 2021. Profits increased by three percent. It does not ship abroad. Mr. Jones leads the crew in Oslo.'
const WITHOUT_NEGATION = 'The firm Acme bought 1,200 boats. Profits increased by three percent.'
const LN2 = Math.log(2)

async function featuresOf(answer: string, context = CONTEXT): Promise<Features> {
  const { claims } = await readingOf(context, answer)
  if (claims[0] === undefined) throw new Error('No claim.')
  return claims[0].features
}

describe('words', () => {
  test('are folded so that what means the same is equal: thousands, number words, plurals and tenses', () => {
    const words = readWords('Three Boats were boarded for $1,200.50, the second on 3 May.')

    expect(words.content).toEqual(['3', 'boat', 'board', '1200.5', '2', '3'])
    expect(words.numbers).toEqual(['3', '1200.5', '2'])
    expect(words.names).toEqual(['boat'])
  })

  test('a capital at the beginning of a sentence is no name, an acronym there is', () => {
    expect(readWords('Boats of NATO met Maria.').names.toSorted()).toEqual(['maria', 'nato'])
    expect(readWords('NATO met.').names).toEqual(['nato'])
  })

  test.each([
    ["It doesn't and cannot float without a crew.", 3],
    ['It floats and is noted.', 0],
  ])('%s negates %i times', (sentence, negations) => {
    expect(readWords(sentence).negations).toBe(negations)
  })
})

describe('features of a claim', () => {
  test('a sentence of the context has none but that it is not near itself alone', async () => {
    const features = await featuresOf('Profits increased by three percent.')

    for (const [name, value] of Object.entries(features))
      expect([name, value]).toEqual([name, expect.closeTo(0, 6)])
  })

  test('a synonym is said by the vectors, another word is not', async () => {
    const same = await featuresOf('The company Acme acquired 1,200 boats.')
    const other = await featuresOf('The monkey Acme painted 1,200 boats.')

    expect(same.unsaid).toBeCloseTo(0, 6)
    expect(other.unsaid).toBeGreaterThan(0.3)
    expect(other.closeWeakest).toBeGreaterThan(same.closeWeakest)
  })

  test.each([
    [
      'The firm Acme bought 1,300 boats in March 2021.',
      { missingNumbers: LN2, farNumbers: LN2, missingNames: 0 },
    ],
    [
      'The firm Ajax bought 1,200 boats in March 2021.',
      { missingNames: LN2, farNames: LN2, missingNumbers: 0 },
    ],
    ['Profits decreased by three percent.', { opposites: LN2, addedNegation: 0 }],
    ['Profits did not increase by three percent.', { addedNegation: 1, opposites: 0 }],
    ['It does ship abroad.', { lostNegation: 1, addedNegation: 0 }],
    ['Only profits increased by three percent.', { addedQuantifier: LN2 }],
    ['Profits increased by three percent but not much.', { addedContrast: LN2, addedNegation: 1 }],
    [
      'The crew of the boats is in Oslo with 1,200 jars.',
      { missingNumbers: 0, strayNumbers: 0, strayNames: 0 },
    ],
    ['Some 2021 crew went to Oslo.', { missingNumbers: 0, strayNumbers: LN2 }],
  ] satisfies [string, Partial<Features>][])('%s', async (answer, expected) => {
    const features = await featuresOf(answer, answer.includes(' not ') ? WITHOUT_NEGATION : CONTEXT)

    for (const [name, value] of Object.entries(expected)) {
      expect([name, features[name as keyof Features]]).toEqual([name, expect.closeTo(value, 6)])
    }
  })

  test('the same wrong number weighs more in a claim that the context otherwise says', async () => {
    const edited = await featuresOf('The firm Acme bought 1,300 boats in March 2021.')
    const foreign = await featuresOf('Llamas graze near 1,300 quiet lakes.')

    expect(edited.missingNumbers).toBe(foreign.missingNumbers)
    expect(edited.closeMissingNumbers).toBeGreaterThan(foreign.closeMissingNumbers + 0.3)
    expect(foreign.loosePairs).toBeGreaterThan(edited.loosePairs)
  })

  test('evidence of a claim that joins two facts is both sentences, the better one first', async () => {
    const { claims, evidence } = await readingOf(
      CONTEXT,
      'Acme bought boats and profits increased by three percent.',
    )

    const quoted = claims[0]?.claim.support.places.map((place) => evidence.sentences[place]?.text)
    expect(quoted).toEqual(
      expect.arrayContaining([
        'The firm Acme bought 1,200 boats in March 2021.',
        'Profits increased by three percent.',
      ]),
    )
  })

  test('a transcript without full stops is cut into windows that keep their places', async () => {
    const context = Array.from({ length: 130 }, (_, at) => `word${at}x`).join(' ')

    const { evidence } = await readingOf(context, 'It said word85x.')

    expect(evidence.sentences).toHaveLength(4)
    for (const { start, end, text } of evidence.sentences) expect(context.slice(start, end)).toBe(text)
  })
})

describe('floors', () => {
  test('are the plain shares, worked by hand', async () => {
    const context = 'The cat sat on 3 mats in Rome.'
    const answer = 'The cat sat near 4 mats in Rome.'

    const floors = floorsOf(answer, await readingOf(context, answer))

    // Content: cat, sat, near, 4, mat, rome; all words: the cat sat near 4 mats in rome.
    expect(floors.unigram).toBeCloseTo(4 / 6, 9)
    expect(floors.bigram).toBeCloseTo(4 / 7, 9)
    expect(floors.rouge_l).toBeCloseTo(6 / 8, 9)
    expect(floors.number_entity).toBeCloseTo(1 / 2, 9)
    expect(floors.length).toBe(-8)
  })
})
