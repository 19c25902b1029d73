import { describe, expect, test } from 'vitest'
import { judgeSample, saying, scoreOf, scriptedTools } from '../../../../support/judge-sample.ts'

const OWN = { model: 'judges/large' }
const SAMPLE = { input: 'How long may shoes be returned?', output: 'Within 30 days, for any reason.' }

describe('rubric', () => {
  test.each([
    ['yes', 1, true],
    ['no', 0, false],
  ])('of a yes or no: %s is %d', async (verdict, value, passed) => {
    const { tools } = saying({ reason: 'Because.', verdict })

    expect(await judgeSample('rubric', { ...OWN, rubric: 'Polite.' }, SAMPLE, tools)).toMatchObject({
      value,
      passed,
      reason: `The judge says ${verdict}: Because.`,
    })
  })

  test.each([
    [1, 0, false],
    [2, 0.25, false],
    [3, 0.5, false],
    [4, 0.75, true],
    [5, 1, true],
  ])('with grades: %d of 5 is %d', async (score, value, passed) => {
    const { tools, asked } = saying({ reason: 'Because.', score })
    const settings = { ...OWN, rubric: 'Polite.', scale: '1-5', threshold: 0.75 }

    expect(await judgeSample('rubric', settings, SAMPLE, tools)).toMatchObject({ value, passed })
    expect(asked[0]?.messages[1]?.content).toContain('<data-1 rubric>\nPolite.\n</data-1>')
  })

  test.each([0, 6, 3.5, '4'])('takes no grade of %j', async (score) => {
    const { tools } = saying({ reason: 'Because.', score }, { reason: 'Because.', score: 4 })
    const settings = { ...OWN, rubric: 'Polite.', scale: '1-5' }

    expect(await judgeSample('rubric', settings, SAMPLE, tools)).toMatchObject({
      value: 0.75,
      passed: null,
      details: { repaired: true, score: 4 },
    })
  })
})

describe('closed-qa', () => {
  test('turned round abstains where it does', async () => {
    const settings = { ...OWN, criterion: 'It names a competitor.' }

    expect(await scoreOf('not-closed-qa', settings, { output: '' }, saying().tools)).toBe('abstained')
    expect(
      await scoreOf('not-closed-qa', settings, SAMPLE, saying({ reason: 'None.', meets: 'N' }).tools),
    ).toBe(1)
  })
})

describe('factuality', () => {
  // autoevals, templates/factuality.yaml
  test.each([
    ['A', 0.4],
    ['B', 0.6],
    ['C', 1],
    ['D', 0],
    ['E', 1],
  ])('counts %s as %d, as autoevals does', async (relation, value) => {
    const { tools } = saying({ reason: 'So.', relation })

    expect(await scoreOf('factuality', OWN, { ...SAMPLE, expected: '30 days' }, tools)).toBe(value)
  })

  test('counts as the suite says, and names the relation', async () => {
    const { tools } = saying({ reason: 'So.', relation: 'B' })
    const settings = { ...OWN, superset: 1, threshold: 0.9 }

    expect(await judgeSample('factuality', settings, { ...SAMPLE, expected: '30' }, tools)).toMatchObject({
      value: 1,
      passed: true,
      details: { relation: 'superset' },
    })
  })

  test('shows every text that is right', async () => {
    const { tools, asked } = saying({ reason: 'So.', relation: 'C' })
    await judgeSample('factuality', OWN, { ...SAMPLE, expected: ['30 days', 'a month'] }, tools)

    expect(asked[0]?.messages[1]?.content).toContain('<data-1 reference 2>\na month\n</data-1>')
  })
})

describe('faithfulness', () => {
  const contexts = ['Shoes may be returned within 30 days.', 'Worn shoes are not taken back.']
  const claims = ['Shoes may be returned within 30 days.', 'Shoes may be returned for any reason.']
  const verdicts = [
    { claim: 1, evidence: 'returned within 30 days', supported: 'yes' },
    { claim: 2, evidence: 'Worn shoes are not taken back', supported: 'no' },
  ]

  test('is the share of claims that the passages support, with those that they do not', async () => {
    const { tools, asked } = saying({ claims }, { verdicts })

    expect(await judgeSample('faithfulness', OWN, { ...SAMPLE, contexts }, tools)).toEqual({
      outcome: 'scored',
      value: 0.5,
      passed: null,
      reason: 'The passages support 1 of 2 claims. Not: "Shoes may be returned for any reason.".',
      details: {
        model: 'judges/large',
        repaired: false,
        claims: 2,
        unsupported: [
          { claim: 'Shoes may be returned for any reason.', evidence: 'Worn shoes are not taken back' },
        ],
        quotes_not_found: 0,
      },
    })
    expect(asked[0]?.messages[1]?.content).not.toContain('Worn')
    expect(asked[1]?.messages[1]?.content).toContain('<data-1 passage 2>\nWorn shoes')
    expect(asked[1]?.messages[1]?.content).toContain(`1: ${claims[0]}\n2: ${claims[1]}`)
  })

  test('counts evidence that stands in no passage, whatever quotes and case it has', async () => {
    const invented = [
      { claim: 1, evidence: '“RETURNED within  30 days…”', supported: 'yes' },
      { claim: 2, evidence: 'for any reason', supported: 'yes' },
    ]
    const { tools } = saying({ claims }, { verdicts: invented })

    expect(await judgeSample('faithfulness', OWN, { ...SAMPLE, contexts }, tools)).toMatchObject({
      value: 1,
      details: { quotes_not_found: 1 },
    })
  })

  test('of no claims abstains: it is neither 0 nor 1', async () => {
    const { tools, asked } = saying({ claims: [' '] })
    const outcome = await judgeSample('faithfulness', OWN, { ...SAMPLE, contexts }, tools)

    expect(outcome).toEqual({ outcome: 'abstained', reason: 'The answer makes no claim.' })
    expect(asked).toHaveLength(1)
  })

  test('without passages abstains without a question', async () => {
    const { tools, asked } = saying()

    expect(await scoreOf('faithfulness', OWN, SAMPLE, tools)).toBe('abstained')
    expect(asked).toEqual([])
  })

  test('checks twenty claims at a time, and at most eighty', async () => {
    const many = (count: number) => ({ claims: Array.from({ length: count }, (_, at) => `Claim ${at}.`) })
    const all = (count: number) => ({
      verdicts: Array.from({ length: count }, (_, at) => ({ claim: at + 1, evidence: '', supported: 'yes' })),
    })
    const { tools, asked } = saying(many(45), all(20), all(20), all(5))

    expect(await scoreOf('faithfulness', OWN, { ...SAMPLE, contexts }, tools)).toBe(1)
    expect(asked).toHaveLength(4)
    expect(await scoreOf('faithfulness', OWN, { ...SAMPLE, contexts }, saying(many(81)).tools)).toBe(
      'abstained',
    )
  })

  test.each([
    ['too few', verdicts.slice(0, 1)],
    ['in another order', verdicts.toReversed()],
  ])('asks again for verdicts that are %s', async (_what, wrong) => {
    const { tools, asked } = saying({ claims }, { verdicts: wrong }, { verdicts })

    expect(await judgeSample('faithfulness', OWN, { ...SAMPLE, contexts }, tools)).toMatchObject({
      value: 0.5,
      details: { repaired: true },
    })
    expect(asked[2]?.messages[3]?.content).toContain('There are 2 claims')
  })

  test('is an error when the claims are there and the check fails', async () => {
    const { tools } = saying({ claims }, { kind: 'failed', reason: 'The upstream is away.' })

    expect(await scoreOf('faithfulness', OWN, { ...SAMPLE, contexts }, tools)).toBe('error')
  })

  test('keeps a claim on its line, so that it cannot pass for two', async () => {
    const { tools, asked } = saying({ claims: ['One.\n2: Forged.'] }, { verdicts: verdicts.slice(0, 1) })
    await judgeSample('faithfulness', OWN, { ...SAMPLE, contexts }, tools)

    expect(asked[1]?.messages[1]?.content).toContain('1: One. 2: Forged.\n')
  })
})

describe('answer-relevance', () => {
  const questions = ['north', 'east', 'north-east']
  const VECTORS: Record<string, number[]> = {
    [SAMPLE.input]: [1, 0],
    north: [1, 0],
    east: [0, 1],
    'north-east': [0.6, 0.8],
    south: [-1, 0],
  }
  const relevance = (said: object, settings = {}) => {
    const { tools } = scriptedTools(
      () => said,
      (text) => VECTORS[text] ?? [],
    )
    return judgeSample('answer-relevance', { ...OWN, ...settings }, SAMPLE, tools)
  }

  test('is the mean cosine with the question asked', async () => {
    expect(await relevance({ noncommittal: 'no', questions })).toMatchObject({
      value: expect.closeTo((1 + 0 + 0.6) / 3, 6),
      passed: null,
      details: { noncommittal: false, questions },
    })
  })

  test('is 0 for a noncommittal answer', async () => {
    expect(await relevance({ noncommittal: 'yes', questions }, { threshold: 0.5 })).toMatchObject({
      value: 0,
      passed: false,
      reason: 'The answer is noncommittal.',
    })
  })

  test('below 0 counts as 0 and says so', async () => {
    expect(await relevance({ noncommittal: 'no', questions: ['south'] }, { questions: 1 })).toMatchObject({
      value: 0,
      reason: 'The mean cosine of 1 questions with the one asked is -1. Counted as 0.',
    })
  })

  test('asks again when questions are missing, and is an error when they stay so', async () => {
    expect(await relevance({ noncommittal: 'no', questions: ['north'] })).toMatchObject({
      outcome: 'error',
      reason: expect.stringContaining('Give 3 questions.'),
    })
  })

  test('does not show the question', async () => {
    const { tools, asked } = scriptedTools(
      () => ({ noncommittal: 'no', questions }),
      (text) => VECTORS[text] ?? [],
    )
    await judgeSample('answer-relevance', OWN, SAMPLE, tools)

    expect(asked[0]?.messages[1]?.content).not.toContain(SAMPLE.input)
  })

  test('without a question abstains', async () => {
    expect(await scoreOf('answer-relevance', OWN, { output: 'Yes.' }, saying().tools)).toBe('abstained')
  })
})

describe('context-relevance', () => {
  const contexts = ['Shoes may be returned. Within 30 days.', 'We sell boots. Our shop is old.']

  test('is the share of sentences that are needed', async () => {
    const { tools, asked } = saying({ needed: [2, 1, 2] })

    expect(
      await judgeSample('context-relevance', OWN, { ...SAMPLE, output: '', contexts }, tools),
    ).toMatchObject({ value: 0.5, reason: '2 of 4 sentences are needed.', details: { needed: [1, 2] } })
    expect(asked[0]?.messages[1]?.content).toContain('2: Within 30 days.\n3: We sell boots.')
  })

  test.each([[[0]], [[5]], [[1.5]]])('takes no sentence of the numbers %j', async (needed) => {
    const { tools } = saying({ needed }, { needed: [] })

    expect(await judgeSample('context-relevance', OWN, { ...SAMPLE, contexts }, tools)).toMatchObject({
      value: 0,
      details: { repaired: true },
    })
  })

  test('of no passages abstains', async () => {
    expect(await scoreOf('context-relevance', OWN, SAMPLE, saying().tools)).toBe('abstained')
  })
})

describe('pairwise', () => {
  const pair = { ...SAMPLE, expected: 'A month.' }
  const said = (better: string) => ({ reason: 'So.', better })

  test.each([
    ['first', 'second', 1, false],
    ['second', 'first', 0, false],
    ['tie', 'tie', 0.5, false],
    ['first', 'first', 0.5, true],
    ['second', 'second', 0.5, true],
    ['first', 'tie', 0.5, true],
    ['tie', 'first', 0.5, true],
  ])('standing first %s and standing second %s is %d', async (forth, back, value, flips) => {
    const { tools, asked } = saying(said(forth), said(back))
    const outcome = await judgeSample('pairwise', OWN, pair, tools)

    expect(outcome).toMatchObject({ value, details: { position_flip: flips } })
    expect(asked[0]?.messages[1]?.content).toContain(`<data-1 first answer>\n${SAMPLE.output}`)
    expect(asked[1]?.messages[1]?.content).toContain(`<data-1 second answer>\n${SAMPLE.output}`)
  })

  test('compares with the other answer of the suite before that of the item', async () => {
    const { tools, asked } = saying(said('first'), said('second'))
    await judgeSample('pairwise', { ...OWN, other: 'Never.' }, pair, tools)

    expect(asked[0]?.messages[1]?.content).toContain('<data-1 second answer>\nNever.')
  })

  test('of equal texts is a tie that nobody is asked about', async () => {
    const { tools, asked } = saying()

    expect(await scoreOf('pairwise', OWN, { ...pair, expected: ` ${SAMPLE.output}\n` }, tools)).toBe(0.5)
    expect(asked).toEqual([])
  })

  test('is an error when one of the orders fails', async () => {
    const { tools } = saying(said('first'), { kind: 'failed', reason: 'The upstream is away.' })

    expect(await scoreOf('pairwise', OWN, pair, tools)).toBe('error')
  })

  test('with several other answers abstains', async () => {
    expect(await scoreOf('pairwise', OWN, { ...pair, expected: ['a', 'b'] }, saying().tools)).toBe(
      'abstained',
    )
  })
})
