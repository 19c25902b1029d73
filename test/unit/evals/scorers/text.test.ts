import { describe, expect, test } from 'vitest'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

describe('equals', () => {
  test.each([
    ['the same text', 'Paris', 'Paris', 1],
    ['another case', 'paris', 'Paris', 0],
    ['a line end too many', 'Paris\n', 'Paris', 0],
    ['one of several', 'yes', ['no', 'yes'], 1],
    ['a number, as its JSON text', '42', 42, 1],
    ['an object, whatever the order of its members', '{"b":[1.0],"a":-0}', { a: 0, b: [1] }, 1],
    ['an object with one more member', '{"a":1,"b":2}', { a: 1 }, 0],
    ['an object where the answer is no JSON', 'a: 1', { a: 1 }, 0],
    ['a list of lists', '[[1],[2]]', [[1], [2]], 1],
    ['an accent composed otherwise', 'cafe\u0301', 'caf\u00e9', 0],
  ])('%s', async (_what, output, expected, value) => {
    expect(await scoreOf('equals', {}, { output, expected })).toBe(value)
  })

  test('ignores case and outer white space where asked to', async () => {
    const settings = { ignore_case: true, trim: true }

    expect(await scoreOf('equals', settings, { output: ' PARIS\n', expected: 'Paris' })).toBe(1)
  })

  test('prefers its own value, which may be any JSON, to what the item expects', async () => {
    expect(await scoreOf('equals', { value: { a: 1 } }, { output: '{"a":1}', expected: 'x' })).toBe(1)
  })

  test('survives JSON that is nested deeper than a stack', async () => {
    const output = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

    expect(await judgeSample('equals', {}, { output, expected: [[1]] })).toMatchObject({
      value: 0,
      reason: 'The answer is no JSON: Deeper than 500 levels.',
    })
  })
})

describe('the contains family', () => {
  test.each([
    ['contains', 'Refunds take 30 days.', '30 days', 1],
    ['contains', 'Refunds take 30 days.', '30 DAYS', 0],
    ['contains', 'a', ['b', 'a'], 1],
    ['icontains', 'Refunds take 30 days.', '30 DAYS', 1],
    ['contains-any', 'red', ['blue', 'red'], 1],
    ['contains-any', 'red', ['blue', 'green'], 0],
    ['contains-all', 'red and blue', ['blue', 'red'], 1],
    ['contains-all', 'red', ['blue', 'red'], 0],
    ['icontains-any', 'RED', ['blue', 'red'], 1],
    ['icontains-all', 'RED and Blue', ['blue', 'red'], 1],
    ['icontains-all', 'RED', ['blue', 'red'], 0],
  ])('%s: %j against %j is %d', async (kind, output, expected, value) => {
    expect(await scoreOf(kind, {}, { output, expected })).toBe(value)
  })

  test('names what is missing', async () => {
    const outcome = await judgeSample('contains-all', { value: ['a', 'b', 'c'] }, { output: 'a' })

    expect(outcome).toMatchObject({ value: 0, passed: false, details: { found: 1, missing: ['b', 'c'] } })
  })

  test('abstains for an empty expected text, which everything contains', async () => {
    expect(await scoreOf('contains', {}, { output: 'x', expected: '' })).toBe('abstained')
    expect(await scoreOf('starts-with', {}, { output: 'x', expected: '' })).toBe('abstained')
  })

  test('abstains where JSON and no text is expected, or the list is empty', async () => {
    expect(await scoreOf('contains', {}, { output: 'x', expected: { a: 1 } })).toBe('abstained')
    expect(await scoreOf('contains-all', {}, { output: 'x', expected: [] })).toBe('abstained')
  })
})

// Cases after evals/elsuite/basic and evals/elsuite/utils.py of openai/evals.
describe('the matches of openai/evals', () => {
  test.each([
    ['match', '10 apples', ['1', 'x'], 1],
    ['match', 'The 10', '10', 0],
    ['match', 'anything', '', 1],
    ['includes', 'It is 10.', ['10'], 1],
    ['includes', 'anything', '', 0],
    ['fuzzy-match', 'The  Eiffel-Tower!', 'an eiffeltower', 1],
    ['fuzzy-match', 'an apple', 'apple a', 1],
    ['fuzzy-match', 'eat an apple', 'eat apple', 1],
    ['fuzzy-match', 'Paris', 'It is Paris, France', 1],
    ['fuzzy-match', 'It is Paris, France', 'Paris', 1],
    ['fuzzy-match', 'Lyon', 'Paris', 0],
    ['fuzzy-match', '...', 'Paris', 0],
    ['fuzzy-match', 'the', '!', 1],
    ['fuzzy-match', 'theory', 'ory', 1],
    ['fuzzy-match', 'CAFE\u0301', 'caf\u00e9', 1],
  ])('%s: %j against %j is %d', async (kind, output, expected, value) => {
    expect(await scoreOf(kind, {}, { output, expected })).toBe(value)
  })
})

test('starts-with looks at the first characters alone', async () => {
  expect(await scoreOf('starts-with', { value: 'Yes' }, { output: 'Yes, sure' })).toBe(1)
  expect(await scoreOf('starts-with', { value: ['No', 'Yes'] }, { output: ' Yes' })).toBe(0)
})

describe('regex', () => {
  test.each([
    ['finds a match anywhere', { pattern: '\\d{3}' }, 'call 911 now', 1],
    ['wants the whole answer where asked to', { pattern: '\\d{3}', whole: true }, 'call 911 now', 0],
    ['takes flags in the pattern', { pattern: '(?i)hello' }, 'HELLO', 1],
    ['matches letters of any script', { pattern: '^\\p{L}+$' }, 'größe', 1],
    ['lets a pattern match nothing', { pattern: '^$' }, '', 1],
  ])('%s', async (_what, settings, output, value) => {
    expect(await scoreOf('regex', settings, { output })).toBe(value)
  })

  test('refuses lookaround with the reason and the setting', () => {
    expect(() => prepareScorer({ kind: 'regex', settings: { pattern: '(?=x)y' } })).toThrow(
      expect.objectContaining({
        param: 'settings.pattern',
        message: expect.stringContaining('no lookaround'),
      }),
    )
  })
})
