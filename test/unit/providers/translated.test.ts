/** When a translated stream ends, against real sockets: the dialect decides, not the upstream's side of the connection. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { anthropicTranslation } from '../../../src/providers/anthropic/translation.ts'
import { geminiTranslation } from '../../../src/providers/gemini/translation.ts'
import type { Provider, ProviderHandle } from '../../../src/providers/provider.ts'
import { createTranslatedProvider } from '../../../src/providers/translated.ts'
import { createTransport } from '../../../src/providers/transport.ts'
import { eventsOf } from '../../contract/support/harness.ts'
import { chatCall, fixtures } from './translated-answers.ts'

/** Long enough never to run out in a healthy test. */
const TIMEOUTS = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 20_000 }
const NEVER_MS = 60_000
const TRANSLATIONS = { anthropic: anthropicTranslation, gemini: geminiTranslation }

type Vendor = keyof typeof TRANSLATIONS

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** An upstream that sends these bytes and leaves the connection as it is, and the provider that asks it. */
async function upstreamThatSends(vendor: Vendor, bytes: Buffer, patienceMs = NEVER_MS) {
  const responses: ServerResponse[] = []
  const server = createServer((request, response) => {
    request.resume()
    responses.push(response)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const transport = createTransport(vendor, url, { maxConnections: 4, connectTimeoutMs: 20_000, key: null })
  closers.push(() => transport.close())
  const upstream = { name: vendor, dialect: vendor, key: null, headers: {}, timeouts: TIMEOUTS }
  const provider = createTranslatedProvider(upstream, TRANSLATIONS[vendor], transport, Date.now, patienceMs)
  return { provider, responses }
}

/** Starts a stream; `done` resolves with its events at `[DONE]`, `ended` with how the sink was told the end. */
function stream(provider: Provider, onData: (handle: ProviderHandle) => void = () => undefined) {
  const done = Promise.withResolvers<string[]>()
  const ended = Promise.withResolvers<string>()
  const seen: string[] = []
  let text = ''
  const call = { ...chatCall('some-model', { max_tokens: 9 }, true), timeouts: TIMEOUTS }
  const handle: ProviderHandle = provider.call(call, {
    onHead: () => void seen.push('head'),
    onData: (chunk) => {
      seen.push('data')
      text += chunk.toString('utf8')
      onData(handle)
      if (text.endsWith('data: [DONE]\n\n')) done.resolve(eventsOf(text))
    },
    onEnd: () => ended.resolve('end'),
    onError: (error) => ended.resolve(error.code),
  })
  return { handle, seen, done: done.promise, ended: ended.promise }
}

describe.each([
  ['anthropic', 'text.sse', NEVER_MS],
  ['gemini', 'text.sse', 20],
  ['gemini', 'blocked-prompt.sse', 20],
] as const)('%s, after the last event of %s', (vendor, name, patienceMs) => {
  const bytes = fixtures(vendor).bytes(name)

  test('the answer is whole although the upstream keeps the connection open', async () => {
    const { provider } = await upstreamThatSends(vendor, bytes, patienceMs)
    const { done, handle } = stream(provider)

    const events = await done

    expect(events.filter((data) => data === '[DONE]')).toHaveLength(1)
    expect(JSON.parse(events.at(-2)!)).toHaveProperty('usage.total_tokens')
    handle.abort()
  })

  test('an abort closes the connection and nothing more is reported', async () => {
    const { provider, responses } = await upstreamThatSends(vendor, bytes, patienceMs)
    const { done, ended, handle, seen } = stream(provider)
    await done
    const before = seen.length

    const closed = once(responses[0]!, 'close')
    handle.abort()
    await closed

    expect(responses[0]!.writableFinished).toBe(false)
    expect(seen).toHaveLength(before)
    await expect(Promise.race([ended, Promise.resolve('nothing')])).resolves.toBe('nothing')
  })

  test('a connection that breaks then is no failure', async () => {
    const { provider, responses } = await upstreamThatSends(vendor, bytes, patienceMs)
    const { done, ended } = stream(provider)
    await done

    responses[0]!.destroy()

    expect(await ended).toBe('end')
  })

  test('an upstream that closes its side ends it at once', async () => {
    const { provider, responses } = await upstreamThatSends(vendor, bytes)
    const { done, ended, seen } = stream(provider)
    await expect.poll(() => seen.includes('head')).toBe(true)

    responses[0]!.end()

    expect((await done).at(-1)).toBe('[DONE]')
    expect(await ended).toBe('end')
  })
})

test('a Gemini stream that breaks while it may still go on is cut, not whole', async () => {
  const { provider, responses } = await upstreamThatSends('gemini', fixtures('gemini').bytes('text.sse'))
  const { ended, seen } = stream(provider)
  await expect.poll(() => seen.includes('data')).toBe(true)

  responses[0]!.destroy()

  expect(await ended).toBe('upstream_cut')
})

test('a caller who leaves while a Gemini stream may still go on hears nothing more', async () => {
  const { provider, responses } = await upstreamThatSends('gemini', fixtures('gemini').bytes('text.sse'), 20)
  const { ended, handle, seen } = stream(provider)
  await expect.poll(() => seen.includes('data')).toBe(true)

  const closed = once(responses[0]!, 'close')
  handle.abort()
  await closed
  const before = seen.length
  // Longer than its patience: a timer that was forgotten would have fired.
  await new Promise((resolve) => setTimeout(resolve, 60))

  expect(seen).toHaveLength(before)
  await expect(Promise.race([ended, Promise.resolve('nothing')])).resolves.toBe('nothing')
})

test('a Gemini stream that nobody reads is not over, however long that takes', async () => {
  const { provider } = await upstreamThatSends('gemini', fixtures('gemini').bytes('text.sse'), 20)
  let isSlow = true
  const { done, handle, seen } = stream(provider, (given) => {
    if (isSlow) given.pause()
  })
  await expect.poll(() => seen.includes('data')).toBe(true)

  await new Promise((resolve) => setTimeout(resolve, 60))
  const early = await Promise.race([done, Promise.resolve('not yet')])
  isSlow = false
  handle.resume()

  expect(early).toBe('not yet')
  expect((await done).at(-1)).toBe('[DONE]')
  handle.abort()
})

test('a reader who leaves at what it was just given gets nothing more', async () => {
  const { provider, responses } = await upstreamThatSends(
    'anthropic',
    fixtures('anthropic').bytes('text.sse'),
  )
  const { seen, ended } = stream(provider, (handle) => handle.abort())

  await expect.poll(() => responses[0]?.destroyed).toBe(true)

  expect(seen.filter((what) => what === 'data')).toHaveLength(1)
  await expect(Promise.race([ended, Promise.resolve('nothing')])).resolves.toBe('nothing')
})
