/**
 * Fetches a document from an address that somebody gave. Where the address, or a redirect, leads to is not trusted: names
 * and redirects never lead to this machine or its network, unless a person has named that host.
 */

import { lookup as lookUp } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, type Dispatcher, request } from 'undici'
import { createDecoder } from './decode.ts'
import { isPublicAddress, literalHost, namesInside } from './public-address.ts'

type FetchedDocument = {
  bytes: Buffer
  /** `text/html`, without parameters; null when the server did not say. */
  mediaType: string | null
}

export type DocumentFetcher = {
  /** Rejects with FetchError, or with the signal's own reason. */
  fetch(url: string, signal: AbortSignal): Promise<FetchedDocument>
  close(): Promise<void>
}

/** A document that cannot be had; its message says why and what to do. */
export class FetchError extends Error {
  override name = 'FetchError'
  readonly kind: 'unreachable' | 'refused' | 'too_large' | 'timeout'
  constructor(kind: FetchError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

export type FetchSettings = {
  /** Hosts whose names may lead inside: `wiki.corp`. */
  privateHosts: readonly string[]
  /** Default 30 s, for a document with its redirects. */
  timeoutMs?: number
  /** Default 64 MiB. */
  maxBytes?: number
  /** The system's own by default. */
  lookup?: LookupFunction
}

const MAX_REDIRECTS = 5
const TIMEOUT_MS = 30_000
const MAX_BYTES = 64 * 1024 ** 2
const CONNECT_TIMEOUT_MS = 10_000
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'aval' }

/** Opens no connection before the first fetch. */
export function createDocumentFetcher(settings: FetchSettings): DocumentFetcher {
  const { timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, lookup = lookUp as LookupFunction } = settings
  const trusted = new Set(settings.privateHosts.map((host) => host.toLowerCase()))
  const agents = {
    anywhere: openAgent(lookup),
    // What is looked at is what is connected to: a name cannot lead elsewhere in between.
    outside: openAgent(onlyPublic(lookup)),
  }
  return {
    fetch: async (given, signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      try {
        return await follow(new URL(given), { trusted, agents, maxBytes, signal: limit })
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof FetchError) throw error
        const host = new URL(given).host
        if (limit.aborted) {
          const seconds = timeoutMs / 1000
          throw new FetchError('timeout', `${host} did not send the document within ${seconds} s.`, error)
        }
        throw new FetchError('unreachable', `${host} cannot be reached (${reasonOf(error)}).`, error)
      }
    },
    close: async () => {
      await Promise.all([agents.anywhere.destroy(), agents.outside.destroy()])
    },
  }
}

type Way = {
  trusted: ReadonlySet<string>
  agents: { anywhere: Dispatcher; outside: Dispatcher }
  maxBytes: number
  signal: AbortSignal
}

async function follow(first: URL, way: Way): Promise<FetchedDocument> {
  let url = first
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const dispatcher = dispatcherFor(url, first, way)
    const answer = await request(url.href, { dispatcher, headers: HEADERS, signal: way.signal })
    const location = answer.headers.location
    if (!REDIRECTS.has(answer.statusCode) || typeof location !== 'string') return await read(url, answer, way)
    // Its body is of no use; the connection goes with it when it is long.
    await answer.body.dump({ limit: 16_384, signal: way.signal })
    if (!URL.canParse(location, url.href)) {
      throw new FetchError('refused', `${url.host} redirects to what is no address.`)
    }
    url = new URL(location, url.href)
  }
  throw new FetchError('refused', `${first.host} redirects more than ${MAX_REDIRECTS} times.`)
}

/** The connections that this address may use. Throws FetchError for one that may use none. */
function dispatcherFor(url: URL, first: URL, { trusted, agents }: Way): Dispatcher {
  const isRedirect = url !== first
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new FetchError('refused', `${url.protocol} is not fetched. Give an http:// or https:// address.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new FetchError('refused', `The address of ${url.host} holds a password, which is not sent.`)
  }
  const host = literalHost(url) ?? url.hostname.toLowerCase()
  if (trusted.has(host)) return agents.anywhere
  if (!namesInside(url)) return agents.outside
  // Whoever gave this very host meant it; a server that redirects there is somebody else.
  if (!isRedirect || url.host === first.host) return agents.anywhere
  throw new FetchError(
    'refused',
    `${first.host} redirects to ${host}, which is inside. Give that address itself, or allow its host in aval.yaml: documents.private_hosts`,
  )
}

async function read(
  url: URL,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { maxBytes, signal }: Way,
): Promise<FetchedDocument> {
  // What is ended in the middle says so as an error, which nobody else may be there to hear.
  body.on('error', () => undefined)
  if (statusCode !== 200) {
    await body.dump({ limit: 16_384, signal })
    throw new FetchError('unreachable', `${url.host} answered ${statusCode} for ${url.pathname}.`)
  }
  const tooLarge = () =>
    new FetchError(
      'too_large',
      `${url.host} sends more than ${maxBytes} bytes for ${url.pathname}. Split it.`,
    )
  if (Number(headers['content-length'] ?? 0) > maxBytes) {
    body.destroy()
    throw tooLarge()
  }
  const encoding = String(headers['content-encoding'] ?? 'identity')
  const bytes = await gather(body, encoding, maxBytes, tooLarge)
  const mediaType =
    String(headers['content-type'] ?? '')
      .split(';', 1)[0]
      ?.trim()
      .toLowerCase() ?? ''
  return { bytes, mediaType: mediaType === '' ? null : mediaType }
}

function gather(
  body: Dispatcher.ResponseData['body'],
  encoding: string,
  maxBytes: number,
  tooLarge: () => FetchError,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const parts: Buffer[] = []
  let bytes = 0
  const fail = (error: unknown) => {
    decoder?.close()
    body.destroy()
    reject(error)
  }
  const keep = (part: Buffer) => {
    bytes += part.length
    if (bytes > maxBytes) fail(tooLarge())
    else parts.push(part)
  }
  const end = () => resolve(Buffer.concat(parts))
  const onError = (message: string) =>
    fail(new FetchError('unreachable', `The document cannot be read: ${message}.`))
  const decoder =
    encoding === 'identity' ? null : createDecoder(encoding, { onData: keep, onEnd: end, onError })
  body.on('error', fail)
  if (decoder === null && encoding !== 'identity') onError(`it is sent as "${encoding.slice(0, 40)}"`)
  else if (decoder === null) body.on('data', keep).on('end', end)
  else body.on('data', (part: Buffer) => decoder.write(part)).on('end', () => decoder.end())
  return promise
}

function openAgent(lookup: LookupFunction): Agent {
  return new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, lookup },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxHeaderSize: 32 * 1024,
  })
}

/** A lookup that knows no address inside; a name that has no other is refused. */
function onlyPublic(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      const all = Array.isArray(found) ? found : []
      const usable = all.filter(({ address }) => isPublicAddress(address))
      const [one] = usable
      if (one === undefined) {
        const message = `${hostname} leads inside (${all.map(({ address }) => address).join(', ')}). Allow it in aval.yaml: documents.private_hosts`
        return callback(new FetchError('refused', message), '', 0)
      }
      if (options.all === true) callback(null, usable)
      else callback(null, one.address, one.family)
    })
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return code ?? message ?? 'no answer'
}
