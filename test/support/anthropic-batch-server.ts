/**
 * A strict server of Anthropic's Message Batches on loopback (https://platform.claude.com/docs/en/api/creating-message-batches), in the
 * shapes that its documentation shows: no metadata, and what requests are called is seen in the results alone.
 */

import type { IncomingHttpHeaders } from 'node:http'
import {
  BATCH_KEY,
  BatchServer,
  type Call,
  type Ending,
  echoed,
  type LineEnd,
  type Reply,
  type Stop,
} from './batch-server.ts'

type Request = {
  custom_id: string
  params: { model: string; max_tokens: number; messages: { content: string | { text?: string }[] }[] }
}
type Batch = {
  id: string
  requests: Request[]
  processing_status: 'in_progress' | 'canceling' | 'ended'
  created_at: string
  ended_at: string | null
  counts: Record<'succeeded' | 'errored' | 'canceled' | 'expired', number>
  results: Buffer | null
}

const ROOM = '/v1/messages/batches'
const CUSTOM_ID = /^[a-zA-Z0-9_-]{1,64}$/

export class AnthropicBatchServer extends BatchServer<Batch> {
  readonly basePath = ''

  /** A batch of somebody else in the same workspace. */
  makeForeign(requests: number, { createdAt = new Date().toISOString() } = {}): Batch {
    const params = { model: 'm', max_tokens: 9, messages: [{ content: 'What is 7?' }] }
    const foreign = Array.from({ length: requests }, (_, at) => ({ custom_id: `theirs-${at}`, params }))
    return this.#make(foreign, createdAt)
  }

  questions({ requests } = this.last): { id: string; question: string; body: object }[] {
    return requests.map(({ custom_id: id, params }) => ({ id, question: questionOf(params), body: params }))
  }

  end({ status = 'completed', each = echoed, besides = [] }: Ending = {}, batch = this.last): void {
    const lines: string[] = [...besides]
    for (const [at, { custom_id: id, params }] of batch.requests.entries()) {
      const question = questionOf(params)
      const result = resultOf(at, params.model, each(question, id), status)
      if (result === null) continue
      if (result.type === 'succeeded') this.pay(question)
      batch.counts[result.type] += 1
      lines.push(JSON.stringify({ custom_id: id, result }))
    }
    batch.processing_status = 'ended'
    batch.ended_at = new Date().toISOString()
    batch.results = Buffer.from(`${lines.join('\n')}\n`)
  }

  stopOf(method: string, pathname: string): Stop | null {
    if (pathname === ROOM) return method === 'POST' ? 'create' : 'list'
    if (pathname.endsWith('/cancel')) return 'cancel'
    if (pathname.endsWith('/results')) return 'content'
    return pathname.startsWith(`${ROOM}/`) ? 'read' : null
  }

  protected isAllowed(headers: IncomingHttpHeaders): boolean {
    return headers['x-api-key'] === BATCH_KEY && headers['anthropic-version'] === '2023-06-01'
  }

  protected refusal(status: number): object {
    return failure(status >= 500 ? 'api_error' : 'invalid_request_error', 'Not now.')
  }

  protected answer({ method, pathname, query, body }: Call): Reply {
    if (method === 'POST' && pathname === ROOM) return this.#create(body)
    if (method === 'GET' && pathname === ROOM) return this.#list(query)
    const [id = '', what = ''] = pathname.slice(ROOM.length + 1).split('/')
    const batch = this.batches.find((one) => one.id === id)
    if (!pathname.startsWith(`${ROOM}/`) || batch === undefined) return missing(pathname)
    if (method === 'GET' && what === '') return { status: 200, body: wireOf(batch) }
    if (method === 'GET' && what === 'results')
      return batch.results === null ? missing(pathname) : { status: 200, body: batch.results }
    if (method === 'POST' && what === 'cancel') return cancelled(batch)
    return missing(pathname)
  }

  #create(body: Buffer): Reply {
    const { requests } = JSON.parse(body.toString()) as { requests?: Request[] }
    if (!Array.isArray(requests) || requests.length === 0 || requests.length > 100_000)
      return bad('requests: List should have 1 to 100000 items.')
    const ids = requests.map(({ custom_id: id }) => id)
    if (new Set(ids).size !== ids.length) return bad('custom_id must be unique.')
    if (!ids.every((id) => CUSTOM_ID.test(id))) return bad('custom_id: String should match the pattern.')
    return { status: 200, body: wireOf(this.#make(requests, new Date().toISOString())) }
  }

  #make(requests: Request[], createdAt: string): Batch {
    const batch: Batch = {
      id: `msgbatch_${this.batches.length + 1}`,
      requests,
      processing_status: 'in_progress',
      created_at: createdAt,
      ended_at: null,
      counts: { succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      results: null,
    }
    this.batches.push(batch)
    return batch
  }

  #list(query: URLSearchParams): Reply {
    const limit = Number(query.get('limit') ?? 20)
    if (!(limit >= 1 && limit <= 1000)) return bad('limit is 1 to 1000.')
    const newest = this.batches.toReversed()
    const after = query.get('after_id')
    const from = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1
    const page = newest.slice(from, from + limit)
    const body = {
      data: page.map(wireOf),
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
      has_more: from + limit < newest.length,
    }
    return { status: 200, body }
  }
}

function questionOf({ messages }: Request['params']): string {
  const content = messages.at(-1)?.content ?? ''
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('')
}

type Result =
  | { type: 'succeeded'; message: object }
  | { type: 'errored'; error: object }
  | { type: 'canceled' }
  | { type: 'expired' }

function resultOf(
  at: number,
  model: string,
  end: LineEnd,
  status: NonNullable<Ending['status']>,
): Result | null {
  if (end === null) {
    if (status === 'completed') return null
    return { type: status === 'expired' ? 'expired' : 'canceled' }
  }
  if ('error' in end) {
    const { code, message } = end.error
    if (code === 'batch_expired') return { type: 'expired' }
    if (code === 'batch_cancelled') return { type: 'canceled' }
    return { type: 'errored', error: failure(code, message) }
  }
  if ('status' in end) return { type: 'errored', error: failure(end.code, 'The vendor says why.') }
  const message = {
    id: `msg_${at}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text: end.answer }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 60,
      cache_read_input_tokens: 40,
      cache_creation_input_tokens: 0,
      output_tokens: 10,
      service_tier: 'batch',
    },
  }
  return { type: 'succeeded', message }
}

function wireOf({ requests, counts, results, ...batch }: Batch): object {
  const ended = Object.values(counts).reduce((sum, count) => sum + count, 0)
  return {
    ...batch,
    type: 'message_batch',
    archived_at: null,
    cancel_initiated_at: null,
    expires_at: new Date(Date.parse(batch.created_at) + 86_400_000).toISOString(),
    request_counts: { processing: batch.ended_at === null ? requests.length - ended : 0, ...counts },
    results_url: results === null ? null : `https://api.anthropic.com${ROOM}/${batch.id}/results`,
  }
}

function cancelled(batch: Batch): Reply {
  if (batch.processing_status === 'ended') return bad('It has ended.')
  batch.processing_status = 'canceling'
  return { status: 200, body: wireOf(batch) }
}

const failure = (type: string, message: string) => ({ type: 'error', error: { type, message } })
const bad = (message: string) => ({ status: 400, body: failure('invalid_request_error', message) })
const missing = (path: string) => ({ status: 404, body: failure('not_found_error', `No such: ${path}`) })
