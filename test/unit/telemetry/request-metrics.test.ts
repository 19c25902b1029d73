import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createPlaces } from '../../../src/telemetry/metrics/places.ts'
import { requestMetrics } from '../../../src/telemetry/metrics/request-metrics.ts'
import { secondsPerOutputToken } from '../../../src/telemetry/per-token.ts'
import { endedOf, seenOf } from './request-seen.ts'

function metrics(isListed: (upstream: string, model: string) => boolean = () => false, limit?: number) {
  const registry = new Registry()
  const observer = requestMetrics(registry, createPlaces(isListed, limit))
  const value = async (name: string, labels: Record<string, string> = {}) => {
    const text = await registry.metrics()
    const wanted = Object.entries(labels).map(([label, is]) => `${label}="${is}"`)
    const line = text
      .split('\n')
      .find((one) => new RegExp(`^${name}[{ ]`).test(one) && wanted.every((part) => one.includes(part)))
    return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  const lines = async () => (await registry.metrics()).split('\n').filter((line) => /^aval/.test(line))
  return { observer, value, lines }
}

describe('a request that ended', () => {
  test('is counted with its tokens, its cost in dollars and its attempts', async () => {
    const { observer, value } = metrics()
    observer.ended(seenOf(), endedOf())
    observer.ended(seenOf(), endedOf())

    expect(await value('aval_requests_total', { route: 'support-answer', outcome: 'completed' })).toBe(2)
    expect(await value('aval_tokens_total', { kind: 'input' })).toBe(240)
    expect(await value('aval_tokens_total', { kind: 'cached_input' })).toBeNull()
    expect(await value('aval_cost_usd_total', { model: 'gpt-4o-mini' })).toBe(0.5)
    expect(await value('aval_upstream_attempts_total', { result: 'ok' })).toBe(2)
    expect(await value('aval_request_duration_seconds_sum')).toBe(2)
  })

  test('at an unknown cost is counted as unknown and never as nothing', async () => {
    const { observer, value } = metrics()
    const { costMicroUsd: _unknown, ...ended } = endedOf({ usage: null })
    observer.ended(seenOf(), ended)

    expect(await value('aval_cost_unknown_total', { model: 'gpt-4o-mini' })).toBe(1)
    expect(await value('aval_cost_usd_total')).toBeNull()
    expect(await value('aval_tokens_total')).toBeNull()
  })

  test('for nobody but a shadow is no traffic, and still costs', async () => {
    const { observer, value } = metrics()
    observer.ended(seenOf({ shadow: true }), endedOf())

    expect(await value('aval_requests_total')).toBeNull()
    expect(await value('aval_shadow_requests_total', { route: 'support-answer' })).toBe(1)
    expect(await value('aval_cost_usd_total')).toBe(0.25)
  })

  test('by a release is counted for its side of a canary', async () => {
    const { observer, value } = metrics()
    observer.ended(seenOf({ release: 'r13' }), endedOf({ outcome: 'timeout', errorCode: 'upstream_timeout' }))

    expect(await value('aval_release_requests_total', { release: 'r13', outcome: 'timeout' })).toBe(1)
    expect(await value('aval_errors_total', { code: 'upstream_timeout' })).toBe(1)
  })
})

describe('labels', () => {
  test('do not grow by 10,000 model names that callers make up', async () => {
    const { observer, value, lines } = metrics((_upstream, model) => model === 'gpt-4o-mini')
    observer.ended(seenOf({ route: null }), endedOf())
    const before = (await lines()).length
    for (let n = 0; n < 10_000; n += 1) {
      const attempts = [{ ...(endedOf().attempts[0] as never as object), model: `made-up-${n}` }] as never
      observer.ended(seenOf({ route: null }), endedOf({ model: `made-up-${n}`, attempts }))
    }
    const after = await lines()

    expect(await value('aval_cost_unknown_total')).toBeNull()
    expect(await value('aval_tokens_total', { model: 'other', kind: 'output' })).toBe(110_000)
    expect(after.join('\n')).not.toMatch(/made-up/)
    expect(after.length).toBeLessThan(2 * before)
  })

  test('do not grow without bound by a registry that is large', async () => {
    const { observer, value } = metrics(() => true, 10)
    for (let n = 0; n < 100; n += 1) observer.ended(seenOf({ route: `route-${n}` }), endedOf())

    expect(await value('aval_requests_total', { route: 'route-9' })).toBe(1)
    expect(await value('aval_requests_total', { route: 'route-10' })).toBeNull()
    expect(await value('aval_requests_total', { route: 'other' })).toBe(90)
  })

  test('never are an id, a key, or words of an upstream', async () => {
    const { observer, lines } = metrics()
    observer.ended(seenOf({ id: 'req_secret' }), endedOf({ finishReason: 'free text' }))

    expect((await lines()).join('\n')).not.toMatch(/req_secret|free text/)
  })
})

describe('time per output token', () => {
  test('is what comes after the first, by the tokens after the first', () => {
    expect(secondsPerOutputToken(200, 1200, 11)).toBe(0.1)
  })

  test.each([[null], [0], [1]])('of an answer of %s tokens is not known', (tokens) => {
    expect(secondsPerOutputToken(200, 1200, tokens)).toBeNull()
  })
})
