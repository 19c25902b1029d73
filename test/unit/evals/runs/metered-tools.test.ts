import { describe, expect, test } from 'vitest'
import type { Ask, Call } from '../../../../src/evals/runs/ask.ts'
import { meteredTools } from '../../../../src/evals/runs/metered-tools.ts'
import type { RunRow } from '../../../../src/evals/runs/run-rows.ts'
import { judgeSample, NO_TOOLS } from '../../../support/judge-sample.ts'

const ROW = { id: 'run_a', projectId: 'prj_a', suite: 'support' } as RunRow
const PAIR = { input: 'How long?', output: 'Within 30 days.', expected: 'A month.' }

/** Every question is answered alike, each at its own cost: the next of the list, null without a price. */
function metered(costs: readonly (bigint | null)[], output: string) {
  const calls: Call[] = []
  const ask: Ask = async (call) => {
    const cost = costs[calls.length]
    if (cost === undefined) throw new Error('A question more than was planned.')
    calls.push(call)
    const said = { toolCalls: [], finishReason: 'stop', contexts: [], retrieved: null }
    return {
      requestId: `req_${calls.length}`,
      latencyMs: 1,
      upstream: 'up',
      kind: 'answered',
      answer: { ...said, output, cost, free: false },
    }
  }
  const embed = async () => await Promise.reject(new Error('No vectors in this test.'))
  return { ...meteredTools({ ask, embed, evaluate: NO_TOOLS.evaluate, row: ROW }), calls }
}

describe('the questions of a judge', () => {
  test('are requests of the run, and what they cost is added up', async () => {
    const { tools, cost, calls } = metered([70n, 30n], '{"reason": "So.", "better": "tie"}')

    expect(await judgeSample('pairwise', { model: 'judges/large' }, PAIR, tools)).toMatchObject({
      value: 0.5,
    })
    expect(cost()).toBe(100n)
    expect(calls).toMatchObject([
      { projectId: 'prj_a', runId: 'run_a', runName: 'judge support', body: { model: 'judges/large' } },
      { body: { temperature: 0, response_format: { type: 'json_schema' } } },
    ])
  })

  test('count when nothing came of them', async () => {
    const { tools, cost } = metered([10n, 10n, 10n, 10n], 'Both are fine.')

    expect(await judgeSample('pairwise', { model: 'judges/large' }, PAIR, tools)).toMatchObject({
      outcome: 'error',
    })
    expect(cost()).toBe(40n)
  })

  test('without a known price make the whole unknown, which is not 0', async () => {
    const { tools, cost } = metered([10n, null], '{"reason": "So.", "better": "tie"}')
    await judgeSample('pairwise', { model: 'judges/large' }, PAIR, tools)

    expect(cost()).toBeNull()
  })
})
