/** Whom an upstream leads to: another one for what changes who answers, and the same for what does not. */

import { expect, test } from 'vitest'
import type { UpstreamConfig } from '../../src/config/upstreams.ts'
import { Secret } from '../../src/lib/secret.ts'
import { upstreamIdentity } from '../../src/upstream-settings.ts'

type Remote = Extract<UpstreamConfig, { dialect: 'openai' }>
const LAB: Remote = {
  name: 'lab',
  dialect: 'openai',
  baseUrl: 'http://gpu-1:8000/v1',
  key: new Secret('sk-one', 'env:LAB_KEY'),
  keyHeader: null,
  headers: {},
  query: {},
  timeouts: { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 },
  maxConnections: 8,
  traceparent: true,
  responses: 'auto',
  streamUsage: true,
}
const identity = (more: Partial<Remote> = {}) => upstreamIdentity({ ...LAB, ...more })

test.each<[string, Partial<Remote>]>([
  ['address', { baseUrl: 'http://gpu-2:8000/v1' }],
  ['query', { query: { 'api-version': '2026-01-01' } }],
  ['header', { headers: { 'x-backend': 'b' } }],
])('another %s leads to somebody else', (_what, more) => {
  expect(identity(more)).toMatch(/^[0-9a-f]{64}$/)
  expect(identity(more)).not.toBe(identity())
})

test.each<[string, Partial<Remote>]>([
  ['key', { key: new Secret('sk-two', 'env:LAB_KEY') }],
  ['patience', { timeouts: { ...LAB.timeouts, totalMs: 2 }, maxConnections: 9 }],
  ['name', { name: 'laboratory' }],
])('another %s leads to the same', (_what, more) => {
  expect(identity(more)).toBe(identity())
})

test('another dialect at the same address leads to somebody else', () => {
  const { name, baseUrl, key, headers, timeouts, maxConnections, traceparent } = LAB
  const other = { name, baseUrl, key, headers, timeouts, maxConnections, traceparent }

  expect(upstreamIdentity({ ...other, dialect: 'anthropic' })).not.toBe(identity())
})
