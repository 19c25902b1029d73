import { describe, expect, test } from 'vitest'
import { judgeCanary, type Standing } from '../../../../src/promotion/canary/judge-canary.ts'
import type { MetricVerdict } from '../../../../src/promotion/canary/judge-metric.ts'
import type { Arm } from '../../../../src/promotion/canary/metrics.ts'
import type { Plan } from '../../../../src/promotion/canary/plan.ts'
import { PLAN } from '../../../support/canary-arms.ts'

const NOTHING: Arm = {
  requests: 0,
  errors: 0,
  refusals: 0,
  latency: [],
  ttft: [],
  cost: { known: 0, sum: 0n, squares: 0n, unknown: 0 },
  quality: {},
}
const arm = (requests: number, errors: number, other: Partial<Arm> = {}): Arm => ({
  ...NOTHING,
  requests,
  errors,
  ...other,
})
const errorsOnly: Plan = { ...PLAN, margins: { errors: 0.02 } }
const DONE: Standing = { stage: 0, stageMs: PLAN.holdMs }
const judge = (plan: Plan, stable: Arm, candidate: Arm, standing = DONE) =>
  judgeCanary(plan, { stable, candidate }, standing)
const only = (metrics: readonly MetricVerdict[]) => metrics[0]!

describe('a canary', () => {
  test('of which nothing is harmful goes on once the stage has lasted and the candidate has had its requests', () => {
    const { decision, cause, reasons } = judge(errorsOnly, arm(3_000, 30), arm(300, 3))

    expect([decision, cause]).toEqual(['advance', 'rule'])
    expect(reasons).toEqual(['No metric watched is harmful (1 in all), at α 0.05 over the whole canary.'])
  })

  test('waits for time and requests, and says how much is left', () => {
    const early = { stage: 0, stageMs: 600_000 }

    const { decision, reasons } = judge(errorsOnly, arm(3_000, 30), arm(120, 1), early)

    expect(decision).toBe('hold')
    expect(reasons).toEqual([
      'The stage lasts 20 min more of 30 min.',
      'The candidate has had 120 of 200 requests of the stage.',
    ])
  })

  test('is rolled back for harm at once, whatever the stage, with the numbers', () => {
    const early = { stage: 0, stageMs: 0 }

    const { decision, cause, reasons } = judge(errorsOnly, arm(10_000, 100), arm(100, 30), early)

    expect([decision, cause]).toEqual(['roll_back', 'harm'])
    expect(reasons).toEqual([
      'errors: 30.0 % of 100 requests against 1.0 % of 10,000 requests; worse by 13.9 points to 46.6 points, above the margin of 2.0 points.',
    ])
  })

  test('is rolled back for harm of one metric, though every other one is harmless', () => {
    const plan = { ...PLAN, margins: { errors: 0.02, refusals: 0.05 } }

    const { cause, metrics } = judge(plan, arm(50_000, 500), arm(50_000, 500, { refusals: 25_000 }))

    expect(cause).toBe('harm')
    expect(metrics.map(({ state }) => state)).toEqual(['harmless', 'harmful'])
  })

  test('that must be proven waits for every metric, with about how many requests settle it', () => {
    const plan: Plan = { ...errorsOnly, advance: 'proven' }
    const [few, many] = [
      judge(plan, arm(3_000, 30), arm(300, 3)),
      judge(plan, arm(50_000, 500), arm(5_000, 50)),
    ]

    expect([few.decision, only(few.metrics).state]).toEqual(['hold', 'open'])
    expect(few.reasons[0]).toMatch(/around the margin of 2.0 points; about [\d,]+ requests more settle it/)
    expect([many.decision, only(many.metrics).state]).toEqual(['advance', 'harmless'])
    expect(many.reasons).toEqual([
      'Every metric watched is harmless (1 in all), at α 0.05 over the whole canary.',
    ])
  })

  test('whose traffic stops holds, and is rolled back without a verdict when the longest wait is over', () => {
    const at = (stageMs: number) => judge(errorsOnly, arm(3_000, 30), arm(50, 0), { stage: 1, stageMs })

    expect(at(PLAN.maxWaitMs - 1)).toMatchObject({ decision: 'hold', cause: 'waiting' })
    expect(at(PLAN.maxWaitMs)).toMatchObject({ decision: 'roll_back', cause: 'no_verdict' })
    expect(at(PLAN.maxWaitMs).reasons).toEqual([
      'No verdict after 24 h, the longest wait of a stage.',
      'The candidate has had 50 of 200 requests of the stage.',
    ])
  })

  test('that has met its rule goes on, even late', () => {
    const late = { ...DONE, stageMs: 2 * PLAN.maxWaitMs }

    expect(judge(errorsOnly, arm(3_000, 30), arm(300, 3), late).decision).toBe('advance')
  })
})

describe('a metric that nothing is known of is no pass', () => {
  test.each([
    ['neither arm has a value yet', NOTHING, NOTHING],
    ['the candidate has no value yet', arm(300, 3), NOTHING],
    ['what is stable has no value yet', NOTHING, arm(300, 3)],
  ])('where %s', (what, stable, candidate) => {
    const { decision, reasons, metrics } = judge(errorsOnly, stable, candidate)

    expect(decision).toBe('hold')
    expect(reasons.at(-1)).toBe(`errors: ${what}.`)
    expect(only(metrics)).toMatchObject({ state: 'open', harm: { estimate: null } })
  })

  test('when requests have neither time, cost nor score', () => {
    const { decision, metrics } = judge(PLAN, arm(300, 3), arm(300, 3))

    expect(decision).toBe('hold')
    expect(metrics.map(({ metric, harm }) => [metric, harm.estimate === null])).toEqual([
      ['errors', false],
      ['refusals', false],
      ['latency', true],
      ['ttft', true],
      ['cost', true],
      ['quality/answered', true],
    ])
  })

  test.each<[string, Partial<Arm>, RegExp]>([
    ['NaN requests', { requests: Number.NaN }, /requests is NaN/],
    ['more errors than requests', { errors: 301 }, /errors is 301/],
    ['half an error', { errors: 0.5 }, /errors is 0.5/],
    [
      'an infinite time',
      { latency: [{ value: Number.POSITIVE_INFINITY, count: 1 }] },
      /values\[0\] is Infinity/,
    ],
    ['a time before nought', { latency: [{ value: -1, count: 1 }] }, /A time of -1 ms/],
    [
      'squares that no costs have',
      { cost: { known: 2, sum: 10n, squares: 10n, unknown: 0 } },
      /No 2 costs add up to 10/,
    ],
    ['costs below nought', { cost: { known: 2, sum: -10n, squares: 50n, unknown: 0 } }, /No 2 costs/],
    ['costs of nothing', { cost: { known: 0, sum: 1n, squares: 0n, unknown: 0 } }, /No 0 costs/],
    [
      'a score that is NaN',
      { quality: { answered: { values: [Number.NaN], unknown: 0 } } },
      /value\[0\] is NaN/,
    ],
    ['a score of 7', { quality: { answered: { values: [7], unknown: 0 } } }, /value\[0\] is 7/],
  ])('when it has %s: an error that says so, until the wait is over', (_name, wrong, message) => {
    const late = { ...DONE, stageMs: PLAN.maxWaitMs }
    const { decision, metrics } = judge(PLAN, arm(300, 3), arm(300, 3, wrong))
    const broken = metrics.filter(({ state }) => state === 'error')

    expect(decision).toBe('hold')
    expect(broken.length).toBeGreaterThan(0)
    for (const { reason } of broken) expect(reason).toMatch(message)
    expect(judge(PLAN, arm(300, 3), arm(300, 3, wrong), late).cause).toBe('no_verdict')
  })
})

describe('each kind of metric', () => {
  const plan = (margins: Plan['margins']): Plan => ({ ...PLAN, margins })
  const evenTimes = (least: number) =>
    Array.from({ length: 1_000 }, (_, at) => ({ value: least + at, count: 4 }))
  const costs = (each: bigint, requests: number) => ({
    known: requests,
    // Half of them at half the price, half at one and a half.
    sum: each * BigInt(requests),
    squares: (5n * each * each * BigInt(requests)) / 4n,
    unknown: 0,
  })

  test('times are compared as a ratio of a quantile', () => {
    const latency = plan({ latency: { quantile: 0.95, ratio: 0.2 } })
    const [slow, alike] = [4_000, 1_000].map((least) =>
      judge(
        latency,
        arm(4_000, 0, { latency: evenTimes(1_000) }),
        arm(4_000, 0, { latency: evenTimes(least) }),
      ),
    )

    expect(only(slow!.metrics)).toMatchObject({ state: 'harmful', candidate: { n: 4_000, estimate: 4_949 } })
    expect(only(slow!.metrics).harm.low).toBeGreaterThan(1.4)
    expect(only(alike!.metrics).state).toBe('harmless')
    expect(only(alike!.metrics).reason).toMatch(/^latency: p95 1950 ms of 4,000 requests against p95 1950 ms/)
  })

  test('costs are compared as a ratio of means, in exact sums, and begin with enough of them', () => {
    const cost = plan({ cost: { ratio: 0.2 } })
    const stable = arm(5_000, 0, { cost: costs(1_000n, 5_000) })
    const [dear, alike, few] = [costs(2_000n, 1_000), costs(1_000n, 5_000), costs(9_000n, 100)].map((of) =>
      only(judge(cost, stable, arm(of.known, 0, { cost: of })).metrics),
    )

    expect(dear).toMatchObject({ state: 'harmful', candidate: { estimate: 2_000 } })
    expect(alike!.state).toBe('harmless')
    expect(few).toMatchObject({ state: 'open', candidate: { low: 0, high: Infinity }, requestsMore: null })
    expect(few!.reason).toContain('too few values for a bound yet')
  })

  test('beside what costs nothing any cost is harm, and none is harmless', () => {
    const cost = plan({ cost: { ratio: 0.2 } })
    const free = { known: 2_000, sum: 0n, squares: 0n, unknown: 0 }
    const verdicts = [costs(10n, 2_000), free].map((of) =>
      only(judge(cost, arm(2_000, 0, { cost: free }), arm(2_000, 0, { cost: of })).metrics),
    )

    expect(verdicts.map(({ state }) => state)).toEqual(['harmful', 'harmless'])
  })

  test('scores are better when higher', () => {
    const quality = plan({ quality: { answered: 0.05 } })
    const scored = (score: number) => ({
      answered: {
        values: Array.from({ length: 2_000 }, (_, at) => (at % 2 === 0 ? score : score - 0.2)),
        unknown: 0,
      },
    })
    const [worse, better] = [0.6, 1].map((score) =>
      only(
        judge(quality, arm(2_000, 0, { quality: scored(0.9) }), arm(2_000, 0, { quality: scored(score) }))
          .metrics,
      ),
    )

    expect(worse).toMatchObject({ metric: 'quality/answered', state: 'harmful' })
    expect(worse!.harm.estimate).toBeCloseTo(0.3, 9)
    expect(better!.state).toBe('harmless')
  })

  test('is not called harmless while more than a twentieth of its values is missing', () => {
    const cost = plan({ cost: { ratio: 0.2 } })
    const of = (unknown: number) =>
      only(
        judge(
          cost,
          arm(5_000, 0, { cost: costs(1_000n, 5_000) }),
          arm(5_000, 0, { cost: { ...costs(1_000n, 5_000), unknown } }),
        ).metrics,
      )

    expect(of(200).state).toBe('harmless')
    expect(of(600)).toMatchObject({ state: 'open' })
    expect(of(600).reason).toContain('11 % of the values are missing')
  })
})

test.each<[string, Partial<Plan>, RegExp]>([
  ['nothing to watch', { margins: {} }, /watches nothing/],
  ['a margin of 0', { margins: { errors: 0 } }, /margin of errors is 0/],
  ['a margin that is NaN', { margins: { cost: { ratio: Number.NaN } } }, /margin of cost is NaN/],
  ['a quantile of 95', { margins: { ttft: { quantile: 95, ratio: 0.2 } } }, /quantile of ttft is 95/],
  ['stages that fall', { stages: [1_000, 100] }, /stages\[1\] is 100/],
  ['no stage', { stages: [] }, /needs a stage/],
  ['an α of 1', { alpha: 1 }, /alpha is 1/],
  ['a wait shorter than the hold', { maxWaitMs: 1 }, /maxWaitMs is 1/],
  ['an endless wait', { maxWaitMs: Number.POSITIVE_INFINITY }, /durations\[1\] is Infinity/],
])('a plan with %s is refused', (_name, wrong, message) => {
  expect(() => judge({ ...PLAN, ...wrong }, arm(300, 3), arm(300, 3))).toThrow(message)
})

test.each<[Partial<Standing>, RegExp]>([
  [{ stage: 3 }, /stage is 3/],
  [{ stageMs: Number.NaN }, /stageMs is NaN/],
])('a standing of %j is refused', (wrong, message) => {
  expect(() => judge(errorsOnly, arm(300, 3), arm(300, 3), { ...DONE, ...wrong })).toThrow(message)
})
