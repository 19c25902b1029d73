import { describe, expect, test } from 'vitest'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

describe('cites-context', () => {
  const contexts = ['one', 'two', 'three']

  test.each([
    ['It is so [1].', 1],
    ['It is so [1][4].', 0.5],
    ['It is so [1, 3; 9].', 2 / 3],
    ['It is so [1–3].', 1],
    ['It is so [2-5].', 0.5],
    ['In [2024] it was.', 0],
    ['[0]', 0],
    ['It is so.', 'abstained'],
    ['See [a] and [ 1 ].', 'abstained'],
  ])('%j has %j', async (output, value) => {
    expect(await scoreOf('cites-context', {}, { output, contexts })).toBe(value)
  })

  test('names the citations that do not exist', async () => {
    expect(await judgeSample('cites-context', {}, { output: '[1] [7] [7]', contexts })).toMatchObject({
      details: { missing: [7] },
    })
  })
})

describe('cited-sentences', () => {
  const contexts = ['one', 'two']

  test.each([
    ['Shoes can be returned [1]. Refunds go to the card [2].', 1],
    ['Shoes can be returned. [1] Refunds go to the card.', 0.5],
    ['Shoes can be returned. [1]', 1],
    ['[1] Shoes can be returned.', 1],
    ['Shoes can be returned [9].', 0],
    ['Hello! Shoes can be returned [1]. Bye!', 1 / 3],
    ['…', 'abstained'],
  ])('%j has %j', async (output, value) => {
    const score = await scoreOf('cited-sentences', {}, { output, contexts })

    if (typeof value === 'number') expect(score).toBeCloseTo(value, 12)
    else expect(score).toBe(value)
  })
})
