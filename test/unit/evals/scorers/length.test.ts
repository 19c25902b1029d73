import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

describe('word-count', () => {
  test.each([
    [{ exactly: 3 }, 'one  two\nthree ', 1],
    [{ exactly: 3 }, 'one two', 0],
    [{ min: 2, max: 3 }, 'one two', 1],
    [{ min: 3 }, 'one two', 0],
    [{ max: 1 }, 'one two', 0],
    [{ exactly: 1 }, '你好，世界。', 1],
    [{ exactly: 2 }, 'one\u3000two', 1],
  ])('%j: %j is %d', async (settings, output, value) => {
    expect(await scoreOf('word-count', settings, { output })).toBe(value)
  })

  test('needs something to ask for that can be met', () => {
    expect(() => prepareScorer({ kind: 'word-count' })).toThrow(/Write exactly, min or max/)
    expect(() => prepareScorer({ kind: 'word-count', settings: { min: 5, max: 2 } })).toThrow(/Swap them/)
  })
})

describe('length', () => {
  test('counts words, and passes only where there are limits', async () => {
    expect(await judgeSample('length', {}, { output: 'one two' })).toMatchObject({ value: 2, passed: null })
    expect(await judgeSample('length', { max: 1 }, { output: 'one two' })).toMatchObject({
      value: 2,
      passed: false,
    })
  })

  test('counts what the standard library counts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom(' ', '\n', '\u2003', 'a\ud800', 'a\udc00'),
        async (text, part) => {
          const output = text + part + text

          expect(await scoreOf('length', { unit: 'characters' }, { output })).toBe([...output].length)
          expect(await scoreOf('length', {}, { output })).toBe(
            output.split(/\s+/).filter((word) => word !== '').length,
          )
        },
      ),
      { numRuns: 200, seed: 7 },
    )
  })
})
