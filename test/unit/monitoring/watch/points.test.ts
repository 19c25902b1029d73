/** What is watched of traffic: metrics, least traffic, spans, and who has a place. */

import { describe, expect, test } from 'vitest'
import { METRICS, metricOf } from '../../../../src/lib/watched-metrics.ts'
import { newDetector } from '../../../../src/monitoring/detectors/detector.ts'
import { type Figures, newFigures } from '../../../../src/monitoring/rollups/figures.ts'
import { learn } from '../../../../src/monitoring/rollups/sketch.ts'
import { BUCKET_MS, nextBucket, settledTo } from '../../../../src/monitoring/watch/buckets.ts'
import { judgePoint } from '../../../../src/monitoring/watch/judge-point.ts'
import { pointsOf } from '../../../../src/monitoring/watch/metrics.ts'
import { recentPoints } from '../../../../src/monitoring/watch/recent-points.ts'
import {
  chooseSubjects,
  MAX_ROUTES,
  subjectsOf,
  trafficOf,
} from '../../../../src/monitoring/watch/subjects.ts'

/** So many completed requests of 100 ms, 10 micro-USD, 5 tokens in and 2 out. */
function figuresOf(requests: number, more: Partial<Figures['outcomes']> = {}): Figures {
  const figures = newFigures()
  Object.assign(figures.outcomes, { completed: requests, ...more })
  figures.requests = Object.values(figures.outcomes).reduce((sum, count) => sum + count, 0)
  Object.assign(figures, { told: requests, inputTokens: 5 * requests, outputTokens: 2 * requests })
  Object.assign(figures, { priced: requests, costMicroUsd: 10n * BigInt(requests) })
  for (const sketch of [figures.latency, figures.ttft, figures.msPerOutputToken]) learn(sketch, 100, requests)
  return figures
}

const valuesOf = (figures: Figures, spanMs = BUCKET_MS) =>
  Object.fromEntries(pointsOf(figures, spanMs).map(({ metric, value }) => [metric, value]))

describe('points', () => {
  test('of enough traffic are one for each metric', () => {
    const values = valuesOf({
      ...figuresOf(90, { upstream_error: 6, timeout: 4, guardrail: 10 }),
      cut: 9,
      filtered: 8,
    })

    expect(Object.keys(values)).toEqual(Object.keys(METRICS))
    expect(values).toMatchObject({
      requests_per_minute: 22,
      error_rate: 10 / 110,
      refusal_rate: 18 / 100,
      cut_rate: 0.1,
      cost_per_request: 10,
      input_tokens: 5,
      output_tokens: 2,
    })
    expect(values.latency_p95).toBeCloseTo(100, -1)
  })

  test('count neither who gave up nor what the caller must mend as an error', () => {
    expect(valuesOf(figuresOf(95, { upstream_cut: 5, client_abort: 300, rejected: 300 })).error_rate).toBe(
      0.05,
    )
  })

  test.each([
    [19, []],
    [
      20,
      [
        'requests_per_minute',
        'latency_p50',
        'ttft_p50',
        'ms_per_output_token_p50',
        'cost_per_request',
        'input_tokens',
        'output_tokens',
      ],
    ],
    [59, Object.keys(METRICS).filter((metric) => !metric.endsWith('p95'))],
    [60, Object.keys(METRICS)],
  ])('of %d requests are those with enough of them', (requests, metrics) => {
    expect(Object.keys(valuesOf(figuresOf(requests)))).toEqual(metrics)
  })

  test('have no cost where no request has a price, and are none of no traffic', () => {
    expect(valuesOf({ ...figuresOf(90), priced: 0, unpriced: 90, costMicroUsd: 0n })).not.toHaveProperty(
      'cost_per_request',
    )
    expect(pointsOf(newFigures(), BUCKET_MS)).toEqual([])
  })

  test('of others are judged by what their name says', () => {
    expect(metricOf('score:grounded')).toMatchObject({ unit: 'score', harm: 'down', text: 'score grounded' })
    expect(metricOf('retrieval_empty:handbook@5')).toMatchObject({ unit: 'share', harm: 'up' })
    expect(metricOf('latency_p50')).toBe(METRICS.latency_p50)
  })
})

describe('a point over several buckets', () => {
  const buckets = new Map([0, 1, 2, 3].map((age) => [age, figuresOf(18)]))
  const metrics = (since: number | null, usualPerMinute: number | null = null) =>
    recentPoints({ buckets, since: () => since, usualPerMinute }).map(({ metric }) => metric)

  test('waits since the last one until there is enough', () => {
    expect(metrics(1)).toEqual([])
    expect(metrics(2)).toContain('latency_p50')
    expect(metrics(2)).not.toContain('latency_p95')
    expect(metrics(4)).toEqual(Object.keys(METRICS))
  })

  test('covers an hour where there never was one', () => {
    expect(metrics(null)).toEqual(Object.keys(METRICS))
  })

  test('is a rate of zero where that many requests are usual that it says something', () => {
    const none = (usualPerMinute: number | null) =>
      recentPoints({ buckets: new Map(), since: () => 1, usualPerMinute })

    expect(none(4)).toEqual([{ metric: 'requests_per_minute', value: 0 }])
    expect(none(3.9)).toEqual([])
    expect(none(null)).toEqual([])
  })
})

describe('a judgement', () => {
  /** After 200 points around 100, the last of them 400 or 25. */
  const judge = (metric: keyof typeof METRICS, last: number) => {
    const detector = newDetector()
    for (let at = 0; at < 200; at += 1) {
      judgePoint(detector, METRICS[metric], { timeMs: at * BUCKET_MS, value: 100 + (at % 7) })
    }
    return judgePoint(detector, METRICS[metric], { timeMs: 200 * BUCKET_MS, value: last })
  }

  test('harms in the direction of the metric alone', () => {
    expect(judge('latency_p50', 400)).toMatchObject({ state: 'alert', side: 'up', isHarm: true })
    expect(judge('latency_p50', 25)).toMatchObject({ state: 'alert', side: 'down', isHarm: false })
    expect(judge('output_tokens', 25)).toMatchObject({ state: 'alert', side: 'down', isHarm: true })
    expect(judge('latency_p50', 400)?.usual).toBeCloseTo(103, 0)
  })

  test('is none of a point that was given before, or of no number', () => {
    const detector = newDetector()
    const point = { timeMs: 5, value: 1 }
    judgePoint(detector, METRICS.error_rate, point)

    expect(judgePoint(detector, METRICS.error_rate, point)).toBeNull()
    expect(judgePoint(detector, METRICS.input_tokens, { timeMs: 6, value: Number.NaN })).toBeNull()
  })

  test('takes zeros, of shares and of what has a logarithm', () => {
    const detector = newDetector()
    for (let at = 0; at < 300; at += 1) {
      const judged = judgePoint(detector, METRICS.cost_per_request, { timeMs: at * BUCKET_MS, value: 0 })
      expect(judged?.state).toBe(at < 100 ? 'no_data' : 'ok')
    }
  })
})

describe('who is watched', () => {
  const END = 100 * BUCKET_MS
  const rollup = (route: string | null, requests: number, atMs = END - BUCKET_MS) => ({
    atMs,
    place: { route, upstream: 'openai', model: 'o9' },
    figures: figuresOf(requests),
  })

  test('is a route, or the model of a direct call, and its upstream over all', () => {
    expect(subjectsOf({ route: 'answer', upstream: 'openai', model: 'o9' })).toEqual([
      { kind: 'route', name: 'answer' },
      { kind: 'upstream', name: 'openai' },
    ])
    expect(subjectsOf({ route: null, upstream: 'openai', model: 'o9' })[0]).toEqual({
      kind: 'route',
      name: 'openai/o9',
    })
    expect(subjectsOf({ route: null, upstream: null, model: null })).toEqual([])
  })

  test('has traffic by age, and nothing of buckets that are not of this hour', () => {
    const rows = [
      rollup('answer', 3),
      rollup('other', 4),
      rollup('answer', 5, END - 13 * BUCKET_MS),
      rollup('answer', 6, END),
    ]
    const traffic = trafficOf(rows, END)

    expect(traffic.get('route answer')?.buckets.get(0)?.requests).toBe(3)
    expect(traffic.get('upstream openai')?.buckets.get(0)?.requests).toBe(7)
    expect(traffic.get('route answer')?.buckets.size).toBe(1)
  })

  test('stays so, and free places go to those who ask most', () => {
    const watched = Array.from({ length: MAX_ROUTES - 1 }, (_, at) => ({
      kind: 'route' as const,
      name: `known-${at}`,
    }))
    const traffic = trafficOf([rollup('less', 30), rollup('most', 40), rollup('hardly', 19)], END)
    const chosen = chooseSubjects(watched, traffic)

    expect(chosen.slice(0, watched.length)).toEqual(watched)
    expect(chosen.slice(watched.length)).toEqual([
      { kind: 'route', name: 'most' },
      { kind: 'upstream', name: 'openai' },
    ])
  })
})

describe('buckets', () => {
  const settled = 1000 * BUCKET_MS

  test('are read once they have been over for two minutes', () => {
    expect(settledTo(settled + 119_999)).toBe(settled - BUCKET_MS)
    expect(settledTo(settled + 120_000)).toBe(settled)
  })

  test.each([
    ['without a cursor the newest', null, settled - BUCKET_MS],
    ['where the cursor stands', settled - 5 * BUCKET_MS, settled - 5 * BUCKET_MS],
    ['a day ago at most', 0, settled - 288 * BUCKET_MS],
    [
      'none where the cursor is at the end, or a clock that is behind',
      settled + BUCKET_MS,
      settled + BUCKET_MS,
    ],
    ['the newest for a cursor that a clock left in the future', settled * 2, settled - BUCKET_MS],
  ])('go on %s', (_name, cursor, next) => {
    expect(nextBucket(cursor, settled)).toBe(next)
  })
})
