import { describe, expect, test } from 'vitest'
import type { ItemScores } from '../../../src/evals/runs/result-rows.ts'
import type { Measured } from '../../../src/evals/runs/verdict.ts'
import { evaluationOf } from '../../../src/promotion/cards/evaluation.ts'
import { missingFrom } from '../../../src/promotion/cards/missing.ts'
import { usdEach } from '../../../src/promotion/cards/usd-each.ts'
import { promotionVerdict, type SuiteEvidence } from '../../../src/promotion/evidence/verdict.ts'
import { OPEN, type Policy } from '../../../src/promotion/policy.ts'
import { contentOf } from '../../../src/registry/content.ts'
import { measured, scorer } from '../../support/measured-run.ts'
import { CARD } from '../../support/model-card.ts'

const RULE = { suite: null, scorer: 'right', slice: null, notWorseBy: null, atMost: null, flipsAtMost: {} }
const POLICY: Policy = { ...OPEN, suites: ['suite'], rules: [{ ...RULE, atLeast: 0.5 }] }

function evidenceOf(candidate: Measured, more: Partial<SuiteEvidence> = {}): SuiteEvidence {
  const facts = {
    id: 'run_a',
    subject: 'support-answer@r2',
    hash: 'h',
    finishedAt: '2026-11-28T12:00:00.000Z',
  }
  return {
    suite: 'suite',
    candidate,
    baseline: null,
    judges: new Map(),
    slices: new Map(),
    facts: { candidate: { ...facts, costMicroUsd: '0', unpriced: 0 }, baseline: null },
    ...more,
  }
}

describe('the evidence of a card', () => {
  test('names scorers that nothing is demanded of, and slices that rules name', () => {
    const values = Array.from({ length: 40 }, (_none, at) => (at % 10 === 0 ? 0 : 1))
    const candidate = measured([scorer(), scorer({ name: 'short' })], { right: values, short: values })
    const slice = { language: 'de' }
    const rules = [...POLICY.rules, { ...RULE, slice, atLeast: 0.1 }]
    const slices = new Map([['language = de', new Set(Array.from({ length: 20 }, (_none, at) => at))]])
    const verdict = promotionVerdict({ ...POLICY, rules }, [evidenceOf(candidate, { slices })])

    const { evaluation } = evaluationOf(verdict)

    expect(evaluation?.outcome).toBe('pass')
    expect(evaluation?.scorers.map((one) => [one.scorer, one.slice, one.estimate?.items])).toEqual([
      ['right', null, 40],
      ['short', null, 40],
      ['right', 'language = de', 20],
    ])
    // Wilson's interval of 36 among 40 (Wilson 1927): 0.769 and 0.960.
    const [first] = evaluation?.scorers ?? []
    expect(first?.estimate?.value).toBe(0.9)
    expect(first?.estimate?.low).toBeCloseTo(0.7695, 3)
    expect(first?.estimate?.high).toBeCloseTo(0.9604, 3)
    expect(evaluation?.rules.map((one) => [one.slice, one.rule, one.verdict])).toEqual([
      [null, 'at_least', 'pass'],
      ['language = de', 'at_least', 'pass'],
    ])
  })

  test('says of a judge whom it asks, and that nobody has calibrated it', () => {
    const judges = [
      { kind: 'rubric', model: 'openai/large' },
      { kind: 'rubric', model: 'claude/large' },
    ]
    const jury = scorer({ name: 'jury', kind: 'jury', judge: true, settings: { judges } })
    const single = scorer({ name: 'polite', kind: 'rubric', judge: true, settings: { model: 'lab/judge' } })
    const candidate = measured([jury, single], { jury: [1, 0, 1], polite: [1, 1, 1] })

    const { judges: told } = evaluationOf(promotionVerdict(POLICY, [evidenceOf(candidate)]))

    expect(told.map((one) => [one.scorer, one.models, one.decides, one.calibration, one.kappa])).toEqual([
      ['jury', ['claude/large', 'openai/large'], false, null, null],
      ['polite', ['lab/judge'], false, null, null],
    ])
  })

  test('carries how often perturbations turned a judgement', () => {
    const candidate = measured([scorer()], { right: [1, 1, 1, 0, 1, 1] })
    const items = candidate.scores.get('right') ?? []
    const perturbed = items.map((item, at): ItemScores => {
      const passRate = item.mean
      return at < 3
        ? { ...item, passRate }
        : { ...item, passRate, perturbation: 'names', origin: `q${at - 3}` }
    })
    const scores = new Map([['right', perturbed]])

    const { robustness } = evaluationOf(promotionVerdict(POLICY, [evidenceOf({ ...candidate, scores })]))

    expect(robustness).toEqual([
      expect.objectContaining({
        scorer: 'right',
        perturbation: 'names',
        pairs: 3,
        decided: 3,
        now_failing: 1,
      }),
    ])
    expect(robustness[0]?.rate?.value).toBeCloseTo(1 / 3)
  })

  test('is JSON also where an end has no bound', () => {
    const words = scorer({ name: 'words', kind: 'length', values: 'unbounded' })
    const candidate = measured([words], { words: [10, 20, 30] }, { group: () => 'one document' })
    const verdict = promotionVerdict({ ...POLICY, rules: [{ ...RULE, scorer: 'words', atLeast: 5 }] }, [
      evidenceOf(candidate),
    ])

    const { evaluation } = evaluationOf(verdict)

    expect(evaluation?.scorers[0]?.estimate).toMatchObject({ value: 20, low: null, high: null })
    expect(contentOf(verdict).hash).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('what is missing of a card', () => {
  const ref = (name: string) => ({ name, version: 1, hash: 'h' })
  const pinned = {
    prompt: ref('support-answer'),
    targets: [
      { model: ref('small'), weight: 90 },
      { model: ref('large'), weight: 10 },
    ],
  }
  const [model] = CARD.models
  if (model === undefined) throw new Error('The card has a model.')
  const complete = {
    ...CARD,
    models: [
      { ...model, version: 'small@1', licence: 'MIT' },
      { ...model, version: 'large@1', licence: 'proprietary' },
    ],
  }

  test('is nothing where everything is stated and a verdict was made', () => {
    expect(missingFrom(complete, pinned)).toEqual([])
  })

  test.each([
    [
      'the purpose',
      { purpose: null },
      /^No purpose: give prompts\/support-answer\.yaml the member description, then: aval prompt push support-answer; aval release create support-answer --prompt support-answer$/,
    ],
    ['the owner', { owner: null }, /^No owner: give prompts\/support-answer\.yaml the member owner/],
    [
      'a model’s licence',
      { models: [{ ...model, version: 'small@1', training: undefined }, ...complete.models.slice(1)] },
      /^No licence of model small@1: give model-versions\/small\.yaml the member licence, then: aval model push small; aval release create support-answer --model small=90 large=10$/,
    ],
    [
      'the licence of a model that was trained here',
      { models: [{ ...model, version: 'small@1' }, ...complete.models.slice(1)] },
      /^No licence of model small@1, which was trained here: .* aval finetune create --licence$/,
    ],
    [
      'the licence of some documents',
      {
        data: {
          ...CARD.data,
          index: {
            ...CARD.data.index!,
            licences: [
              { value: 'MIT', count: 390 },
              { value: null, count: 10 },
            ],
          },
        },
      },
      /^No licence of 10 of 400 documents of the source handbook: state license under sources\.handbook in aval\.yaml/,
    ],
    ['a verdict', { evaluation: null }, /^No evidence: .* aval promote support-answer r12 --to <label>$/],
  ])('names %s with what mends it', (_, change, sentence) => {
    expect(missingFrom({ ...complete, ...change }, pinned)).toEqual([expect.stringMatching(sentence)])
  })

  test('says of a release without a prompt that only a prompt states its purpose', () => {
    const said = missingFrom({ ...complete, purpose: null }, { ...pinned, prompt: null })

    expect(said).toEqual([
      expect.stringMatching(/^No purpose: a prompt states it, and this release has none\./),
    ])
  })
})

test('the cost of one answer is never rounded to nought', () => {
  expect(usdEach(1n, 3)).toBe('0.000000333333')
  expect(usdEach(2_500_000n, 2)).toBe('1.25')
  expect(usdEach(0n, 4)).toBe('0')
  expect(usdEach(0n, 0)).toBe(null)
})
