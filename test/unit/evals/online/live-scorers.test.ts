import { describe, expect, test } from 'vitest'
import { liveProblem } from '../../../../src/evals/online/live-scorers.ts'
import { SCORER_KINDS } from '../../../../src/evals/scorers/registry.ts'
import type { Sample } from '../../../../src/evals/scorers/scorer.ts'
import type { JsonObject } from '../../../../src/lib/json.ts'
import { judgeSample, scriptedTools } from '../../../support/judge-sample.ts'
import { NEEDED } from '../../../support/needed-settings.ts'

/** Everything that a request can say. */
const LIVE: Partial<Sample> = {
  input: 'How long may shoes be returned?',
  prompt: 'How long may shoes be returned?',
  output: 'Shoes may be returned within 30 days [1]. We refund the price in 14 days [1].',
  contexts: ['Shoes may be returned within 30 days. We refund the price in 14 days.'],
  retrieved: { found: ['a'], relevant: [] },
  finishReason: 'stop',
  latencyMs: 5,
  cost: 7n,
}
const single = SCORER_KINDS.map(({ kind }) => kind).filter((kind) => kind !== 'jury')

describe('a scorer of live traffic', () => {
  test.each(single)('%s is refused exactly when it would abstain from everything', async (kind) => {
    const settings = NEEDED[kind] ?? {}
    const { tools } = scriptedTools(() => ({ reason: 'So it is.', meets: 'Y', verdict: 'yes' }))

    const { outcome } = await judgeSample(kind, settings, LIVE, tools)

    expect(liveProblem({ kind, settings }) !== null).toBe(outcome === 'abstained')
  })

  test.each<[string, JsonObject]>([
    ['contains', { value: 'days' }],
    ['not-contains', { value: 'days' }],
    ['pairwise', { model: 'm', other: 'Thirty days.' }],
    ['jury', { judges: [{ kind: 'faithfulness', model: 'm' }] }],
  ])('%s is let through with a setting of its own', (kind, settings) => {
    expect(liveProblem({ kind, settings })).toBeNull()
  })

  test.each<[string, JsonObject, RegExp]>([
    ['equals', {}, /"equals" compares with what an item expects.*Give it "value"/],
    ['not-contains', {}, /"not-contains" compares/],
    ['mrr', {}, /judges by the relevant documents/],
    ['assertions', {}, /the assertions of an item.*Run it in a suite/],
    ['jury', { judges: [{ kind: 'faithfulness' }, { kind: 'factuality' }] }, /"factuality" compares/],
  ])('%s is refused by name, with what to write', (kind, settings, problem) => {
    expect(liveProblem({ kind, settings })).toMatch(problem)
  })
})
