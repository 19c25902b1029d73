/**
 * A strict server of the Gemini API's batches and files on loopback (https://ai.google.dev/api/batch-api), in the shapes that its
 * documentation and answers of it show: operations, counts as texts, and a list that is empty without a size of pages.
 */

import type { IncomingHttpHeaders } from 'node:http'
import {
  BATCH_KEY,
  BatchServer,
  type Call,
  type Ending,
  echoed,
  type LineEnd,
  linesOf,
  type Reply,
  type Stop,
} from './batch-server.ts'

type Line = { key: string; request: { contents: { parts: { text?: string }[] }[] } }
type Batch = {
  id: string
  model: string
  displayName: string
  file: string
  state: 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'EXPIRED'
  createTime: string
  counts: { completed: number; failed: number }
  results: string | null
  error: { code: number; message: string } | null
}

const CREATE = /^\/v1beta\/models\/([^/:]+):batchGenerateContent$/
const ENDED = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED'])

export class GeminiBatchServer extends BatchServer<Batch> {
  readonly basePath = ''
  readonly files = new Map<string, Buffer>()

  override reset(): void {
    super.reset()
    this.files.clear()
  }

  questions(batch = this.last): { id: string; question: string; body: object }[] {
    return this.#linesOf(batch).map(({ key, request }) => ({
      id: key,
      question: questionOf(request),
      body: request,
    }))
  }

  end({ status = 'completed', each = echoed, besides = [] }: Ending = {}, batch = this.last): void {
    const lines: string[] = [...besides]
    for (const [at, { key, request }] of this.#linesOf(batch).entries()) {
      const question = questionOf(request)
      const result = resultOf(at, batch.model, each(question, key))
      if (result === null) continue
      if ('response' in result) {
        this.pay(question)
        batch.counts.completed += 1
      } else batch.counts.failed += 1
      lines.push(JSON.stringify({ key, ...result }))
    }
    batch.state = status === 'completed' ? 'SUCCEEDED' : status === 'expired' ? 'EXPIRED' : 'CANCELLED'
    if (lines.length > 0) batch.results = this.#keep(Buffer.from(`${lines.join('\n')}\n`))
  }

  /** The batch ends as a whole, with so many answers that nobody is given. */
  fail(message: string, { answered = 0 } = {}): void {
    const { last } = this
    last.state = 'FAILED'
    last.counts.completed = answered
    last.error = { code: 3, message }
  }

  stopOf(method: string, pathname: string): Stop | null {
    if (pathname === '/upload/v1beta/files') return 'upload'
    if (pathname === '/v1beta/batches') return 'list'
    if (CREATE.test(pathname)) return method === 'POST' ? 'create' : null
    if (pathname.endsWith(':cancel')) return 'cancel'
    if (pathname.endsWith(':download')) return 'content'
    return pathname.startsWith('/v1beta/batches/') ? 'read' : null
  }

  protected isAllowed(headers: IncomingHttpHeaders): boolean {
    return headers['x-goog-api-key'] === BATCH_KEY
  }

  protected refusal(status: number): object {
    return failure(status, status >= 500 ? 'UNAVAILABLE' : 'INVALID_ARGUMENT', 'Not now.')
  }

  protected answer({ method, pathname, query, headers, body }: Call): Reply {
    const model = CREATE.exec(pathname)?.[1]
    if (method === 'POST' && model !== undefined) return this.#create(model, body)
    if (method === 'POST' && pathname === '/upload/v1beta/files')
      return this.#upload(headers['content-type'] ?? '', query, body)
    if (method === 'GET' && pathname === '/v1beta/batches') return this.#list(query)
    const file = this.files.get(/^\/download\/v1beta\/(files\/[^/:]+):download$/.exec(pathname)?.[1] ?? '')
    if (method === 'GET' && file !== undefined && query.get('alt') === 'media')
      return { status: 200, body: file }
    const [, id, what] = /^\/v1beta\/batches\/([^/:]+)(:cancel)?$/.exec(pathname) ?? []
    const batch = this.batches.find((one) => one.id === id)
    if (batch === undefined) return missing(pathname)
    if (method === 'GET' && what === undefined)
      return { status: 200, body: wireOf(batch, this.#linesOf(batch)) }
    if (method === 'POST' && what !== undefined) return { status: 200, body: {} }
    return missing(pathname)
  }

  #linesOf({ file }: Batch): Line[] {
    return linesOf(this.files.get(file) ?? Buffer.alloc(0)) as Line[]
  }

  #keep(bytes: Buffer): string {
    const name = `files/f${this.files.size + 1}`
    this.files.set(name, bytes)
    return name
  }

  #upload(type: string, query: URLSearchParams, body: Buffer): Reply {
    const boundary = /^multipart\/related; boundary=(\S+)$/.exec(type)?.[1]
    if (boundary === undefined || query.get('uploadType') !== 'multipart')
      return bad('Expected multipart/related.')
    const pieces = body.toString('latin1').split(`--${boundary}`)
    if (pieces.length !== 4 || pieces[3] !== '--\r\n') return bad('The body is not whole.')
    const [about = '', content = ''] = pieces
      .slice(1, 3)
      .map((piece) => piece.slice(piece.indexOf('\r\n\r\n') + 4).replace(/\r\n$/, ''))
    const { file } = JSON.parse(about) as { file: { displayName: string; mimeType: string } }
    if (file.mimeType !== 'application/jsonl' || file.displayName.length > 512) return bad('No such file.')
    const name = this.#keep(Buffer.from(content, 'latin1'))
    return {
      status: 200,
      body: { file: { name, ...file, sizeBytes: String(content.length), state: 'ACTIVE' } },
    }
  }

  #create(model: string, body: Buffer): Reply {
    const { batch } = JSON.parse(body.toString()) as {
      batch: { display_name: string; input_config: { file_name: string } }
    }
    const file = batch.input_config.file_name
    if (!this.files.has(file)) return bad('No such file.')
    const made: Batch = {
      id: `b${this.batches.length + 1}`,
      model,
      displayName: batch.display_name,
      file,
      state: 'PENDING',
      createTime: new Date().toISOString(),
      counts: { completed: 0, failed: 0 },
      results: null,
      error: null,
    }
    this.batches.push(made)
    return { status: 200, body: wireOf(made, this.#linesOf(made)) }
  }

  #list(query: URLSearchParams): Reply {
    const size = Number(query.get('pageSize') ?? 0)
    const from = Number(query.get('pageToken') ?? 0)
    const page = this.batches.slice(from, from + size)
    const next = from + size < this.batches.length && size > 0 ? String(from + size) : undefined
    if (page.length === 0) return { status: 200, body: {} }
    const operations = page.map((batch) => wireOf(batch, this.#linesOf(batch)))
    return { status: 200, body: { operations, ...(next !== undefined && { nextPageToken: next }) } }
  }
}

function questionOf({ contents }: Line['request']): string {
  return (contents.at(-1)?.parts ?? []).map(({ text = '' }) => text).join('')
}

function resultOf(at: number, model: string, end: LineEnd): { response: object } | { error: object } | null {
  if (end === null) return null
  if ('error' in end) {
    const { code, message } = end.error
    const isUntouched = code === 'batch_expired' || code === 'batch_cancelled'
    return { error: isUntouched ? { code: 1, message: 'cancelled' } : { code: 13, message, status: code } }
  }
  if ('status' in end) return { error: { code: 3, message: 'The vendor says why.' } }
  const candidate = {
    content: { parts: [{ text: end.answer }], role: 'model' },
    finishReason: 'STOP',
    index: 0,
  }
  const usageMetadata = {
    promptTokenCount: 100,
    candidatesTokenCount: 7,
    thoughtsTokenCount: 3,
    cachedContentTokenCount: 40,
    totalTokenCount: 110,
  }
  return { response: { candidates: [candidate], usageMetadata, modelVersion: model, responseId: `r${at}` } }
}

function wireOf(batch: Batch, lines: readonly Line[]): object {
  const { id, model, displayName, file, state, createTime, counts, results, error } = batch
  const { completed, failed } = counts
  const pending = ENDED.has(state) ? 0 : lines.length
  // Counts of nothing are left out, as JSON of protobuf does.
  const batchStats = {
    requestCount: String(lines.length),
    ...(completed > 0 && { successfulRequestCount: String(completed) }),
    ...(failed > 0 && { failedRequestCount: String(failed) }),
    ...(pending > 0 && { pendingRequestCount: String(pending) }),
  }
  const output = results === null ? {} : { responsesFile: results }
  return {
    name: `batches/${id}`,
    metadata: {
      '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
      model: `models/${model}`,
      displayName,
      inputConfig: { fileName: file },
      ...(results !== null && { output }),
      createTime,
      updateTime: createTime,
      batchStats,
      state: `BATCH_STATE_${state}`,
      name: `batches/${id}`,
    },
    ...(ENDED.has(state) && { done: true }),
    ...(error !== null && { error }),
    ...(results !== null && { response: output }),
  }
}

const failure = (code: number, status: string, message: string) => ({ error: { code, message, status } })
const bad = (message: string) => ({ status: 400, body: failure(400, 'INVALID_ARGUMENT', message) })
const missing = (path: string) => ({ status: 404, body: failure(404, 'NOT_FOUND', `No such: ${path}`) })
