import { expect, test } from 'vitest'
import { type ExpectedHarm, predictedRequests } from '../../../../src/promotion/canary/predicted-requests.ts'

const traffic = { alpha: 0.05, watched: 3, stages: 1, share: 0.1 }
const errors = (candidate: number): ExpectedHarm => ({ kind: 'share', stable: 0.01, candidate, margin: 0.01 })
const scores = (candidate: number, deviation = 0.2): ExpectedHarm => ({
  kind: 'score',
  stable: 0.8,
  candidate,
  deviation,
  margin: 0.05,
})

test('the greater the harm, the fewer requests find it', () => {
  const needed = [0.03, 0.06, 0.2, 0.9].map((rate) => predictedRequests(errors(rate), traffic)!)

  expect(needed).toEqual(needed.toSorted((one, other) => other - one))
  expect(new Set(needed).size).toBe(4)
})

test('more metrics, more stages and a smaller α take more requests, a larger stable arm fewer of the candidate', () => {
  const usual = predictedRequests(errors(0.06), traffic)!

  expect(predictedRequests(errors(0.06), { ...traffic, watched: 12 })).toBeGreaterThan(usual)
  expect(predictedRequests(errors(0.06), { ...traffic, stages: 3 })).toBeGreaterThan(usual)
  expect(predictedRequests(errors(0.06), { ...traffic, alpha: 0.001 })).toBeGreaterThan(usual)
  expect(predictedRequests(errors(0.06), { ...traffic, share: 0.01 })).toBeLessThan(usual)
})

test('of values that one request in ten has it takes ten times the requests', () => {
  const all = predictedRequests(scores(0.6), traffic)!

  expect(predictedRequests(scores(0.6), { ...traffic, sampled: 0.1 })).toBe(10 * all)
})

test('costs take the requests from which they have bounds, however dear', () => {
  const harm: ExpectedHarm = { kind: 'mean', factor: 50, variation: 0.1, margin: 0.2 }

  expect(predictedRequests(harm, traffic)).toBe(200)
  expect(predictedRequests(harm, { ...traffic, share: 0.5 })).toBe(1_000)
})

test('a harm within the margin is not found by any number of requests', () => {
  expect(predictedRequests(errors(0.019), traffic)).toBeNull()
  expect(predictedRequests(scores(0.78), traffic)).toBeNull()
})

test('what cannot be expected is refused', () => {
  expect(() => predictedRequests(errors(1.2), traffic)).toThrow(/candidate is 1.2/)
  expect(() => predictedRequests(scores(0.7, 0.9), traffic)).toThrow(/no variance of 0.81/)
  expect(() => predictedRequests(errors(0.06), { ...traffic, share: 0 })).toThrow(/share is 0/)
  expect(() => predictedRequests(errors(0.06), { ...traffic, sampled: 2 })).toThrow(/sampled is 2/)
  expect(() => predictedRequests(errors(0.06), { ...traffic, watched: 0 })).toThrow(/watched is 0/)
  expect(() => predictedRequests(errors(0.06), { ...traffic, stages: 0 })).toThrow(/stages is 0/)
})
