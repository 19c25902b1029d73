/**
 * A strict server of OpenAI's Batch API on loopback (https://platform.openai.com/docs/api-reference/batch), in the shapes that its
 * documentation shows.
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

type Line = {
  custom_id: string
  method: string
  url: string
  body: { model: string; messages: { content: string }[] }
}
type Problem = { code: string; message: string; param: string | null; line: number | null }
type Batch = {
  id: string
  input_file_id: string
  metadata: Record<string, string>
  status: string
  created_at: number
  output_file_id: string | null
  error_file_id: string | null
  errors: Problem[]
  counts: { total: number; completed: number; failed: number }
}

export class OpenAIBatchServer extends BatchServer<Batch> {
  readonly basePath = '/v1'
  readonly files = new Map<string, Buffer>()
  /** Lines that the validation complains of: by number, and null for the whole file. */
  problems: (lines: readonly Line[]) => Problem[] = () => []

  override reset(): void {
    super.reset()
    this.files.clear()
    this.problems = () => []
  }

  linesOf({ input_file_id: id }: Batch): Line[] {
    return linesOf(this.files.get(id) ?? Buffer.alloc(0)) as Line[]
  }

  questions(batch = this.last): { id: string; question: string; body: object }[] {
    return this.linesOf(batch).map(({ custom_id: id, body }) => ({
      id,
      question: body.messages.at(-1)?.content ?? '',
      body,
    }))
  }

  end({ status = 'completed', each = echoed, besides = [] }: Ending = {}, batch = this.last): void {
    const output: string[] = [...besides]
    const errors: string[] = []
    for (const [at, line] of this.linesOf(batch).entries()) {
      const question = line.body.messages.at(-1)?.content ?? ''
      const end = each(question, line.custom_id)
      if (end === null) continue
      const text = JSON.stringify(resultLine(at, line, end))
      if ('answer' in end) {
        this.pay(question)
        output.push(text)
      } else errors.push(text)
    }
    batch.status = status
    batch.counts.completed = output.length - besides.length
    batch.counts.failed = errors.length
    if (output.length > 0) batch.output_file_id = this.#keep(Buffer.from(`${output.join('\n')}\n`))
    if (errors.length > 0) batch.error_file_id = this.#keep(Buffer.from(`${errors.join('\n')}\n`))
  }

  #keep(bytes: Buffer): string {
    const id = `file-${this.files.size + 1}`
    this.files.set(id, bytes)
    return id
  }

  stopOf(method: string, pathname: string): Stop | null {
    if (method === 'POST' && pathname === '/v1/files') return 'upload'
    if (pathname === '/v1/batches') return method === 'POST' ? 'create' : 'list'
    if (pathname.endsWith('/cancel')) return 'cancel'
    if (pathname.endsWith('/content')) return 'content'
    return /^\/v1\/batches\/./.test(pathname) ? 'read' : null
  }

  protected isAllowed({ authorization }: IncomingHttpHeaders): boolean {
    return authorization === `Bearer ${BATCH_KEY}`
  }

  protected refusal(): object {
    return failure('Not now.', 'server_error')
  }

  protected answer({ method, pathname, query, headers, body }: Call): Reply {
    const [, , room = '', id = '', what = ''] = pathname.split('/')
    if (method === 'POST' && room === 'files' && id === '')
      return this.#upload(headers['content-type'] ?? '', body)
    if (method === 'GET' && room === 'files' && what === 'content') {
      const file = this.files.get(id)
      return file === undefined ? missing(id) : { status: 200, body: file }
    }
    if (method === 'POST' && room === 'batches' && id === '') return this.#create(body)
    if (method === 'GET' && room === 'batches' && id === '') return this.#list(query)
    const batch = this.batches.find((one) => one.id === id)
    if (room !== 'batches' || batch === undefined) return missing(id)
    if (method === 'GET' && what === '') return { status: 200, body: wireOf(batch) }
    if (method === 'POST' && what === 'cancel') return cancelled(batch)
    return missing(pathname)
  }

  #upload(type: string, body: Buffer): { status: number; body: object } {
    const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(type)?.[1]
    if (boundary === undefined) return bad('Expected multipart/form-data.')
    const text = body.toString('latin1')
    const pieces = text.split(`--${boundary}`)
    if (pieces.length !== 4 || pieces[3] !== '--\r\n') return bad('The form is not whole.')
    const fields = new Map(
      pieces.slice(1, 3).map((piece) => {
        const [head = '', ...rest] = piece.split('\r\n\r\n')
        return [/name="([^"]+)"/.exec(head)?.[1], rest.join('\r\n\r\n').replace(/\r\n$/, '')]
      }),
    )
    if (fields.get('purpose') !== 'batch') return bad('purpose is missing.')
    const content = fields.get('file')
    if (content === undefined || !/filename="[^"]+\.jsonl"/.test(text)) return bad('file is missing.')
    const id = this.#keep(Buffer.from(content, 'latin1'))
    const bytes = content.length
    const file = {
      id,
      object: 'file',
      bytes,
      created_at: seconds(),
      filename: 'part.jsonl',
      purpose: 'batch',
    }
    return { status: 200, body: file }
  }

  #create(body: Buffer): { status: number; body: object } {
    const order = JSON.parse(body.toString()) as {
      input_file_id: string
      endpoint: string
      completion_window: string
      metadata?: Record<string, string>
    }
    const { input_file_id: fileId, endpoint, completion_window: window, metadata = {} } = order
    const file = this.files.get(fileId)
    if (file === undefined) return bad('No such input_file_id.')
    if (endpoint !== '/v1/chat/completions') return bad('Unknown endpoint.')
    if (window !== '24h') return bad('completion_window must be 24h.')
    const isText = Object.values(metadata).every((value) => typeof value === 'string' && value.length <= 512)
    if (!isText || Object.keys(metadata).length > 16) return bad('metadata holds at most 16 texts.')
    const lines = linesOf(file) as Line[]
    const errors = [...validated(lines), ...this.problems(lines)]
    const batch: Batch = {
      id: `batch_${this.batches.length + 1}`,
      input_file_id: fileId,
      metadata,
      status: errors.length > 0 ? 'failed' : 'in_progress',
      created_at: seconds(),
      output_file_id: null,
      error_file_id: null,
      errors,
      counts: { total: lines.length, completed: 0, failed: 0 },
    }
    this.batches.push(batch)
    return { status: 200, body: { ...wireOf(batch), status: 'validating' } }
  }

  #list(query: URLSearchParams): { status: number; body: object } {
    const limit = Number(query.get('limit') ?? 20)
    if (!(limit >= 1 && limit <= 100)) return bad('limit is 1 to 100.')
    const newest = this.batches.toReversed()
    const from = query.get('after') === null ? 0 : newest.findIndex(({ id }) => id === query.get('after')) + 1
    const page = newest.slice(from, from + limit)
    const body = {
      object: 'list',
      data: page.map(wireOf),
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
      has_more: from + limit < newest.length,
    }
    return { status: 200, body }
  }
}

const seconds = () => Math.floor(Date.now() / 1000)

function validated(lines: readonly Line[]): Problem[] {
  const seen = new Set<string>()
  return lines.flatMap((line, at): Problem[] => {
    const problem = (code: string) => [
      { code, message: `Line ${at + 1}: ${code}.`, param: null, line: at + 1 },
    ]
    if (seen.has(line.custom_id)) return problem('duplicate_custom_id')
    seen.add(line.custom_id)
    if (line.method !== 'POST') return problem('invalid_method')
    if (line.url !== '/v1/chat/completions') return problem('invalid_url')
    if (typeof line.body.model !== 'string' || !Array.isArray(line.body.messages))
      return problem('invalid_body')
    return []
  })
}

function wireOf(batch: Batch): object {
  const { counts, errors, ...rest } = batch
  return {
    object: 'batch',
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...rest,
    errors: errors.length === 0 ? null : { object: 'list', data: errors },
    expires_at: batch.created_at + 86_400,
    request_counts: counts,
  }
}

function cancelled(batch: Batch): { status: number; body: object } {
  if (batch.status !== 'in_progress' && batch.status !== 'cancelling') return bad('It has ended.')
  batch.status = 'cancelling'
  return { status: 200, body: wireOf(batch) }
}

function resultLine(at: number, { custom_id: customId, body }: Line, end: Exclude<LineEnd, null>): object {
  const base = { id: `batch_req_${at}`, custom_id: customId }
  if ('error' in end) return { ...base, response: null, error: end.error }
  const requestId = `up-${at}`
  if ('status' in end) {
    const refusal = {
      error: { message: 'The vendor says why.', type: 'invalid_request_error', code: end.code, param: null },
    }
    return {
      ...base,
      response: { status_code: end.status, request_id: requestId, body: refusal },
      error: null,
    }
  }
  const message = { role: 'assistant', content: end.answer, refusal: null }
  const completion = {
    id: `chatcmpl-${at}`,
    object: 'chat.completion',
    created: seconds(),
    model: body.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 110,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  }
  return { ...base, response: { status_code: 200, request_id: requestId, body: completion }, error: null }
}

const failure = (message: string, code: string | null) => ({
  error: { message, type: 'invalid_request_error', param: null, code },
})
const bad = (message: string) => ({ status: 400, body: failure(message, null) })
const missing = (id: string) => ({ status: 404, body: failure(`No such object: ${id}`, null) })
