/** What a streaming caller gets while the upstream is silent: nothing before the first event, comments after it. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { UpstreamError } from '../../../src/errors.ts'
import { runAttempts } from '../../../src/gateway/run-attempts.ts'
import type { ProviderSink } from '../../../src/providers/provider.ts'
import {
  exchangeOf,
  playedProvider,
  STREAM_HEAD,
  streams,
  targetOf,
  testDeps,
  upstreamOf,
  writtenClient,
} from './parts.ts'

const EVENT = JSON.stringify({ choices: [{ index: 0, delta: { content: 'a' }, finish_reason: null }] })
const STOP = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
const COMMENT = ': keep-alive\n\n'
const MINUTE_MS = 60_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A caller who streams from an upstream whose answer the test plays by hand, with another target behind it. */
async function waitingCaller() {
  const deps = testDeps()
  const client = writtenClient()
  let sink: ProviderSink | null = null
  const slow = playedProvider([
    (given) => {
      sink = given
    },
  ])
  const next = playedProvider([streams([EVENT, STOP, '[DONE]'])])
  const targets = [targetOf(upstreamOf('slow', slow)), targetOf(upstreamOf('next', next))]
  const exchange = exchangeOf(deps, targets, { body: { stream: true }, client })
  const result = runAttempts(deps, exchange)
  await vi.advanceTimersByTimeAsync(0)
  if (sink === null) throw new Error('The upstream was not asked.')
  return { client, exchange, result, sink: sink as ProviderSink }
}

test('before the first event nothing is sent, so that another target can still answer', async () => {
  const { client, exchange, result, sink } = await waitingCaller()
  sink.onHead(STREAM_HEAD)

  await vi.advanceTimersByTimeAsync(2 * MINUTE_MS)
  const sentMeanwhile = { started: client.started, written: client.written }
  sink.onError(new UpstreamError('upstream_timeout', 'It never began.', { retryable: true }))

  expect(await result).toMatchObject({ kind: 'answered' })
  expect(sentMeanwhile).toEqual({ started: null, written: '' })
  expect(exchange.attempts.map(({ upstream, error }) => [upstream, error])).toEqual([
    ['slow', 'upstream_timeout'],
    ['next', null],
  ])
})

test('after it a comment goes down every 15 seconds of silence, between whole events, until the end', async () => {
  const { client, result, sink } = await waitingCaller()
  sink.onHead(STREAM_HEAD)
  sink.onData(Buffer.from(`data: ${EVENT}\n\ndata: ${STOP.slice(0, 9)}`))

  await vi.advanceTimersByTimeAsync(MINUTE_MS)
  sink.onData(Buffer.from(`${STOP.slice(9)}\n\n`))
  await vi.advanceTimersByTimeAsync(14_000)
  sink.onData(Buffer.from('data: [DONE]\n\n'))
  await result
  await vi.advanceTimersByTimeAsync(MINUTE_MS)

  expect(client.written).toBe(`data: ${EVENT}\n\n${COMMENT.repeat(4)}data: ${STOP}\n\n`)
})
