/** The header of a request's trace on its way out, over real sockets: it is there when given, and the body is the same. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anthropicTranslation } from '../../../src/providers/anthropic/translation.ts'
import { createOpenAIProvider } from '../../../src/providers/openai.ts'
import type { Provider } from '../../../src/providers/provider.ts'
import { createTranslatedProvider } from '../../../src/providers/translated.ts'
import { createTransport } from '../../../src/providers/transport.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'
import { chatCall } from './translated-answers.ts'

const TIMEOUTS = { connectMs: 20_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 20_000 }
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

let upstream: Upstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())

const providers: Record<string, (headers: Record<string, string>) => Provider> = {
  openai: (headers) =>
    createOpenAIProvider(
      { name: 'lab', key: null, keyHeader: null, headers, query: {}, timeouts: TIMEOUTS },
      transport(),
    ),
  anthropic: (headers) =>
    createTranslatedProvider(
      { name: 'lab', dialect: 'anthropic', key: null, headers, timeouts: TIMEOUTS },
      anthropicTranslation,
      transport(),
      Date.now,
    ),
}
const transport = () =>
  createTransport('lab', upstream.url, { maxConnections: 2, connectTimeoutMs: 20_000, key: null })

describe.each(Object.entries(providers))('a call in the dialect of %s', (_, provider) => {
  /** What the upstream saw of it. */
  const sent = async (traceparent: string | undefined, headers: Record<string, string> = {}) => {
    const asked = provider(headers)
    const seen = upstream.journal.length
    const plain = chatCall('m', { max_tokens: 9 }, false)
    const call = { ...plain, body: Buffer.from(JSON.stringify(plain.parsed)), timeouts: TIMEOUTS }
    await new Promise<void>((resolve) => {
      const trace = traceparent === undefined ? {} : { traceparent }
      asked.call(
        { ...call, ...trace },
        { onHead() {}, onData() {}, onEnd: resolve, onError: () => resolve() },
      )
    })
    await asked.close()
    return upstream.journal[seen]
  }

  test('has the trace that it was given, and the same body without one', async () => {
    const [traced, plain] = [await sent(TRACEPARENT), await sent(undefined)]

    expect(traced?.headers.traceparent).toBe(TRACEPARENT)
    expect(plain?.headers).not.toHaveProperty('traceparent')
    expect(traced?.body.length).toBeGreaterThan(0)
    expect(traced?.body).toEqual(plain?.body)
  })

  test('keeps what aval.yaml says of the header', async () => {
    expect((await sent(TRACEPARENT, { traceparent: 'mine' }))?.headers.traceparent).toBe('mine')
  })
})
