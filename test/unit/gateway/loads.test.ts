import { expect, test } from 'vitest'
import { type ErrorCode, UpstreamError } from '../../../src/errors.ts'
import { createLoads } from '../../../src/gateway/load/loads.ts'
import { handClock } from './parts.ts'

const UP = { name: 'up', baseUrl: 'https://up.example' }

function failure(
  code: ErrorCode,
  upstreamStatus?: number,
  headers: Record<string, string> = {},
): UpstreamError {
  const why = { retryable: true, headers, ...(upstreamStatus !== undefined && { upstreamStatus }) }
  return new UpstreamError(code, 'It failed.', why)
}

test('tells the most that was under way at once since the last time, and nothing when there is nothing', () => {
  const loads = createLoads(handClock())
  const load = loads.of(UP)
  for (let call = 0; call < 3; call += 1) load.began()
  load.ended()
  load.ended()
  load.answered += 2
  const told = [loads.take().get('up'), loads.take().get('up')]
  load.ended()
  const last = [loads.take().get('up'), loads.take().get('up')]

  expect(told.map((one) => one?.underWay)).toEqual([3, 1])
  expect(last).toEqual([{ underWay: 1, answered: 2, complainedMs: null, waitMs: 0 }, undefined])
})

test.each([
  ['upstream_rate_limited', 429, true],
  ['upstream_unavailable', 503, true],
  ['upstream_unavailable', 529, true],
  ['local_queue_full', undefined, true],
  ['upstream_unavailable', 500, false],
  ['upstream_timeout', undefined, false],
  ['upstream_auth', 402, false],
] as const)('%s with status %s is a complaint: %s', (code, status, isComplaint) => {
  const clock = handClock()
  const loads = createLoads(clock)
  loads.of(UP).failed(failure(code, status))
  clock.advance(40)

  expect(loads.take().get('up')?.complainedMs).toBe(isComplaint ? 40 : undefined)
})

test('keeps how long the upstream wants to be left alone, a minute at most', () => {
  const clock = handClock()
  const loads = createLoads(clock)
  const waits = ['5', '86400'].map((seconds) => {
    loads.of(UP).failed(failure('upstream_rate_limited', 429, { 'retry-after': seconds }))
    return loads.take().get('up')?.waitMs
  })
  clock.advance(59_000)

  expect(waits).toEqual([5_000, 60_000])
  expect(loads.take().get('up')).toMatchObject({ waitMs: 1_000, complainedMs: null })
})
