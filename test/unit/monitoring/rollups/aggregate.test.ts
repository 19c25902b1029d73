import { describe, expect, test } from 'vitest'
import { cellsOf, type LogRow, widen } from '../../../../src/monitoring/rollups/aggregate.ts'

const MINUTE = Date.parse('2026-11-20T12:07:00Z')

const row = (changes: Partial<LogRow> = {}): LogRow => ({
  projectId: 'prj_default',
  origin: 'app',
  route: 'support',
  releaseId: null,
  prompt: null,
  upstream: 'openai',
  model: 'gpt-5-mini',
  keyId: 'vk_app',
  price: 'list/1',
  startedAtMs: MINUTE + 1,
  operation: 'chat',
  outcome: 'completed',
  stream: true,
  finishReason: 'stop',
  durationMs: 1000,
  ttftMs: 200,
  sentMs: 50,
  inputTokens: 100,
  outputTokens: 41,
  cachedInputTokens: null,
  reasoningTokens: null,
  costMicroUsd: 7,
  occurrences: 1,
  ...changes,
})
const sumsOf = (...rows: LogRow[]) => cellsOf(rows)[0]?.sums

describe('a cell', () => {
  test('splits a streamed answer into waiting, first token and generation, which add up to all of it', () => {
    const [cell] = cellsOf([row(), row({ sentMs: 300 })])

    expect(cell?.sums).toMatchObject({
      timed: 2,
      queue_us: 50_000 + 200_000,
      first_token_us: 150_000,
      generation_us: 1_600_000,
      timed_output_tokens: 82,
    })
    // 800 ms for 40 tokens after the first.
    expect(cell?.ms_per_output_token.size).toBe(1)
  })

  test.each([
    ['that failed has no time', { outcome: 'timeout' }, { timed: 0, timeout: 1, told: 1 }],
    ['in one piece has a duration alone', { stream: false, ttftMs: null }, { timed: 0, completed: 1 }],
    [
      'without output tokens is untold',
      { outputTokens: null },
      { untold: 1, told: 0, input_tokens: 0, timed: 0 },
    ],
    ['of no tokens is told', { inputTokens: 0, outputTokens: 0 }, { told: 1, output_tokens: 0, timed: 1 }],
    [
      'for embeddings has no output to tell',
      { operation: 'embeddings', outputTokens: null },
      { told: 1, untold: 0 },
    ],
    [
      'of an unknown price is unpriced',
      { costMicroUsd: null },
      { priced: 0, unpriced: 1, cost_micro_usd: 0 },
    ],
    ['that is free is priced', { costMicroUsd: 0 }, { priced: 1, unpriced: 0 }],
    [
      'that was refused many times over is neither told nor priced',
      {
        outcome: 'rejected',
        upstream: null,
        inputTokens: null,
        outputTokens: null,
        costMicroUsd: null,
        occurrences: 900,
      },
      { requests: 900, rejected: 900, told: 0, untold: 0, priced: 0, unpriced: 0 },
    ],
    ['that a filter ended', { finishReason: 'content_filter' }, { filtered: 1, cut: 0 }],
    ['that its limit cut', { finishReason: 'length' }, { filtered: 0, cut: 1 }],
  ] satisfies [string, Partial<LogRow>, object][])('counts a request %s', (_what, changes, expected) => {
    expect(sumsOf(row(changes))).toMatchObject(expected)
  })

  test('is of one place and one minute', () => {
    const cells = cellsOf([
      row(),
      row({ startedAtMs: MINUTE + 59_999 }),
      row({ startedAtMs: MINUTE - 1 }),
      row({ route: null }),
      row({ route: 'null' }),
    ])

    expect(cells.map(({ at, place, sums }) => [at - MINUTE, place.route, sums.requests])).toEqual([
      [-60_000, 'support', 1],
      [0, 'support', 2],
      [0, null, 1],
      [0, 'null', 1],
    ])
    expect(new Set(cells.map(({ place }) => place.id)).size).toBe(3)
  })

  test('keeps the id of its place in every batch', () => {
    expect(cellsOf([row()])[0]?.place.id).toBe(cellsOf([row({ startedAtMs: 0 })])[0]?.place.id)
  })

  test('of an hour holds the sums and sketches of its minutes', () => {
    const rows = Array.from({ length: 90 }, (_, index) => row({ startedAtMs: MINUTE + index * 60_000 }))
    const minutes = cellsOf(rows)
    const hours = widen(minutes, 3_600_000)

    expect(hours.map(({ sums }) => sums.requests)).toEqual([53, 37])
    expect(hours.map(({ latency }) => [...latency.values()])).toEqual([[53], [37]])
    expect(minutes[0]?.sums.requests).toBe(1)
  })
})
