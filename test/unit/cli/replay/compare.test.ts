import { expect, test } from 'vitest'
import { compare, type Pair } from '../../../../src/cli/replay/compare.ts'
import type { LoggedRequest } from '../../../../src/cli/replay/logged.ts'

const row = (more: Partial<LoggedRequest> = {}): LoggedRequest => ({
  id: 'req_old',
  key_id: 'vk_1',
  operation: 'chat',
  route: 'support-answer',
  model: 'gpt-4o-mini',
  subject: null,
  started_at: '2026-11-23T13:05:33.000Z',
  index: null,
  stream: false,
  outcome: 'completed',
  status: 200,
  error_code: null,
  duration_ms: 100,
  ttft_ms: null,
  input_tokens: 10,
  output_tokens: 5,
  truncated: false,
  replay_of: null,
  ...more,
})
const pair = (
  before: Partial<LoggedRequest>,
  after: Partial<LoggedRequest> | null,
  identical: boolean | null = null,
): Pair => ({
  before: row(before),
  after: after === null ? null : row(after),
  afterId: 'req_new',
  identical,
  errorCode: null,
})

test('times are those of pairs that completed both times, and say how many', () => {
  const { latencyMs, ttftMs } = compare([
    pair({ duration_ms: 100, ttft_ms: 10 }, { duration_ms: 50, ttft_ms: 30 }),
    pair({ duration_ms: 300 }, { duration_ms: 150, ttft_ms: 4 }),
    pair({ duration_ms: 1 }, { duration_ms: 9999, outcome: 'timeout' }),
    pair({ duration_ms: 1, outcome: 'rejected' }, { duration_ms: 9999 }),
    pair({ duration_ms: 1 }, null),
  ])

  expect(latencyMs).toMatchObject({ count: 2, before: { p50: 200 }, after: { p50: 100 }, difference: -100 })
  expect(ttftMs).toMatchObject({ count: 1, before: { p50: 10 }, after: { p50: 30 }, difference: 20 })
})

test('without a pair to compare there is no number, not 0', () => {
  const { latencyMs, inputTokens } = compare([pair({ input_tokens: null }, null)])

  expect(latencyMs).toEqual({
    count: 0,
    before: { p50: null, p95: null },
    after: { p50: null, p95: null },
    difference: null,
  })
  expect(inputTokens).toEqual({ before: { known: null, unknown: 1 }, after: { known: null, unknown: 1 } })
})

test('tokens are summed as far as they are known, the rest is counted', () => {
  const { inputTokens, outputTokens } = compare([
    pair({ input_tokens: 10 }, { input_tokens: 12, output_tokens: 0 }),
    pair({ input_tokens: null }, { input_tokens: 3, output_tokens: null }),
  ])

  expect(inputTokens).toEqual({ before: { known: 10, unknown: 1 }, after: { known: 15, unknown: 0 } })
  expect(outputTokens.after).toEqual({ known: 0, unknown: 1 })
})

test('outcomes are counted on both sides, a replay that is not on the log as such', () => {
  const { outcomes } = compare([
    pair({}, { outcome: 'upstream_error' }),
    pair({ outcome: 'upstream_error' }, {}),
    pair({}, null),
  ])

  expect(outcomes).toEqual({
    completed: { before: 2, after: 1 },
    upstream_error: { before: 1, after: 1 },
    not_on_log: { before: 0, after: 1 },
  })
})

test('answers that could not be compared count on neither side', () => {
  const { answers } = compare([
    pair({}, {}, true),
    pair({ id: 'req_differs' }, {}, false),
    pair({}, {}, null),
  ])

  expect(answers).toMatchObject({ compared: 2, identical: 1, differing: [{ before: { id: 'req_differs' } }] })
})
