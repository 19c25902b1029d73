import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { createDocumentFetcher, type DocumentFetcher } from '../../../src/providers/fetch-document.ts'
import { isPublicAddress } from '../../../src/providers/public-address.ts'

const servers: Server[] = []
const fetchers: DocumentFetcher[] = []
afterEach(async () => {
  await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()))
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(answer: RequestListener): Promise<number> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Every name leads to this machine, as an attacker's could. */
const inwards: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

function get(url: string, settings: Partial<Parameters<typeof createDocumentFetcher>[0]> = {}) {
  const fetcher = createDocumentFetcher({ privateHosts: [], lookup: inwards, ...settings })
  fetchers.push(fetcher)
  return fetcher.fetch(url, new AbortController().signal)
}

describe('a document', () => {
  test('comes with its bytes and what the server says it is', async () => {
    const port = await listen((_request, response) => {
      response.setHeader('content-type', 'text/HTML; charset=utf-8')
      response.end('<p>Hello')
    })

    const { bytes, mediaType } = await get(`http://127.0.0.1:${port}/a`)

    expect({ text: bytes.toString(), mediaType }).toEqual({ text: '<p>Hello', mediaType: 'text/html' })
  })

  test('is unpacked when the server compresses all the same, up to the limit', async () => {
    const port = await listen((_request, response) => {
      response.setHeader('content-encoding', 'gzip')
      response.end(gzipSync('x'.repeat(100_000)))
    })

    expect((await get(`http://127.0.0.1:${port}/`)).bytes).toHaveLength(100_000)
    await expect(get(`http://127.0.0.1:${port}/`, { maxBytes: 50_000 })).rejects.toMatchObject({
      kind: 'too_large',
    })
  })

  test.each([
    ['says so', { 'content-length': '60000' }],
    ['does not say so', {}],
  ])('that is too large is refused when its server %s', async (_how, headers) => {
    const port = await listen((_request, response) => {
      response.writeHead(200, headers)
      response.end(Buffer.alloc(60_000))
    })

    await expect(get(`http://127.0.0.1:${port}/`, { maxBytes: 50_000 })).rejects.toMatchObject({
      kind: 'too_large',
      message: expect.stringContaining('more than 50000 bytes'),
    })
  })

  test('that does not come in time is given up', async () => {
    const port = await listen((_request, response) => void response.write('begun'))

    await expect(get(`http://127.0.0.1:${port}/`, { timeoutMs: 200 })).rejects.toMatchObject({
      kind: 'timeout',
    })
  })

  test('that is not there is told with the status', async () => {
    const port = await listen((_request, response) => void response.writeHead(404).end('gone'))

    await expect(get(`http://127.0.0.1:${port}/a.md`)).rejects.toThrow(/answered 404 for \/a\.md/)
  })

  test('on a port where nobody listens is told with the reason', async () => {
    await expect(get('http://127.0.0.1:1/')).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
    )
  })

  test('whose address holds a password is not fetched', async () => {
    await expect(get('http://user:secret@127.0.0.1:1/')).rejects.toThrow(/holds a password/)
  })
})

describe('redirects', () => {
  test('are followed, at most five', async () => {
    const port = await listen((request, response) => {
      const at = Number(request.url?.slice(1))
      if (at < 5) response.writeHead(302, { location: `/${at + 1}` }).end('elsewhere')
      else if (at === 5) response.end('here')
      else response.writeHead(301, { location: `/${at + 1}` }).end()
    })

    expect((await get(`http://127.0.0.1:${port}/0`)).bytes.toString()).toBe('here')
    await expect(get(`http://127.0.0.1:${port}/6`)).rejects.toThrow(/more than 5 times/)
  })

  test.each([
    'http://127.0.0.1:1/',
    'http://[::1]:1/',
    'http://169.254.169.254/latest',
    'http://localhost:1/',
  ])('to %s are refused: a server is not trusted with where inside we go', async (location) => {
    const port = await listen((_request, response) => void response.writeHead(302, { location }).end())

    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('which is inside'),
    })
  })

  test('to a file or to what is no address are refused', async () => {
    for (const location of ['file:///etc/passwd', 'http://']) {
      const port = await listen((_request, response) => void response.writeHead(302, { location }).end())
      await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ kind: 'refused' })
    }
  })
})

describe('a name that leads inside', () => {
  test('is refused, with how to allow it', async () => {
    const port = await listen((_request, response) => void response.end('secret'))

    await expect(get(`http://wiki.example:${port}/`)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/wiki\.example leads inside \(127\.0\.0\.1\).*documents\.private_hosts/),
    })
  })

  test('is fetched when a person has allowed it', async () => {
    const port = await listen((_request, response) => void response.end('ours'))

    const { bytes } = await get(`http://WIKI.example:${port}/`, { privateHosts: ['Wiki.Example'] })

    expect(bytes.toString()).toBe('ours')
  })
})

test.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['10.1.2.3', false],
  ['172.31.0.1', false],
  ['192.168.1.1', false],
  ['100.64.0.1', false],
  ['169.254.169.254', false],
  ['0.0.0.0', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::ffff:10.0.0.1', false],
  ['::ffff:8.8.8.8', true],
  ['64:ff9b::a00:1', false],
  ['fd00::1', false],
  ['fe80::1', false],
  ['wiki.example', false],
])('%s is public: %s', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic)
})
