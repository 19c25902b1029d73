import { describe, expect, test } from 'vitest'
import { prepareScorer } from '../../../../../src/evals/scorers/registry.ts'
import { judgeSample, scriptedTools } from '../../../../support/judge-sample.ts'

const SAMPLE = { input: 'How long?', output: 'Within 30 days.' }

/** Each model gives one grade; null for one that is away. */
function panel(grades: Readonly<Record<string, number | null>>, settings: Record<string, unknown> = {}) {
  const judges = Object.keys(grades).map((model) => ({
    kind: 'rubric',
    model,
    rubric: 'It is right.',
    scale: '1-5',
    threshold: 0.5,
  }))
  const { tools } = scriptedTools(({ model }) => {
    const score = grades[model]
    return score === null ? { kind: 'failed', reason: 'It is away.' } : { reason: 'So.', score }
  })
  return judgeSample('jury', { judges, ...settings }, SAMPLE, tools)
}

describe('a jury', () => {
  test.each([
    ['of three gives the middle one', { a: 1, b: 4, c: 5 }, 0.75],
    ['of four gives the mean of the middle two', { a: 1, b: 2, c: 4, d: 5 }, 0.5],
    ['of two gives their mean', { a: 4, b: 5 }, 0.875],
  ])('%s', async (_what, grades, value) => {
    expect(await panel(grades)).toMatchObject({ outcome: 'scored', value, passed: null })
  })

  test('goes on without a judge that fails, and reports each', async () => {
    const outcome = await panel({ a: 5, b: null, c: 3 }, { threshold: 0.7 })

    expect(outcome).toMatchObject({
      value: 0.75,
      passed: true,
      reason: '0.75 is the median of 0.5, 1.',
      details: {
        judged: 2,
        votes: [
          { judge: 'rubric by a', outcome: 'scored', value: 1 },
          {
            judge: 'rubric by b',
            outcome: 'error',
            value: null,
            reason: expect.stringContaining('It is away.'),
          },
          { judge: 'rubric by c', outcome: 'scored', value: 0.5 },
        ],
      },
    })
  })

  test('abstains when fewer than half judged, and says why', async () => {
    expect(await panel({ a: 5, b: null, c: null })).toEqual({
      outcome: 'abstained',
      reason: expect.stringMatching(/^Only 1 of 3 judges judged\. rubric by b: .*It is away\.$/),
    })
  })

  test.each([
    ['says yes with most', { a: 5, b: 4, c: 1 }, { value: 1, passed: true }],
    ['says no with most', { a: 5, b: 2, c: 1 }, { value: 0, passed: false }],
    ['abstains when it is split', { a: 5, b: 1 }, { outcome: 'abstained' }],
  ])('by majority %s', async (_what, grades, wanted) => {
    expect(await panel(grades, { decide: 'majority' })).toMatchObject(wanted)
  })

  test('seats judges with different questions', async () => {
    const judges = [
      { kind: 'closed-qa', model: 'a', criterion: 'It names days.' },
      { kind: 'factuality', model: 'a' },
    ]
    const { tools } = scriptedTools(({ messages }) =>
      messages[0]?.content.includes('"relation"')
        ? { reason: 'So.', relation: 'A' }
        : { reason: 'So.', meets: 'Y' },
    )

    expect(await judgeSample('jury', { judges }, { ...SAMPLE, expected: '30 days' }, tools)).toMatchObject({
      value: 0.7,
    })
  })

  test.each([
    [[{ kind: 'equals' }, { kind: 'rubric' }], /judges\.0\.kind: "equals" is no judge\. Known: rubric/],
    [[{ kind: 'jury', judges: [] }, { kind: 'rubric' }], /"jury" is no judge/],
    [
      [
        { kind: 'factuality', modle: 'm' },
        { kind: 'factuality', model: 'm' },
      ],
      /judges\.0: factuality: .*model/,
    ],
    [[{ kind: 'factuality', model: 'm' }], /at least 2/],
  ])('refuses %j', (judges, message) => {
    expect(() => prepareScorer({ kind: 'jury', settings: { judges } })).toThrow(message)
  })
})
