/**
 * One gateway and one scripted upstream for a contract file, with what its tests ask again and again.
 * Every request sent through here carries a mark of its own, and `close` demands exactly one log row for each.
 */
import OpenAI, { type ClientOptions } from 'openai'
import { expect } from 'vitest'
import { type GatewayOptions, type RunningGateway, startGateway } from '../../support/gateway.ts'
import { startUpstream, type Upstream, type UpstreamOptions } from '../../support/upstream.ts'

const POLL_MS = 25
const POLL_LIMIT_MS = 15_000
const PAGE = 200

export const UPSTREAM_KEY = 'sk-upstream-0123456789abcdef0123456789abcdef'

/** Retries of a scripted failure would only repeat it; a test that is about retries says so itself. */
export const ONE_TRY = { retries: 0 }

interface LogRow {
  id: string
  outcome: string
  status: number
  error_code: string | null
  finish_reason: string | null
  operation: string
  requested_model: string | null
  route: string | null
  upstream: string | null
  model: string | null
  stream: boolean
  input_tokens: number | null
  output_tokens: number | null
  cached_input_tokens: number | null
  reasoning_tokens: number | null
  ttft_ms: number | null
  attempts: {
    upstream: string
    model: string
    status: number | null
    error: string | null
    detail: string | null
    upstream_request_id: string | null
  }[]
  client_request_id: string | null
  request_bytes: number
  response_bytes: number
  truncated: boolean
  occurrences: number
}

interface LogDetail extends LogRow {
  request_body: string | null
  request_body_encoding: 'utf8' | 'base64'
  response_body: string | null
  response_body_encoding: 'utf8' | 'base64'
}

interface WireAnswer {
  status: number
  headers: Headers
  bytes: Buffer
  text: string
  /** The body parsed; undefined when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the wire says and asserts on it.
  json: any
  mark: string
}

interface PostOptions {
  headers?: Record<string, string>
  key?: string
  method?: string
  signal?: AbortSignal
}

export interface Contract {
  gateway: RunningGateway
  upstream: Upstream
  /** The real client, against `/v1`, without retries of its own unless `options` say so. */
  client(options?: ClientOptions): OpenAI
  /** One request with exactly these bytes (an object is written as JSON). */
  post(path: string, body: unknown, options?: PostOptions): Promise<WireAnswer>
  /** A fresh mark for a request sent by other means; put it into `x-client-request-id`. */
  mark(): string
  /** Takes a mark back: the request is not expected to reach the log. */
  unmark(mark: string): void
  /** The row of a request by its mark (or by `req_…`), with its bodies, as soon as it has been shipped. */
  row(mark: string): Promise<LogDetail>
  /** The mark that the last request of the openai client carried. */
  lastMark(): string
  rows(): Promise<LogRow[]>
  /** Checks the log against everything that was sent, and stops both. */
  close(): Promise<void>
}

export interface ContractOptions extends GatewayOptions {
  upstream?: UpstreamOptions
  /** Builds aval.yaml; `up` is the scripted upstream's entry, ready to be used as `upstreams.up`. */
  settings?: (up: Record<string, unknown>, upstream: Upstream) => Record<string, unknown>
}

/** Asks until the answer is not null; the bound is generous, the wait is over as soon as it can be. */
export async function eventually<T>(what: string, ask: () => Promise<T | null> | T | null): Promise<T> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < POLL_LIMIT_MS) {
    const found = await ask()
    if (found !== null) return found
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`${what} did not happen within ${POLL_LIMIT_MS} ms.`)
}

async function readJson(url: string, key: string): Promise<unknown> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${key}` } })
  const body: unknown = await response.json()
  if (response.ok) return body
  throw new Error(`GET ${url} answered ${response.status}: ${JSON.stringify(body)}`)
}

async function allRows(gateway: RunningGateway): Promise<LogRow[]> {
  const rows: LogRow[] = []
  let cursor: string | null = null
  do {
    const page = (await readJson(
      `${gateway.url}/api/requests?limit=${PAGE}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      gateway.adminKey,
    )) as { data: LogRow[]; next_cursor: string | null }
    rows.push(...page.data)
    cursor = page.next_cursor
  } while (cursor !== null)
  return rows
}

function isId(mark: string): boolean {
  return mark.startsWith('req_')
}

export async function startContract(options: ContractOptions = {}): Promise<Contract> {
  const upstream = await startUpstream({ key: UPSTREAM_KEY, ...options.upstream })
  const up = { dialect: 'openai', base_url: upstream.url, key: 'env:CONTRACT_UPSTREAM_KEY' }
  const settings = options.settings?.(up, upstream) ?? {}
  let gateway: RunningGateway
  try {
    gateway = await startGateway({
      ...options,
      config: { upstreams: { up }, ...settings },
      env: { CONTRACT_UPSTREAM_KEY: UPSTREAM_KEY, OLLAMA_HOST: '127.0.0.1:9', ...options.env },
    })
  } catch (cause) {
    await upstream.close()
    throw cause
  }
  const marks = new Set<string>()
  let serial = 0
  let last = ''
  const mark = () => {
    serial += 1
    last = `mark-${serial}`
    marks.add(last)
    return last
  }
  const markedFetch: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers)
    const isCall = (init?.method ?? 'GET').toUpperCase() === 'POST'
    const given = headers.get('x-client-request-id')
    if (isCall && given === null) headers.set('x-client-request-id', mark())
    else if (isCall && given !== null) marks.add(given)
    return fetch(input, { ...init, headers })
  }
  const row = (wanted: string) =>
    eventually(`A log row for ${wanted}`, async () => {
      const id = isId(wanted)
        ? wanted
        : (await allRows(gateway)).find((one) => one.client_request_id === wanted)?.id
      if (id === undefined) return null
      const response = await fetch(`${gateway.url}/api/requests/${id}`, {
        headers: { authorization: `Bearer ${gateway.adminKey}` },
      })
      return response.ok ? ((await response.json()) as LogDetail) : null
    })
  return {
    gateway,
    upstream,
    client: (more = {}) =>
      new OpenAI({
        baseURL: `${gateway.url}/v1`,
        apiKey: gateway.appKey,
        maxRetries: 0,
        fetch: markedFetch,
        ...more,
      }),
    async post(path, body, { headers = {}, key = gateway.appKey, method = 'POST', signal } = {}) {
      const marked = headers['x-client-request-id'] ?? mark()
      marks.add(marked)
      const sent = {
        'content-type': 'application/json',
        authorization: `Bearer ${key}`,
        'x-client-request-id': marked,
        ...headers,
      }
      const exact = typeof body === 'string' || body instanceof Uint8Array
      const response = await fetch(`${gateway.url}${path}`, {
        method,
        headers: sent,
        body: exact ? (body as string) : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      })
      const bytes = Buffer.from(await response.arrayBuffer())
      const text = bytes.toString()
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch {
        json = undefined
      }
      return { status: response.status, headers: response.headers, bytes, text, json, mark: marked }
    },
    mark,
    unmark: (one) => void marks.delete(one),
    row,
    lastMark: () => last,
    rows: () => allRows(gateway),
    async close() {
      try {
        await expectOneRowEach(gateway, marks)
      } finally {
        await gateway.stop()
        await upstream.close()
      }
    },
  }
}

/** The law of the log: everything sent is on it, once. */
async function expectOneRowEach(gateway: RunningGateway, marks: ReadonlySet<string>): Promise<void> {
  const rows = await eventually('Every request on the log', async () => {
    const found = await allRows(gateway)
    const seen = new Set(found.map((one) => one.client_request_id))
    return [...marks].every((one) => seen.has(one)) ? found : null
  }).catch(async (cause: Error) => {
    const seen = new Set((await allRows(gateway)).map((one) => one.client_request_id))
    throw new Error(`${cause.message} Missing: ${[...marks].filter((one) => !seen.has(one)).join(', ')}.`)
  })
  const times = new Map<string, number>()
  for (const { client_request_id: one } of rows) if (one !== null) times.set(one, (times.get(one) ?? 0) + 1)
  expect(new Set(rows.map((one) => one.id)).size).toBe(rows.length)
  expect([...times].filter(([one, count]) => marks.has(one) && count !== 1)).toEqual([])
}

export const hello = [{ role: 'user' as const, content: 'Say hello' }]

/** Every event of an SSE answer: its data, `[DONE]` included. */
export function eventsOf(text: string): string[] {
  return text
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((block) => block.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:')))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n'))
}
