import { expect, test } from 'vitest'
import { prepareScorer } from '../../../../src/evals/scorers/registry.ts'
import { judgeSample, scoreOf } from '../../../support/judge-sample.ts'

test('finish-reason wants stop, or what the suite says', async () => {
  expect(await scoreOf('finish-reason', {}, { finishReason: 'stop' })).toBe(1)
  expect(await scoreOf('finish-reason', {}, { finishReason: 'length' })).toBe(0)
  expect(
    await scoreOf('finish-reason', { value: ['stop', 'tool_calls'] }, { finishReason: 'tool_calls' }),
  ).toBe(1)
})

test('latency is milliseconds, passed up to the limit', async () => {
  expect(await judgeSample('latency', {}, { latencyMs: 812.4 })).toMatchObject({ value: 812.4, passed: null })
  expect(await judgeSample('latency', { max_ms: 812.4 }, { latencyMs: 812.4 })).toMatchObject({
    passed: true,
  })
  expect(await judgeSample('latency', { max_ms: 800 }, { latencyMs: 812.4 })).toMatchObject({ passed: false })
})

test('of an answer that was taken over latency says nothing, and cost what it had cost', async () => {
  const taken = { latencyMs: null, cost: 2_000n, takenOver: true } as const

  expect(await judgeSample('latency', { max_ms: 800 }, taken)).toEqual({
    outcome: 'abstained',
    reason: 'The answer was taken over from an earlier run, and says nothing of how long a call takes.',
  })
  expect(await scoreOf('cost', {}, taken)).toBe(2_000)
})

test('cost is exact micro-USD, passed up to the limit; free is not unknown', async () => {
  expect(await judgeSample('cost', { max_usd: '0.002' }, { cost: 2_000n })).toMatchObject({
    value: 2_000,
    passed: true,
  })
  expect(await judgeSample('cost', { max_usd: 0.002 }, { cost: 2_001n })).toMatchObject({
    passed: false,
    reason: 'It cost $0.002001.',
  })
  expect(await scoreOf('cost', {}, { cost: 0n })).toBe(0)
  expect(await scoreOf('cost', {}, { cost: null })).toBe('abstained')
  expect(await scoreOf('cost', {}, { cost: 2n ** 60n })).toBe('error')
})

test.each(['cheap', '0.0000001', -1, 1e-7])('cost refuses %j as a limit', (limit) => {
  expect(() => prepareScorer({ kind: 'cost', settings: { max_usd: limit } })).toThrow(
    expect.objectContaining({ param: 'settings.max_usd' }),
  )
})
