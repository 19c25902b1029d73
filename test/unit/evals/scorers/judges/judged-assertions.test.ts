import { describe, expect, test } from 'vitest'
import { checkItem } from '../../../../../src/evals/datasets/check-item.ts'
import { judgeSample, saying } from '../../../../support/judge-sample.ts'

const rubric = (words: string, more: object = {}) => ({
  type: 'llm-rubric',
  not_evaluated: 'a model judges it',
  judge: { kind: 'rubric', settings: { model: 'm', rubric: words } },
  ...more,
})
const sample = (...checks: object[]) => ({
  output: 'An answer.',
  assertions: { checks } as Parameters<typeof judgeSample>[2]['assertions'] & object,
})
const yes = { reason: 'So.', verdict: 'yes' }
const no = { reason: 'No.', verdict: 'no' }

describe('what models say of assertions', () => {
  test('is their mean by weight, in groups too, with each among the details', async () => {
    const checks = [
      rubric('a', { weight: 3 }),
      { all: [rubric('b')] },
      { type: 'python', not_evaluated: 'x' },
    ]

    expect(
      await judgeSample('judged-assertions', {}, sample(...checks), saying(yes, no).tools),
    ).toMatchObject({
      outcome: 'scored',
      value: 0.75,
      passed: false,
      reason: expect.stringMatching(/llm-rubric: 1, .*llm-rubric: 0, /),
      details: { assertions: [{ value: 1, judge: 'rubric' }, { value: 0 }] },
    })
  })

  test('is turned round where the assertion is', async () => {
    const opposite = rubric('a', { judge: { ...rubric('a').judge, not: true } })

    expect(await judgeSample('judged-assertions', {}, sample(opposite), saying(no).tools)).toMatchObject({
      value: 1,
      passed: true,
    })
  })

  test('is no number where one of them could not be judged', async () => {
    const tools = saying(yes, { kind: 'failed', reason: 'No such model.' }).tools

    expect(await judgeSample('judged-assertions', {}, sample(rubric('a'), rubric('b')), tools)).toMatchObject(
      { outcome: 'error', reason: expect.stringMatching(/llm-rubric: 1, .*error, .*No such model/) },
    )
  })

  test('leaves the test as it was: not evaluated', async () => {
    expect(await judgeSample('assertions', {}, sample(rubric('a')), saying().tools)).toMatchObject({
      outcome: 'abstained',
    })
  })
})

test.each([
  [{ kind: 'contains', settings: {} }, /"contains" is no judge/],
  [{ kind: 'rubric', settings: { model: 'm' } }, /judge: rubric: rubric: nothing where a text is expected/],
])('an item whose assertion names the judge %j is refused', (judge, why) => {
  const item = { id: 'a', input: 'x', assertions: { checks: [rubric('x', { judge })] } }

  expect(checkItem(item, 'here')).toEqual({ problems: [expect.stringMatching(why)] })
})
