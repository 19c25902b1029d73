import { describe, expect, test } from 'vitest'
import { exitCodeOf } from '../../../../src/evals/reports/exit-code.ts'
import type { JudgeCalibration } from '../../../../src/evals/runs/calibration.ts'
import type { RunScorer } from '../../../../src/evals/runs/run-content.ts'
import { verdictOf } from '../../../../src/evals/runs/verdict.ts'
import { seededRandom } from '../../../../src/lib/random.ts'
import { wilsonInterval } from '../../../../src/lib/statistics/proportion.ts'
import { measured, scorer } from '../../../support/measured-run.ts'

const shares = (ones: number, zeros: number, unknown = 0) => [
  ...Array<number>(ones).fill(1),
  ...Array<number>(zeros).fill(0),
  ...Array<null>(unknown).fill(null),
]
const gated = (gates: Partial<RunScorer['gates']>, more: Partial<RunScorer> = {}) =>
  scorer({
    ...more,
    gates: { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null, ...gates },
  })

describe('a verdict', () => {
  test('of a suite that demands nothing only measures', () => {
    const verdict = verdictOf(measured([scorer()], { right: shares(9, 1) }), null)

    expect(verdict).toMatchObject({ verdict: 'measured', reasons: [], items: 10, baseline: null })
    expect(verdict.scorers[0]?.estimate?.estimate).toBeCloseTo(0.9)
  })

  test.each([
    ['passes when every item does', shares(3, 0), 'pass', 0],
    ['fails when one does not', shares(999, 1), 'fail', 100],
    ['fails by one item, whatever else is missing', shares(2, 1, 1), 'fail', 100],
    ['decides nothing about what was not judged', shares(2, 0, 1), 'inconclusive', 102],
    ['decides nothing when nothing was judged', shares(0, 0, 3), 'inconclusive', 102],
  ] as const)('on the observed mean %s', (_what, values, wanted, exitCode) => {
    const scorers = [gated({ observedAtLeast: 1 })]
    const verdict = verdictOf(measured(scorers, { right: values }, { coverage: 1 }), null)

    expect(verdict.verdict).toBe(wanted)
    expect(exitCodeOf(verdict)).toBe(exitCode)
  })

  test.each([
    ['passes when even the lower bound reaches the bar', shares(99, 1), 'pass'],
    ['fails when not even the upper bound does', shares(50, 50), 'fail'],
    ['decides nothing in between', shares(92, 8), 'inconclusive'],
  ] as const)('with a bar of .9 %s', (_what, values, wanted) => {
    const verdict = verdictOf(measured([gated({ atLeast: 0.9 })], { right: values }), null)

    expect(verdict.verdict).toBe(wanted)
    expect(verdict.scorers[0]?.gates[0]?.reason).toMatch(
      /at least 0.9 is demanded, and the mean lies between/,
    )
  })

  test('counts what is unknown against the candidate before it passes, and for it before it fails', () => {
    const pass = (unknown: number) =>
      verdictOf(measured([gated({ atLeast: 0.9 })], { right: shares(99, 1, unknown) }, { coverage: 0 }), null)
    const fail = (unknown: number) =>
      verdictOf(
        measured([gated({ atLeast: 0.9 })], { right: shares(70, 30, unknown) }, { coverage: 0 }),
        null,
      )

    expect([pass(0).verdict, pass(10).verdict]).toEqual(['pass', 'inconclusive'])
    expect([fail(0).verdict, fail(200).verdict]).toEqual(['fail', 'inconclusive'])
  })

  test('is not reached with less judged than the suite demands, and says of what', () => {
    const verdict = verdictOf(measured([gated({ atLeast: 0.5 })], { right: shares(95, 0, 5) }), null)

    expect(verdict).toMatchObject({ verdict: 'inconclusive', uncovered: true })
    expect(verdict.reasons[0]).toBe(
      'right: 95 of 100 judged, and the suite demands 98 % (5 abstained, 0 errors).',
    )
  })

  test('leaves a scorer that demands nothing its abstentions, but not what failed or was never judged', () => {
    const looked = { right: shares(100, 0), seen: shares(50, 0, 50) }
    const scorers = [gated({ atLeast: 0.5 }), scorer({ name: 'seen' })]
    const abstained = verdictOf(measured(scorers, looked), null)
    const failed = measured(scorers, looked)
    const items = failed.scores
      .get('seen')!
      .map((item) => ({ ...item, abstained: 0, errors: 1 - item.scored }))
    const broken = verdictOf({ ...failed, scores: new Map([...failed.scores, ['seen', items]]) }, null)

    expect(abstained).toMatchObject({ verdict: 'pass', uncovered: false, reasons: [] })
    expect(broken).toMatchObject({ verdict: 'inconclusive', uncovered: true })
    expect(broken.reasons[0]).toMatch(/^seen: 50 of 100 judged.*50 errors/)
  })

  test('one gate that fails is enough, whatever the others say', () => {
    const scorers = [gated({ atLeast: 0.1 }), gated({ atMost: 0.1 }, { name: 'wordy', kind: 'length' })]
    const verdict = verdictOf(measured(scorers, { right: shares(90, 10), wordy: shares(90, 10) }), null)

    expect(verdict.verdict).toBe('fail')
    expect(verdict.reasons).toEqual([expect.stringMatching(/^wordy: at most 0.1 is demanded/)])
  })

  test.each([
    [900, 'pass'],
    [300, 'fail'],
    [500, 'inconclusive'],
  ])('of milliseconds, at most %d of them, %s, whatever a share may be', (atMost, verdict) => {
    const slow = gated({ atMost }, { kind: 'latency', values: 'unbounded', better: 'lower' })
    const run = measured([slow], { right: [400, 450, 500, 520, 560, 610, null] }, { coverage: 0.8 })

    const [gate] = verdictOf(run, null).scorers[0]?.gates ?? []

    expect(gate?.verdict).toBe(verdict)
    expect(gate?.low).toBeGreaterThan(400)
    expect(gate?.high).toBeLessThan(610)
  })

  test('does not compare with a baseline that was judged by other rules, and says so', () => {
    const own = gated({ notWorseBy: 0.05 }, { settings: { ignore_case: true } })
    const baseline = measured([scorer()], { right: shares(180, 20) }, { id: 'run_b' })

    const verdict = verdictOf(measured([own], { right: shares(200, 0) }), baseline)

    expect(verdict).toMatchObject({ verdict: 'inconclusive', baseline: { id: 'run_b', sharedItems: 200 } })
    expect(verdict.scorers[0]?.compared).toBeNull()
    expect(verdict.reasons[0]).toMatch(/^right: not compared, as the baseline was judged by other rules/)
  })

  test('without a baseline leaves a comparison undecided, and says how to name one', () => {
    const verdict = verdictOf(measured([gated({ notWorseBy: 0.02 })], { right: shares(100, 0) }), null)

    expect(verdict.verdict).toBe('inconclusive')
    expect(verdict.reasons[0]).toMatch(/--against production/)
  })

  test.each([
    ['as good', 0, 'pass'],
    ['much worse', 40, 'fail'],
    ['a little worse', 4, 'inconclusive'],
  ] as const)(
    'against a baseline, a candidate that is %s: %i of 200 answers got worse',
    (_what, worse, wanted) => {
      const scorers = [gated({ notWorseBy: 0.03 })]
      const baseline = measured(scorers, { right: shares(180, 20) }, { id: 'run_b' })
      const candidate = measured(scorers, { right: shares(180 - worse, 20 + worse) })

      const verdict = verdictOf(candidate, baseline)

      expect(verdict.verdict).toBe(wanted)
      expect(verdict.baseline).toMatchObject({ id: 'run_b', sharedItems: 200 })
      if (wanted === 'inconclusive') expect(verdict.scorers[0]?.gates[0]?.itemsMore).toBeGreaterThan(0)
    },
  )

  test('turns round what is better when lower, in time as in shares', () => {
    const time = gated({ notWorseBy: 50 }, { name: 'time', values: 'unbounded', better: 'lower' })
    const random = seededRandom(1)
    const base = Array.from({ length: 80 }, () => 500 + random() * 40)
    const against = (slower: number) =>
      verdictOf(
        measured([time], { time: base.map((ms) => ms + slower + random()) }),
        measured([time], { time: base }, { id: 'run_b' }),
      )

    expect([against(10).verdict, against(100).verdict, against(-100).verdict]).toEqual([
      'pass',
      'fail',
      'pass',
    ])
    expect(against(-100).scorers[0]?.compared?.reads).toBe('better')
    expect(against(100).scorers[0]?.compared?.reads).toBe('worse')
  })

  test('compares only items that both runs have with the same content', () => {
    const scorers = [gated({ notWorseBy: 0.2 })]
    const baseline = measured(scorers, { right: shares(60, 0) }, { id: 'run_b' })
    const other = measured(scorers, { right: shares(60, 20) })
    const changed = other.scores
      .get('right')!
      .map((item) => (item.position < 10 ? { ...item, hash: 'new' } : item))

    const verdict = verdictOf({ ...other, scores: new Map([['right', changed]]) }, baseline)

    expect(verdict.baseline?.sharedItems).toBe(50)
    expect(verdict.scorers[0]?.compared?.difference?.items).toBe(50)
  })

  test('of grouped items rests on the groups: many questions about few documents prove little', () => {
    const values = shares(95, 5)
    const alone = verdictOf(measured([gated({ atLeast: 0.85 })], { right: values }), null)
    const grouped = verdictOf(
      measured(
        [gated({ atLeast: 0.85 })],
        { right: values },
        { group: (at) => `doc ${Math.floor(at / 20)}` },
      ),
      null,
    )

    expect([alone.verdict, grouped.verdict]).toEqual(['pass', 'inconclusive'])
    expect(grouped.scorers[0]?.estimate?.groups).toBe(5)
  })

  test('is the same each time it is made', () => {
    const random = seededRandom(3)
    const values = Array.from({ length: 50 }, () => random())
    const once = () => verdictOf(measured([scorer({ values: 'share' })], { right: values }), null)

    expect(once()).toEqual(once())
  })

  test('adjusts for many scorers: a difference that one of twenty would show by chance is none', () => {
    const names = Array.from({ length: 20 }, (_, at) => `s${at}`)
    const scorers = names.map((name) => scorer({ name }))
    const even = Object.fromEntries(names.map((name) => [name, shares(50, 50)]))
    const shifted = { ...even, s0: [...shares(44, 0), ...shares(0, 6), ...shares(0, 50)] }

    const alone = verdictOf(
      measured([scorer({ name: 's0' })], { s0: shifted.s0! }),
      measured([scorer({ name: 's0' })], { s0: even.s0! }, { id: 'run_b' }),
    )
    const among = verdictOf(measured(scorers, shifted), measured(scorers, even, { id: 'run_b' }))

    expect(alone.scorers[0]?.compared?.reads).toBe('worse')
    expect(among.scorers[0]?.compared?.reads).toBe('no difference seen')
  })
})

describe('an uncalibrated judge', () => {
  const judge = (gates: Partial<RunScorer['gates']> = {}) =>
    gated(gates, { name: 'faithful', kind: 'faithfulness', values: 'share', judge: true })

  test.each([
    ['passes nothing', { atLeast: 0.5 }, shares(200, 0)],
    ['fails nothing', { atLeast: 0.5 }, shares(0, 200)],
    ['does not turn a demand round either', { atMost: 0.5 }, shares(200, 0)],
  ])('%s: its gate is undecided, with what it reports', (_what, gates, values) => {
    const verdict = verdictOf(measured([judge(gates)], { faithful: values }), null)

    expect(verdict).toMatchObject({ verdict: 'inconclusive', uncovered: false })
    expect(verdict.scorers[0]).toMatchObject({ decides: false, gates: [{ verdict: 'inconclusive' }] })
    expect(verdict.reasons).toEqual([
      expect.stringMatching(
        /^faithful: an uncalibrated judge reports and cannot block\. Its bounds are [\d.]+ and [\d.]+\.$/,
      ),
    ])
  })

  test('says the same of a comparison', () => {
    const baseline = measured([judge()], { faithful: shares(200, 0) }, { id: 'run_b' })
    const verdict = verdictOf(measured([judge({ notWorseBy: 0.05 })], { faithful: shares(0, 200) }), baseline)

    expect(verdict.scorers[0]?.gates).toMatchObject([
      { rule: 'not_worse_by', verdict: 'inconclusive', itemsMore: null },
    ])
    expect(verdict.scorers[0]?.compared?.reads).toBe('worse')
  })

  test('that left much unjudged is reported and holds up nothing that others decide', () => {
    const scorers = [gated({ atLeast: 0.5 }), judge()]
    const run = measured(scorers, { right: shares(200, 0), faithful: shares(20, 0, 180) })
    const items = run.scores
      .get('faithful')!
      .map((item) => ({ ...item, abstained: 0, errors: 1 - item.scored }))
    const verdict = verdictOf({ ...run, scores: new Map([...run.scores, ['faithful', items]]) }, null)

    expect(verdict).toMatchObject({ verdict: 'pass', uncovered: false })
    expect(verdict.reasons).toEqual([expect.stringMatching(/^faithful: 20 of 200 judged/)])
  })
})

describe('a gate on flips', () => {
  // Pairs, each original passing; `after` is what became of the perturbed one.
  function gateOf(after: readonly (number | null)[], bar = 0.1) {
    const one = gated({ flipsAtMost: { typos: bar } })
    const run = measured(
      [one],
      { right: [...after.map(() => 1), ...after] },
      { group: (at) => `g${at % after.length}` },
    )
    const items = (run.scores.get('right') ?? []).map((item, at) => ({
      ...item,
      passRate: item.mean,
      ...(at >= after.length && { perturbation: 'typos', origin: `q${at - after.length}` }),
    }))
    return verdictOf({ ...run, scores: new Map([['right', items]]) }, null).scorers[0]?.gates[0]
  }

  test.each([
    ['passes where the upper bound is within the bar', shares(100, 0), 'pass'],
    ['fails where the lower bound is above it', shares(50, 50), 'fail'],
    ['settles nothing between', shares(92, 8), 'inconclusive'],
    ['counts undecided pairs as flipped before it passes', shares(90, 0, 10), 'inconclusive'],
    ['settles nothing without a decided pair', shares(0, 0, 3), 'inconclusive'],
    ['settles nothing without pairs', [], 'inconclusive'],
  ])('%s', (_, after, verdict) => {
    expect(gateOf(after)).toMatchObject({ rule: 'flips_at_most', perturbation: 'typos', verdict })
  })

  test('says the bounds it rests on: those of no flip in 30 pairs', () => {
    const { low, high } = wilsonInterval(0, 30, 0.9)

    expect(gateOf(shares(30, 0))).toMatchObject({ low, high })
    expect(high).toBeCloseTo(0.083, 3)
  })
})

describe('a calibrated judge', () => {
  const judge = (gates: Partial<RunScorer['gates']>) =>
    gated(gates, { name: 'polite', kind: 'closed-qa', values: 'binary', judge: true })
  const rate = (estimate: number, items: number) => ({
    estimate,
    low: estimate - 0.04,
    high: estimate + 0.04,
    se: Math.sqrt((estimate * (1 - estimate)) / items),
    method: 'wilson@1' as const,
    items,
    groups: items,
  })
  /** It calls a quarter of the bad answers good. */
  const calibration: JudgeCalibration = {
    id: 'cal_1',
    misses: [],
    truths: 400,
    kappa: { estimate: 0.72, low: 0.65, high: 0.79 },
    sensitivity: rate(0.95, 200),
    specificity: rate(0.75, 200),
    isRate: true,
  }
  const known = (more: Partial<JudgeCalibration> = {}) =>
    new Map([['polite', { calibration: { ...calibration, ...more }, rated: [] }]])

  test('decides by what people would have said: praise that it gives to bad answers passes no gate', () => {
    // 0.6 by the judge is (0.6 + 0.75 − 1) / 0.7 = 0.5.
    const run = measured([judge({ atLeast: 0.55 })], { polite: shares(1_200, 800) })
    const verdict = verdictOf(run, null, known())
    const [polite] = verdict.scorers

    expect(verdict.verdict).not.toBe('pass')
    expect(polite).toMatchObject({ decides: true, calibration: { id: 'cal_1', qualifies: true } })
    expect(polite?.estimate?.estimate).toBe(0.6)
    expect(polite?.corrected).toMatchObject({ estimate: expect.closeTo(0.5, 10), method: 'rogan-gladen@1' })
    expect(polite?.gates[0]?.reason).toMatch(
      /the mean as people would give it lies between 0\.4\d+ and 0\.5\d+/,
    )
    const lower = measured([judge({ atLeast: 0.3 })], { polite: shares(1_200, 800) })
    expect(verdictOf(lower, null, known()).verdict).toBe('pass')
  })

  test('counts what it left unjudged at its worst, uncorrected', () => {
    const run = measured([judge({ atLeast: 0.3 })], { polite: shares(600, 400, 1_000) }, { coverage: 0 })
    const [gate] = verdictOf(run, null, known()).scorers[0]?.gates ?? []

    expect(gate?.verdict).toBe('inconclusive')
    expect(gate?.low).toBeLessThan(0.25)
    expect(gate?.high).toBeGreaterThan(0.75)
  })

  test('sees differences smaller than they are, so less of a loss passes', () => {
    const baseline = measured([judge({})], { polite: shares(1_000, 1_000) }, { id: 'run_b' })
    const worse = measured([judge({ notWorseBy: 0.05 })], { polite: shares(950, 1_050) })
    const alike = measured([judge({ notWorseBy: 0.05 })], { polite: shares(1_000, 1_000) })

    const [gate] = verdictOf(worse, baseline, known()).scorers[0]?.gates ?? []
    const [same] = verdictOf(alike, baseline, known()).scorers[0]?.gates ?? []

    expect(gate?.reason).toMatch(/at most 0\.05 worse is allowed \(seen by this judge as 0\.031\)/)
    expect(gate?.verdict).toBe('inconclusive')
    expect(same?.verdict).toBe('pass')
  })

  test('that its calibration does not qualify says why it cannot block', () => {
    const misses = ['The lower end of kappa is 0.41, and 0.6 is needed.']
    const run = measured([judge({ atLeast: 0.3 })], { polite: shares(600, 400) })
    const verdict = verdictOf(run, null, known({ misses }))

    expect(verdict).toMatchObject({ verdict: 'inconclusive', scorers: [{ decides: false }] })
    expect(verdict.reasons).toEqual([
      expect.stringMatching(/^polite: a judge that its calibration does not qualify .* cal_1: The lower end/),
    ])
  })

  test('that leaves too much unjudged holds the verdict up', () => {
    const run = measured([judge({ atLeast: 0.3 })], { polite: shares(600, 300, 100) })

    expect(verdictOf(run, null, known())).toMatchObject({ verdict: 'inconclusive', uncovered: true })
  })
})
