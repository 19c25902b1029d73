/** A reload keeps the providers whose settings did not change and retires the others once. */

import { expect, onTestFinished, test, vi } from 'vitest'
import { Secret } from '../../../src/lib/secret.ts'
import { createProviderRegistry, type UpstreamSettings } from '../../../src/providers/registry.ts'
import { playedProvider, TIMEOUTS } from '../gateway/parts.ts'

const registryOf = () =>
  createProviderRegistry({
    nowMs: () => 0,
    createLocal: () => playedProvider([]),
    onRetireError: () => undefined,
  })

const lab = (more: object = {}): UpstreamSettings => ({
  name: 'lab',
  dialect: 'openai',
  baseUrl: 'http://127.0.0.1:1/v1',
  key: new Secret('one', 'env:LAB'),
  keyHeader: null,
  headers: {},
  query: {},
  timeouts: TIMEOUTS,
  maxConnections: 1,
  ...more,
})

test('the same settings keep the same provider, with its connections', async () => {
  const registry = registryOf()
  const first = registry.apply([lab()]).get('lab')

  expect(registry.apply([lab()]).get('lab')).toBe(first)
  await registry.close()
})

test.each([
  ['address', { baseUrl: 'http://127.0.0.1:2/v1' }],
  ['key, from the same place', { key: new Secret('two', 'env:LAB') }],
  ['headers', { headers: { a: 'b' } }],
  ['timeouts', { timeouts: { ...TIMEOUTS, idleMs: 1 } }],
])('another %s makes another provider', async (_name, change) => {
  const registry = registryOf()
  const first = registry.apply([lab()]).get('lab')

  expect(registry.apply([lab(change)]).get('lab')).not.toBe(first)
  await registry.close()
})

test('what the file no longer names serves calls that knew it until their time is up, and is then retired', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let closed = 0
  const close = async () => {
    closed += 1
  }
  const local = { ...playedProvider([]), close }
  const registry = createProviderRegistry({
    nowMs: () => 0,
    createLocal: () => local,
    onRetireError: () => undefined,
  })
  registry.apply([{ name: 'local', dialect: 'local', modelsDir: null, timeouts: TIMEOUTS }])

  expect(registry.apply([]).size).toBe(0)
  vi.advanceTimersByTime(TIMEOUTS.totalMs - 1)
  const early = closed
  vi.advanceTimersByTime(1)

  expect([early, closed]).toEqual([0, 1])
  expect(registry.current().size).toBe(0)
})

test('closing the registry closes what is still being retired, too', async () => {
  let closed = 0
  const close = async () => {
    closed += 1
  }
  const registry = createProviderRegistry({
    nowMs: () => 0,
    createLocal: () => ({ ...playedProvider([]), close }),
    onRetireError: () => undefined,
  })
  registry.apply([{ name: 'local', dialect: 'local', modelsDir: null, timeouts: TIMEOUTS }])
  registry.apply([])

  await registry.close()

  expect(closed).toBe(1)
})
