import { describe, expect, test } from 'vitest'
import type { RunScorer } from '../../../src/evals/runs/run-content.ts'
import { promotionVerdict, type SuiteEvidence } from '../../../src/promotion/evidence/verdict.ts'
import { OPEN, type Policy, type PolicyRule, sliceText } from '../../../src/promotion/policy.ts'
import { measured, scorer } from '../../support/measured-run.ts'

const NO_GATES = { atLeast: null, atMost: null, notWorseBy: null, observedAtLeast: null }
const rule = (given: Partial<PolicyRule>): PolicyRule => ({
  suite: null,
  scorer: 'right',
  slice: null,
  atLeast: null,
  atMost: null,
  notWorseBy: null,
  flipsAtMost: {},
  ...given,
})
const policy = (rules: PolicyRule[], more: Partial<Policy> = {}): Policy => ({
  ...OPEN,
  name: 'careful',
  suites: ['suite'],
  rules,
  ...more,
})
const shares = (ones: number, zeros: number) => [
  ...Array<number>(ones).fill(1),
  ...Array<number>(zeros).fill(0),
]
const FACTS = { id: 'run_x', subject: 'a@r2', hash: 'h', finishedAt: '', costMicroUsd: '0', unpriced: 0 }

function evidence(
  candidate: (number | null)[],
  baseline: (number | null)[] | null,
  {
    scorers = [scorer({ gates: NO_GATES })],
    ...more
  }: Partial<SuiteEvidence> & { scorers?: RunScorer[] } = {},
): SuiteEvidence {
  const named = scorers.map(({ name }) => name)
  const scored = (values: (number | null)[]) => Object.fromEntries(named.map((name) => [name, values]))
  return {
    suite: 'suite',
    candidate: measured(scorers, scored(candidate)),
    baseline: baseline === null ? null : measured(scorers, scored(baseline)),
    judges: new Map(),
    slices: new Map(),
    facts: { candidate: FACTS, baseline: baseline === null ? null : FACTS },
    ...more,
  }
}

describe('the verdict of a promotion', () => {
  test('passes where every rule does, and says what each rests on', () => {
    const rules = [rule({ atLeast: 0.8, notWorseBy: 0.05 })]
    const verdict = promotionVerdict(policy(rules), [evidence(shares(190, 10), shares(190, 10))])

    expect(verdict).toMatchObject({ outcome: 'pass', reasons: [] })
    expect(verdict.rules.map(({ rule: name, verdict: of }) => [name, of])).toEqual([
      ['at_least', 'pass'],
      ['not_worse_by', 'pass'],
    ])
    for (const one of verdict.rules) {
      expect(one.p).toBeLessThanOrEqual(0.05)
      expect(one.adjustedP).toBeGreaterThanOrEqual(one.p ?? 1)
      expect(one.coverage).toEqual({ scored: 200, abstained: 0, errors: 0, expected: 200 })
    }
  })

  test('of a first promotion asks for nothing that a baseline would have to say', () => {
    const rules = [rule({ atLeast: 0.8, notWorseBy: 0.05 })]
    const verdict = promotionVerdict(policy(rules), [evidence(shares(95, 5), null)])

    expect(verdict.outcome).toBe('pass')
    expect(verdict.rules.map(({ rule: name }) => name)).toEqual(['at_least'])
  })

  test('takes the stricter of what the policy and the suite demand', () => {
    const own = [scorer({ gates: { ...NO_GATES, atLeast: 0.9 } })]
    const bars = (bar: number) =>
      promotionVerdict(policy([rule({ atLeast: bar })]), [
        evidence(shares(95, 5), null, { scorers: own }),
      ]).rules.map(({ bar: of }) => of)

    expect([bars(0.5), bars(0.95)]).toEqual([[0.9], [0.95]])
  })

  test('looks at a slice alone, where a rule names one', () => {
    const slice = { language: 'de' }
    // Right everywhere but in the slice, which is a twentieth of all.
    const values = shares(190, 10)
    const slices = new Map([[sliceText(slice), new Set(Array.from({ length: 10 }, (_, at) => 190 + at))]])
    const verdict = promotionVerdict(policy([rule({ atLeast: 0.8 }), rule({ atLeast: 0.5, slice })]), [
      evidence(values, null, { slices }),
    ])

    expect(verdict.outcome).toBe('fail')
    expect(verdict.reasons[0]).toMatch(/^suite, right where language = de: at least 0.5 is demanded/)
    expect(verdict.rules.map(({ slice: of, verdict: is }) => [of, is])).toEqual([
      [null, 'pass'],
      ['language = de', 'fail'],
    ])
  })

  test.each([
    ['a slice without items', [rule({ atLeast: 0.5, slice: { language: 'fr' } })], shares(100, 0), /0 items/],
    [
      'fewer items than demanded',
      [rule({ atLeast: 0.5 })],
      shares(20, 0),
      /20 items, and the policy demands 50/,
    ],
    [
      'a scorer that no suite has',
      [rule({ atLeast: 0.1 }), rule({ scorer: 'other', atLeast: 0.1 })],
      shares(100, 0),
      /no suite of the policy has this scorer/,
    ],
    ['nothing that is demanded', [], shares(100, 0), /nothing is demanded of any scorer/],
    [
      'judgements that are missing',
      [rule({ atLeast: 0.1 })],
      [...shares(100, 0), ...Array<null>(10).fill(null)],
      /the policy demands 98 %/,
    ],
  ] as const)('with %s settles nothing', (_what, rules, values, reason) => {
    const given = policy([...rules], { evidence: { itemsMin: 50, freshMs: 1, coverage: 0.98 } })

    const verdict = promotionVerdict(given, [evidence([...values], null)])

    expect(verdict.outcome).toBe('inconclusive')
    expect(verdict.reasons.join('\n')).toMatch(reason)
  })

  test('is never that of a judge whom nobody has calibrated', () => {
    const judge = [scorer({ judge: true, gates: NO_GATES })]
    const verdict = promotionVerdict(policy([rule({ atLeast: 0.1 })]), [
      evidence(shares(100, 0), null, { scorers: judge }),
    ])

    expect(verdict).toMatchObject({ outcome: 'inconclusive', rules: [{ p: 1 }] })
    expect(verdict.reasons[0]).toContain('an uncalibrated judge reports and cannot block')
  })

  test('has a p that is at most α exactly where the rule passes', () => {
    for (const right of [84, 86, 88, 90, 92, 94, 96, 98]) {
      const { rules } = promotionVerdict(policy([rule({ atLeast: 0.85 })]), [
        evidence(shares(right, 100 - right), null),
      ])

      expect((rules[0]?.p ?? 1) <= 0.05).toBe(rules[0]?.verdict === 'pass')
    }
  })

  test('adjusted for many rules leaves open what passes by a hair alone', () => {
    const scorers = Array.from({ length: 10 }, (_, at) => scorer({ name: `s${at}`, gates: NO_GATES }))
    const rules = scorers.map(({ name }) => rule({ scorer: name, atLeast: 0.85 }))
    const given = [evidence(shares(92, 8), null, { scorers })]

    const each = promotionVerdict(policy(rules), given)
    const holm = promotionVerdict(policy(rules, { multiple: 'holm' }), given)

    expect(each.outcome).toBe('pass')
    expect(holm.outcome).toBe('inconclusive')
    expect(holm.reasons[0]).toMatch(/Among all rules its adjusted p is 0\.\d+, above 0.05/)
  })
})
