import { describe, expect, test } from 'vitest'
import { judgeSafely } from '../../../../src/evals/scorers/judge-safely.ts'
import type { Score, ScoreOutcome } from '../../../../src/evals/scorers/scorer.ts'
import { EMPTY_SAMPLE, NO_TOOLS } from '../../../support/judge-sample.ts'

const { signal } = new AbortController()
type Values = 'binary' | 'share' | 'unbounded'
const judge = (score: Score, values: Values = 'share') =>
  judgeSafely({ values, score }, EMPTY_SAMPLE, { signal, tools: NO_TOOLS })
const scored = (value: number, more: object = {}): ScoreOutcome => ({
  outcome: 'scored',
  value,
  passed: null,
  reason: 'So.',
  ...more,
})

describe('judging safely', () => {
  test('hands on what a scorer says', async () => {
    const outcome = scored(0.5, { details: { a: [1] } })

    expect(await judge(() => outcome)).toEqual(outcome)
    expect(await judge(async () => ({ outcome: 'abstained', reason: 'No text.' }))).toEqual({
      outcome: 'abstained',
      reason: 'No text.',
    })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
      'The scorer failed: broken',
    ],
    [
      'throws what is no error',
      () => {
        throw null
      },
      'The scorer failed: it threw something that is no error.',
    ],
    ['rejects', () => Promise.reject(new Error('later')), 'The scorer failed: later'],
  ] as [string, Score, string][])('a scorer that %s is an error', async (_what, score, reason) => {
    expect(await judge(score)).toEqual({ outcome: 'error', reason })
  })

  test.each([
    ['share', Number.NaN],
    ['share', Number.POSITIVE_INFINITY],
    ['share', -0.01],
    ['share', 1.01],
    ['binary', 0.5],
    ['binary', 2],
    ['unbounded', Number.NaN],
    ['unbounded', Number.NEGATIVE_INFINITY],
    ['unbounded', '5'],
  ] as [Values, number][])('a %s value of %d is an error that names it', async (values, value) => {
    const outcome = await judge(() => scored(value), values)

    expect(outcome).toMatchObject({ outcome: 'error', reason: expect.stringContaining(String(value)) })
  })

  test.each([
    ['binary', 1],
    ['share', 0.3],
    ['unbounded', -5],
  ] as [Values, number][])('a %s value of %d is scored', async (values, value) => {
    expect(await judge(() => scored(value), values)).toMatchObject({ outcome: 'scored', value })
  })

  test.each([
    undefined,
    null,
    'scored',
    5,
    {},
    { outcome: 'passed' },
    { outcome: 'scored', value: 1, passed: 'yes' },
  ])('what is no outcome is an error: %j', async (given) => {
    expect(await judge(() => given as unknown as ScoreOutcome)).toMatchObject({ outcome: 'error' })
  })

  test('bounds the reason without cutting a character, and leaves out details that are too large', async () => {
    const reason = `${'x'.repeat(998)}😀${'y'.repeat(1_000_000)}`

    const outcome = await judge(() => scored(1, { reason, details: { spans: 'z'.repeat(5_000) } }))

    expect(outcome.reason).toHaveLength(1_000)
    expect(outcome.reason.isWellFormed()).toBe(true)
    expect(outcome).toMatchObject({ details: { left_out: '5012 characters, where 4096 are kept' } })
  })

  test('details that are no JSON are an error', async () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle

    expect(await judge(() => scored(1, { details: cycle }))).toMatchObject({ outcome: 'error' })
  })

  test('a scorer that never answers ends with the signal, and so does one that begins after it', async () => {
    const controller = new AbortController()
    const never: Score = () => new Promise(() => undefined)

    const pending = judgeSafely({ values: 'share', score: never }, EMPTY_SAMPLE, {
      signal: controller.signal,
      tools: NO_TOOLS,
    })
    controller.abort()

    expect(await pending).toEqual({
      outcome: 'error',
      reason: 'The scorer failed: stopped before it answered',
    })
    expect(
      await judgeSafely({ values: 'share', score: never }, EMPTY_SAMPLE, {
        tools: NO_TOOLS,
        signal: controller.signal,
      }),
    ).toEqual({
      outcome: 'error',
      reason: 'The scorer was stopped before it began.',
    })
  })
})
