/**
 * A scripted OpenAI-compatible upstream on loopback, with a journal of what reached it and how each exchange ended.
 * Never shares a script between requests: a test scripts its own by the model name it sends, so neighbours do not mix.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { answerTo, errorAnswer } from './openai-wire.ts'
import { modelAnswer, modelsAnswer } from './openai-wire-data.ts'
import type { Json } from './openai-wire-shared.ts'
import { type Script, scriptFromModel } from './upstream-script.ts'
import { sendAnswer } from './upstream-send.ts'

const WAIT_LIMIT_MS = 10_000

/** One request as the upstream saw it. `finished` is absent while the exchange is open. */
interface JournalEntry {
  /** 1, 2, 3 … in order of arrival; answers carry it (`chatcmpl-up3`, `x-request-id: up-3`). */
  id: number
  method: string
  /** With the query string. */
  path: string
  headers: Record<string, string | string[] | undefined>
  /** Exact bytes; complete once `receivedAt` is set. */
  body: Buffer
  /** The body parsed, or undefined when it is not JSON. */
  json: Json | undefined
  model: string | undefined
  startedAt: number
  receivedAt?: number
  /** complete: all bytes were taken; aborted: the caller left; cut: the script broke it off. */
  finished?: 'complete' | 'aborted' | 'cut'
  /** How long after `startedAt` the caller left. */
  abortedAfterMs?: number
  script: Script
}

export interface Upstream {
  /** `http://127.0.0.1:<port>/v1` */
  url: string
  port: number
  journal: JournalEntry[]
  /**
   * Scripts the next requests for a model, one script each; the last stays in force.
   * `upstream.on('flaky', { status: 500 }, {})` fails once and then answers.
   */
  on(model: string, ...scripts: Script[]): void
  /** Entries whose model (with or without its `?…` part) is this one. */
  calls(model: string): JournalEntry[]
  /** Resolves with the first entry the predicate accepts, also a later one; rejects after `timeoutMs`. */
  when(accepts: (entry: JournalEntry) => boolean, timeoutMs?: number): Promise<JournalEntry>
  /** Forgets journal and registered scripts. */
  reset(): void
  /** Cuts every connection and closes the port. */
  close(): Promise<void>
}

export interface UpstreamOptions {
  /** In force for every request that brings no script of its own. */
  script?: Script
  /** Demand this bearer token (or `x-api-key`); anything else is answered 401. */
  key?: string
  /** What GET /v1/models lists. */
  models?: readonly string[]
  port?: number
}

interface State {
  options: UpstreamOptions
  journal: JournalEntry[]
  scripts: Map<string, Script[]>
  watchers: Set<(entry: JournalEntry) => void>
  serial: number
}

const bareName = (model: string) => model.split('?')[0] ?? model

function takeScript(state: State, model: string | undefined): Script {
  if (model === undefined) return state.options.script ?? {}
  const queue = state.scripts.get(model) ?? state.scripts.get(bareName(model))
  const registered = queue === undefined ? undefined : queue.length > 1 ? queue.shift() : queue[0]
  return { ...state.options.script, ...registered, ...scriptFromModel(model) }
}

function notify(state: State, entry: JournalEntry): void {
  for (const watcher of [...state.watchers]) watcher(entry)
}

function openEntry(state: State, request: IncomingMessage): JournalEntry {
  state.serial += 1
  const entry: JournalEntry = {
    id: state.serial,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.alloc(0),
    json: undefined,
    model: undefined,
    startedAt: performance.now(),
    script: {},
  }
  state.journal.push(entry)
  return entry
}

async function readBody(request: IncomingMessage, entry: JournalEntry): Promise<boolean> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    // The caller left while sending; the journal says so through `finished`.
    return false
  }
  entry.body = Buffer.concat(parts)
  try {
    entry.json = JSON.parse(entry.body.toString()) as Json
    if (typeof entry.json.model === 'string') entry.model = entry.json.model
  } catch {
    entry.json = undefined
  }
  entry.receivedAt = performance.now()
  return true
}

function isKnown(state: State, entry: JournalEntry): boolean {
  const { key } = state.options
  if (key === undefined) return true
  return entry.headers.authorization === `Bearer ${key}` || entry.headers['x-api-key'] === key
}

async function answer(state: State, entry: JournalEntry, response: ServerResponse): Promise<void> {
  const script = entry.script
  if (script.delayMs !== undefined) await sleep(script.delayMs)
  if (script.hang || response.destroyed) return
  if (script.raw !== undefined) {
    response.socket?.end(script.raw)
    return
  }
  if (!isKnown(state, entry)) {
    const refusal = JSON.stringify(errorAnswer(401, 'Incorrect API key provided.', 'invalid_api_key'))
    return sendAnswer(response, undefined, { ...script, status: 401, body: refusal }, entry.id)
  }
  if (script.body !== undefined || script.errorBody !== undefined || (script.status ?? 200) >= 400) {
    return sendAnswer(response, undefined, script, entry.id)
  }
  const path = new URL(entry.path, 'http://upstream').pathname
  if (entry.method === 'GET' && path.includes('/models')) {
    const name = path.split('/models/')[1]
    const names = state.options.models ?? ['mock']
    const body = name === undefined ? modelsAnswer(names) : modelAnswer(decodeURIComponent(name))
    return sendAnswer(response, { kind: 'json', body }, script, entry.id)
  }
  const found = entry.json === undefined ? undefined : answerTo(path, entry.json, script, entry.id)
  const missing = { ...script, status: entry.json === undefined ? 400 : 404 }
  return sendAnswer(response, found, found === undefined ? missing : script, entry.id)
}

const cutsItself = (script: Script) =>
  script.raw !== undefined || script.cutAfter !== undefined || script.cutAfterBytes !== undefined

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const entry = openEntry(state, request)
  response.on('error', () => undefined)
  response.on('close', () => {
    entry.finished = response.writableFinished ? 'complete' : cutsItself(entry.script) ? 'cut' : 'aborted'
    if (entry.finished === 'aborted') entry.abortedAfterMs = performance.now() - entry.startedAt
    notify(state, entry)
  })
  if (!(await readBody(request, entry))) return
  entry.script = takeScript(state, entry.model)
  notify(state, entry)
  await answer(state, entry, response)
}

function waitForEntry(
  state: State,
  accepts: (entry: JournalEntry) => boolean,
  timeoutMs: number,
): Promise<JournalEntry> {
  const found = state.journal.find(accepts)
  if (found !== undefined) return Promise.resolve(found)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      state.watchers.delete(watcher)
      const seen = state.journal.map(
        (entry) => `${entry.id} ${entry.path} ${entry.model} ${entry.finished ?? 'open'}`,
      )
      reject(
        new Error(
          `No such request reached the upstream within ${timeoutMs} ms. Journal: ${seen.join('; ') || 'empty'}.`,
        ),
      )
    }, timeoutMs)
    const watcher = (entry: JournalEntry) => {
      if (!accepts(entry)) return
      clearTimeout(timer)
      state.watchers.delete(watcher)
      resolve(entry)
    }
    state.watchers.add(watcher)
  })
}

async function listen(
  server: { listen: Server['listen']; address: Server['address'] },
  port = 0,
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    ;(server as Server).once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}

/** Starts an upstream on a free loopback port. Close it in `afterAll`. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const state: State = { options, journal: [], scripts: new Map(), watchers: new Set(), serial: 0 }
  const server = createServer((request, response) => {
    handle(state, request, response).catch((cause: unknown) => {
      // A bug of the mock must not look like a fault of an upstream.
      console.error('scripted upstream failed', cause)
      response.destroy()
    })
  })
  server.keepAliveTimeout = 60_000
  const port = await listen(server, options.port)
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    journal: state.journal,
    on: (model, ...scripts) => void state.scripts.set(model, [...scripts]),
    calls: (model) =>
      state.journal.filter((entry) => entry.model === model || bareName(entry.model ?? '') === model),
    when: (accepts, timeoutMs = WAIT_LIMIT_MS) => waitForEntry(state, accepts, timeoutMs),
    reset: () => {
      state.journal.length = 0
      state.scripts.clear()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A base URL on which nothing listens: connections are refused at once. */
export async function refusedUrl(): Promise<string> {
  const server = createTcpServer()
  const port = await listen(server as unknown as Server)
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}/v1`
}

/** An upstream that takes connections and bytes and never answers. */
export async function startSilentUpstream(): Promise<{
  url: string
  connections: () => number
  close: () => Promise<void>
}> {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createTcpServer((socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  })
  const port = await listen(server as unknown as Server)
  return {
    url: `http://127.0.0.1:${port}/v1`,
    connections: () => accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
