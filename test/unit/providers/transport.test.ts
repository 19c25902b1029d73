/** One outbound call against real sockets: every way an upstream can fail, and every bound. */

import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { UpstreamError } from '../../../src/errors.ts'
import { Secret } from '../../../src/lib/secret.ts'
import type { ProviderHandle, ProviderHead, ProviderSink, Timeouts } from '../../../src/providers/provider.ts'
import {
  createTransport,
  MAX_RESPONSE_BYTES,
  type OutboundRequest,
  type Transport,
} from '../../../src/providers/transport.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import { refusedUrl, startSilentUpstream, startUpstream, type Upstream } from '../../support/upstream.ts'

/** Long enough never to run out in a healthy test. */
const TIMEOUTS: Timeouts = { connectMs: 10_000, firstByteMs: 10_000, idleMs: 10_000, totalMs: 20_000 }

const KEY = new Secret('sk-hunter2-hunter2', 'env:LAB_KEY')

let upstream: Upstream
const closers: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(() => upstream.close())
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

function transportTo(url: string, maxConnections = 8, connectTimeoutMs = 10_000): Transport {
  const transport = createTransport('lab', url, { maxConnections, connectTimeoutMs, key: KEY })
  closers.push(() => transport.close())
  return transport
}

async function serverOf(handle: RequestListener): Promise<string> {
  const server = createHttp(handle)
  return `${await listening(server)}/v1`
}

async function listening(server: Server & { closeAllConnections(): void }, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function chat(model: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  return {
    method: 'POST',
    path: '/chat/completions',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] })),
    timeouts: TIMEOUTS,
    ...more,
  }
}

const within = (timeouts: Partial<Timeouts>) => ({ timeouts: { ...TIMEOUTS, ...timeouts } })

type Seen = {
  head: ProviderHead | null
  body: string
  chunks: number
  error: UpstreamError | null
  events: string[]
}

/** Runs a call to its end. The order of what was reported is in `events`. */
function run(
  transport: Transport,
  request: OutboundRequest,
  on: { start?: (handle: ProviderHandle) => void; data?: (handle: ProviderHandle, seen: Seen) => void } = {},
): Promise<Seen> {
  return new Promise((resolve) => {
    const seen: Seen = { head: null, body: '', chunks: 0, error: null, events: [] }
    const finish = (event: string) => {
      seen.events.push(event)
      // A turn later, so that anything reported after the end would be seen.
      setTimeout(() => resolve(seen), 20)
    }
    const sink: ProviderSink = {
      onHead(head) {
        seen.head = head
        seen.events.push('head')
      },
      onData(chunk) {
        seen.body += chunk.toString()
        seen.chunks += 1
        if (seen.events.at(-1) !== 'data') seen.events.push('data')
        on.data?.(handle, seen)
      },
      onEnd: () => finish('end'),
      onError(error) {
        seen.error = error
        finish('error')
      },
    }
    const handle = transport.start(request, sink)
    on.start?.(handle)
  })
}

describe('a healthy call', () => {
  test('reports head, data and end, with the upstream’s request id', async () => {
    const seen = await run(transportTo(upstream.url), chat('healthy'))

    expect(seen.events).toEqual(['head', 'data', 'end'])
    expect(JSON.parse(seen.body)).toMatchObject({ object: 'chat.completion' })
    expect(seen.head).toMatchObject({ status: 200, contentType: 'application/json' })
    expect(seen.head?.upstreamRequestId).toMatch(/^up-\d+$/)
  })

  test('shows only headers on the list', async () => {
    const headers = {
      'retry-after-ms': '5',
      'x-ratelimit-remaining-tokens': '9',
      'set-cookie': 'a=b',
      server: 'secret-box',
      'openai-organization': 'org-1',
      'access-control-allow-origin': '*',
    }
    upstream.on('listed', { headers })

    const { head } = await run(transportTo(upstream.url), chat('listed'))

    expect(Object.keys(head?.headers ?? {}).toSorted()).toEqual([
      'openai-processing-ms',
      'retry-after-ms',
      'x-ratelimit-limit-requests',
      'x-ratelimit-remaining-requests',
      'x-ratelimit-remaining-tokens',
    ])
  })

  test.each(['request-id', 'apim-request-id'])(
    'takes %s for the request id where x-request-id is missing',
    async (name) => {
      const url = await serverOf((_request, response) =>
        response.writeHead(200, { [name]: 'up-7' }).end('{}'),
      )

      expect((await run(transportTo(url), chat('m'))).head?.upstreamRequestId).toBe('up-7')
    },
  )

  test('puts the base path before the request’s path, whatever slashes the address ends in', async () => {
    const paths: (string | undefined)[] = []
    const url = await serverOf((request, response) => {
      paths.push(request.url)
      response.end('{}')
    })

    await run(transportTo(`${url}//`), chat('m'))

    expect(paths).toEqual(['/v1/chat/completions'])
  })
})

describe('an encoded answer', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', (bytes: Buffer) => bytes],
  ])('in %s is read although we asked for none', async (encoding, encode) => {
    const url = await serverOf((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(encode(Buffer.from('{"a":1}'))),
    )

    const seen = await run(transportTo(url), chat('m'))

    expect(seen).toMatchObject({ body: '{"a":1}', events: ['head', 'data', 'end'] })
  })

  test.each([
    ['of an unknown encoding', 'snappy', Buffer.from('x')],
    ['that is broken', 'gzip', Buffer.from('this is no gzip')],
    ['that ends too early', 'gzip', gzipSync('x'.repeat(9000)).subarray(0, 30)],
  ])('%s is malformed', async (_name, encoding, bytes) => {
    const url = await serverOf((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    )

    const seen = await run(transportTo(url), chat('m'))

    expect(seen.error).toMatchObject({ code: 'upstream_malformed', retryable: true })
    expect(seen.events.at(-1)).toBe('error')
  })

  test('that expands without end is stopped at the bound', async () => {
    const bomb = gzipSync(Buffer.alloc(MAX_RESPONSE_BYTES + 1024 ** 2))
    const url = await serverOf((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    )

    const seen = await run(transportTo(url), chat('m'))

    expect(seen.error).toMatchObject({ code: 'upstream_too_large', retryable: false })
  })
})

describe('a body', () => {
  test('beyond 64 MiB is refused, and its connection closed', async () => {
    let closed = false
    const url = await serverOf((_request, response) => {
      const piece = Buffer.alloc(1024 ** 2)
      const pump = () => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', pump).on('close', () => {
        closed = true
      })
      pump()
    })

    const seen = await run(transportTo(url), chat('m'))

    expect(seen.error?.code).toBe('upstream_too_large')
    await expect.poll(() => closed).toBe(true)
  })

  test('of an error is kept in part only', async () => {
    upstream.on('huge', { status: 500, errorBody: 'huge' })

    const { error } = await run(transportTo(upstream.url), chat('huge'))

    expect(error).toMatchObject({ code: 'upstream_unavailable', upstreamStatus: 500 })
    expect(error?.detail).toHaveLength(4096)
  })
})

describe('an error status', () => {
  test('becomes our error, with the retry headers and the request id, and no head', async () => {
    upstream.on('limited', { status: 429, retryAfter: 2 })

    const seen = await run(transportTo(upstream.url), chat('limited'))

    expect(seen.events).toEqual(['error'])
    expect(seen.error).toMatchObject({
      code: 'upstream_rate_limited',
      retryable: true,
      headers: { 'retry-after': '2' },
      upstreamRequestId: expect.stringMatching(/^up-/),
    })
    expect(seen.error?.message).not.toContain('The upstream answered')
    expect(seen.error?.detail).toContain('The upstream answered')
  })

  test('that is a redirect is never followed', async () => {
    let other = 0
    const target = await serverOf((_request, response) => {
      other += 1
      response.end('{}')
    })
    const url = await serverOf((_request, response) => response.writeHead(307, { location: target }).end())

    const seen = await run(transportTo(url), chat('m'))

    expect(seen.error).toMatchObject({ code: 'upstream_malformed', upstreamStatus: 307, retryable: false })
    expect(other).toBe(0)
  })

  test('that repeats our key is kept without it', async () => {
    upstream.on('tells', { status: 401, body: '{"error":{"message":"Wrong key sk-hunter2-hunter2."}}' })

    const { error } = await run(transportTo(upstream.url), chat('tells'))

    expect(error).toMatchObject({ code: 'upstream_auth', status: 502 })
    expect(error?.detail).toBe('{"error":{"message":"Wrong key ***."}}')
  })

  test('in a compressed body is read', async () => {
    upstream.on('packed', { status: 400, gzip: true })

    const { error } = await run(transportTo(upstream.url), chat('packed'))

    expect(error).toMatchObject({ code: 'upstream_refused' })
    expect(error?.detail).toContain('The upstream answered 400.')
  })
})

describe('a connection', () => {
  test('that is refused is unavailable', async () => {
    const { error } = await run(transportTo(await refusedUrl()), chat('m'))

    expect(error).toMatchObject({ code: 'upstream_unavailable', retryable: true, upstreamStatus: null })
    expect(error?.detail).toContain('ECONNREFUSED')
  })

  test('that is reset in the middle of a body is cut', async () => {
    upstream.on('reset', { tokens: 50, cutAfterBytes: 100, cutBy: 'reset' })

    const seen = await run(transportTo(upstream.url), chat('reset'))

    expect(seen.error).toMatchObject({ code: 'upstream_cut', retryable: true })
    expect(seen.events.at(-1)).toBe('error')
  })

  test('that closes before its content-length is cut', async () => {
    upstream.on('short', { tokens: 50, cutAfterBytes: 100, cutBy: 'half-close' })

    expect((await run(transportTo(upstream.url), chat('short'))).error?.code).toBe('upstream_cut')
  })

  test('that breaks while we wait for the head is unavailable', async () => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: upstream.port })
    closers.push(() => proxy.close())
    upstream.on('held', { hang: true })
    const asked = upstream.when((entry) => entry.model === 'held' && entry.receivedAt !== undefined)

    const running = run(transportTo(`http://127.0.0.1:${proxy.port}/v1`), chat('held'))
    await asked
    proxy.cut('rst')

    expect((await running).error).toMatchObject({ code: 'upstream_unavailable', retryable: true })
  })

  test('that speaks no HTTP is malformed', async () => {
    upstream.on('raw', { raw: 'SSH-2.0-OpenSSH_9.9\r\n' })

    expect((await run(transportTo(upstream.url), chat('raw'))).error?.code).toBe('upstream_malformed')
  })
})

describe('a timeout', () => {
  test('of the first byte ends a call that is never answered', async () => {
    const silent = await startSilentUpstream()
    closers.push(() => silent.close())

    const { error } = await run(transportTo(silent.url), chat('m', within({ firstByteMs: 50 })))

    expect(error).toMatchObject({ code: 'upstream_timeout', retryable: true, detail: 'first_byte timeout' })
    expect(error?.message).toContain('50 ms')
  })

  test('of idleness ends a body that stops', async () => {
    upstream.on('stalls', { stallAfter: 2 })
    const body = Buffer.from(
      JSON.stringify({ model: 'stalls', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    )

    const seen = await run(transportTo(upstream.url), chat('stalls', { body, ...within({ idleMs: 50 }) }))

    expect(seen.error).toMatchObject({ code: 'upstream_timeout', detail: 'idle timeout' })
    expect(seen.events).toEqual(['head', 'data', 'error'])
  })

  test('of the whole ends a body that trickles, and is not worth another try', async () => {
    const url = await serverOf((_request, response) => {
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    })

    const { error } = await run(transportTo(url), chat('m', within({ totalMs: 100, idleMs: 5000 })))

    expect(error).toMatchObject({ code: 'upstream_timeout', retryable: false, detail: 'total timeout' })
  })

  test('of idleness does not count the time our own reader takes', async () => {
    upstream.on('slow-reader', { tokens: 20 })
    const body = Buffer.from(
      JSON.stringify({ model: 'slow-reader', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    )
    let paused = false

    const seen = await run(
      transportTo(upstream.url),
      chat('slow-reader', { body, ...within({ idleMs: 100 }) }),
      {
        data(handle) {
          if (paused) return
          paused = true
          handle.pause()
          setTimeout(() => handle.resume(), 350)
        },
      },
    )

    expect(seen.error).toBeNull()
    expect(seen.body).toContain('[DONE]')
  })
})

describe('the caller', () => {
  test('who leaves closes the upstream’s connection, and hears nothing more', async () => {
    upstream.on('left', { tokens: 1000, chunkMs: 5 })
    const body = Buffer.from(
      JSON.stringify({ model: 'left', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    )
    const events: string[] = []
    const transport = transportTo(upstream.url)

    await new Promise<void>((resolve) => {
      const handle = transport.start(chat('left', { body }), {
        onHead: () => events.push('head'),
        onData() {
          events.push('data')
          handle.abort()
          handle.abort()
          resolve()
        },
        onEnd: () => events.push('end'),
        onError: () => events.push('error'),
      })
    })
    const entry = await upstream.when((one) => one.model === 'left' && one.finished !== undefined)

    expect(entry.finished).toBe('aborted')
    expect(events).toEqual(['head', 'data'])
  })

  test('who leaves before the connection is made sends nothing', async () => {
    const transport = transportTo(upstream.url)
    const before = upstream.calls('early').length

    transport.start(chat('early'), { onHead() {}, onData() {}, onEnd() {}, onError() {} }).abort()
    await run(transport, chat('after'))

    expect(upstream.calls('early')).toHaveLength(before)
  })

  test('who pauses stops the bytes until resume', async () => {
    let written = 0
    const url = await serverOf((_request, response) => {
      const piece = Buffer.alloc(64 * 1024)
      const pump = () => {
        let more = true
        while (more && written < 32 * 1024 ** 2) {
          more = response.write(piece)
          written += piece.length
        }
        if (more) response.end()
      }
      response.on('drain', pump)
      pump()
    })
    let stalledAt = 0

    const seen = await run(transportTo(url), chat('m'), {
      data(handle, { chunks }) {
        if (chunks !== 1) return
        handle.pause()
        // Socket buffers hold a few megabytes at most; without a pause all 32 would be gone by now.
        setTimeout(() => {
          stalledAt = written
          handle.resume()
        }, 300)
      },
    })

    expect(stalledAt).toBeLessThan(16 * 1024 ** 2)
    expect(seen.events.at(-1)).toBe('end')
    expect(written).toBeGreaterThanOrEqual(32 * 1024 ** 2)
  })
})

describe('calls under way', () => {
  const quiet: ProviderSink = { onHead() {}, onData() {}, onEnd() {}, onError() {} }

  test('are bounded: beyond twice the connections a call is refused at once, for another target to serve', async () => {
    const silent = await startSilentUpstream()
    closers.push(() => silent.close())
    const transport = transportTo(silent.url, 2)
    const handles = Array.from({ length: 4 }, () => transport.start(chat('m'), quiet))

    const { error } = await run(transport, chat('m'))
    for (const handle of handles) handle.abort()

    expect(error).toMatchObject({ code: 'upstream_unavailable', retryable: true })
    expect(error?.message).toContain('max_connections is 2')
    expect(silent.connections()).toBeLessThanOrEqual(2)
  })

  test('are still counted while they wait in the queue although their caller left', async () => {
    const silent = await startSilentUpstream()
    closers.push(() => silent.close())
    const transport = transportTo(silent.url, 1)
    const first = transport.start(chat('m'), quiet)
    await expect.poll(() => silent.connections()).toBe(1)
    const waiting = transport.start(chat('m'), quiet)

    waiting.abort()
    const { error } = await run(transport, chat('m'))
    first.abort()

    expect(error?.message).toContain('max_connections is 1')
  })

  test('leave room again however they ended', async () => {
    const transport = transportTo(upstream.url, 1)
    upstream.on('fails', { status: 500 })
    upstream.on('hangs', { hang: true })

    for (let round = 0; round < 5; round += 1) {
      await run(transport, chat('ok'))
      await run(transport, chat('fails'))
      await run(transport, chat('hangs', within({ firstByteMs: 20 })))
      transport.start(chat('hangs'), quiet).abort()
    }

    expect((await run(transport, chat('ok'))).error).toBeNull()
  })

  test('leave room again when nothing listens', async () => {
    const transport = transportTo(await refusedUrl(), 1)

    for (let round = 0; round < 10; round += 1) {
      expect((await run(transport, chat('m'))).error?.detail).toContain('ECONNREFUSED')
    }
  })
})

describe.skipIf(!hasOpenssl)('TLS (needs openssl to make a certificate)', () => {
  test('to a server nobody vouches for is refused, and no byte is sent', async () => {
    let asked = 0
    const server = createHttps(makeCertificate(), (_request, response) => {
      asked += 1
      response.end('{}')
    })
    const url = await listening(server, 'https')

    const { error } = await run(transportTo(`${url}/v1`), chat('m'))

    expect(error).toMatchObject({ code: 'upstream_tls', status: 502 })
    expect(asked).toBe(0)
  })
})
