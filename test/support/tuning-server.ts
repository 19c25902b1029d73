/**
 * A strict server of OpenAI's fine-tuning API on loopback (https://platform.openai.com/docs/api-reference/fine-tuning), in the shapes
 * that its documentation shows. Jobs end when a test says so. It remembers which it was given, hence what somebody pays for.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TUNING_KEY = 'sk-tuning-0123456789'

type Job = {
  id: string
  model: string
  training_file: string
  validation_file: string | null
  metadata: Record<string, string>
  method: { type: 'supervised' | 'dpo' } & Record<string, unknown>
  seed: number
  suffix: string | null
  status: string
  fine_tuned_model: string | null
  trained_tokens: number | null
  error: { code: string; message: string; param: string | null } | null
  created_at: number
  estimated_finish: number | null
}
export type TuningStop = 'upload' | 'create' | 'list' | 'read' | 'cancel'
type Answer = { status: number; body: object }

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  supervised: ['n_epochs', 'batch_size', 'learning_rate_multiplier'],
  dpo: ['n_epochs', 'batch_size', 'learning_rate_multiplier', 'beta'],
}
const KNOWN = ['model', 'training_file', 'validation_file', 'suffix', 'seed', 'method', 'metadata']

export class TuningServer {
  readonly files = new Map<string, string>()
  readonly jobs: Job[] = []
  readonly calls: string[] = []
  /** The next call of this kind does its work, and is answered never. */
  stopAt: TuningStop | null = null
  /** The next call of this kind is answered with this status and does nothing. */
  refuse: { at: TuningStop; status: number; message: string } | null = null
  #stopped: (() => void) | null = null
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((error: unknown) => {
      console.error('tuning server failed', error)
      response.destroy()
    })
  })

  /** `http://127.0.0.1:<port>/v1` */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  reset(): void {
    this.files.clear()
    this.jobs.length = 0
    this.calls.length = 0
    this.stopAt = null
    this.refuse = null
  }

  /** Resolves when the call that `stopAt` names has done its work. */
  async stopped(): Promise<void> {
    if (this.stopAt === null) return
    await new Promise<void>((resolve) => {
      this.#stopped = resolve
    })
  }

  get last(): Job {
    const job = this.jobs.at(-1)
    if (job === undefined) throw new Error('There is no job.')
    return job
  }

  count(call: string): number {
    return this.calls.filter((one) => one === call).length
  }

  succeed(job = this.last): void {
    job.status = 'succeeded'
    job.fine_tuned_model = `ft:${job.model}:house:${job.suffix ?? ''}:${job.id.slice(-4)}`
    job.trained_tokens = 4321
    job.estimated_finish = null
  }

  fail(message: string, job = this.last): void {
    job.status = 'failed'
    job.error = { code: 'invalid_training_file', message, param: 'training_file' }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://tuning')
    this.calls.push(`${request.method} ${pathname}`)
    if (request.headers.authorization !== `Bearer ${TUNING_KEY}`) {
      return send(response, 401, failure('Incorrect API key provided.'))
    }
    const stop = stopOf(request.method ?? '', pathname)
    if (this.refuse !== null && this.refuse.at === stop) {
      const { status, message } = this.refuse
      this.refuse = null
      return send(response, status, failure(message))
    }
    const { status, body } = this.#answer(request, pathname, searchParams, Buffer.concat(parts))
    if (stop !== null && stop === this.stopAt) {
      this.stopAt = null
      this.#stopped?.()
      return
    }
    send(response, status, body)
  }

  #answer(
    { method, headers }: IncomingMessage,
    pathname: string,
    query: URLSearchParams,
    body: Buffer,
  ): Answer {
    if (method === 'POST' && pathname === '/v1/files')
      return this.#upload(headers['content-type'] ?? '', body)
    if (pathname === '/v1/fine_tuning/jobs') return method === 'POST' ? this.#create(body) : this.#list(query)
    const [, id, what = ''] = /^\/v1\/fine_tuning\/jobs\/([^/]+)(?:\/(events|cancel))?$/.exec(pathname) ?? []
    const job = this.jobs.find((one) => one.id === id)
    if (job === undefined) return missing(pathname)
    if (method === 'GET' && what === '') return { status: 200, body: wireOf(job) }
    if (method === 'GET' && what === 'events') return eventsOf(job)
    if (method === 'POST' && what === 'cancel') return cancelled(job)
    return missing(pathname)
  }

  #upload(type: string, body: Buffer): Answer {
    const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(type)?.[1]
    if (boundary === undefined) return bad('Expected multipart/form-data.')
    const text = body.toString('utf8')
    const pieces = text.split(`--${boundary}`)
    if (pieces.length !== 4 || pieces[3] !== '--\r\n') return bad('The form is not whole.')
    const fields = new Map(
      pieces.slice(1, 3).map((piece) => {
        const [head = '', ...rest] = piece.split('\r\n\r\n')
        return [/name="([^"]+)"/.exec(head)?.[1], rest.join('\r\n\r\n').replace(/\r\n$/, '')]
      }),
    )
    if (fields.get('purpose') !== 'fine-tune') return bad('purpose must be fine-tune.')
    const content = fields.get('file')
    if (content === undefined || !/filename="[\w.-]+\.jsonl"/.test(text)) return bad('file is missing.')
    const id = `file-${this.files.size + 1}`
    this.files.set(id, content)
    const made = { id, object: 'file', bytes: Buffer.byteLength(content), created_at: seconds() }
    return { status: 200, body: { ...made, filename: 'examples.jsonl', purpose: 'fine-tune' } }
  }

  #create(body: Buffer): Answer {
    const order = JSON.parse(body.toString()) as Partial<Job>
    const unknown = Object.keys(order).find((name) => !KNOWN.includes(name))
    if (unknown !== undefined) return bad(`Unrecognized request argument supplied: ${unknown}`)
    const { model, training_file: file = '', validation_file: held = null, method, metadata = {} } = order
    if (typeof model !== 'string') return bad('model is missing.')
    const lines = linesOf(this.files.get(file) ?? '')
    if (lines.length < 10)
      return bad(`The training file has ${lines.length} examples; at least 10 are needed.`)
    if (held !== null && !this.files.has(held)) return bad('No such validation_file.')
    const type = method?.type ?? ''
    if (method === undefined || SETTINGS[type] === undefined) return bad('method.type is unknown.')
    const asked = (method[type] as { hyperparameters?: Record<string, unknown> } | undefined)?.hyperparameters
    if (Object.keys(asked ?? {}).some((name) => !SETTINGS[type]?.includes(name)))
      return bad('Unknown hyperparameter.')
    const wanted = type === 'dpo' ? 'preferred_output' : 'messages'
    if (lines.some((line) => !(wanted in line))) return bad(`An example lacks ${wanted}.`)
    const isText = Object.values(metadata).every((value) => typeof value === 'string' && value.length <= 512)
    if (!isText || Object.keys(metadata).length > 16) return bad('metadata holds at most 16 texts.')
    const hyperparameters = { n_epochs: 'auto', batch_size: 1, ...asked }
    this.jobs.push({
      id: `ftjob-${String(this.jobs.length + 1).padStart(4, '0')}`,
      model,
      training_file: file,
      validation_file: held,
      metadata,
      method: { type: type as 'dpo', [type]: { hyperparameters } },
      seed: order.seed ?? 7,
      suffix: order.suffix ?? null,
      status: 'running',
      fine_tuned_model: null,
      trained_tokens: null,
      error: null,
      created_at: seconds(),
      estimated_finish: seconds() + 3600,
    })
    return { status: 200, body: { ...wireOf(this.last), status: 'validating_files' } }
  }

  #list(query: URLSearchParams): Answer {
    const limit = Number(query.get('limit') ?? 20)
    if (!(limit >= 1 && limit <= 100)) return bad('limit is 1 to 100.')
    const newest = this.jobs.toReversed()
    const from = query.get('after') === null ? 0 : newest.findIndex(({ id }) => id === query.get('after')) + 1
    const data = newest.slice(from, from + limit).map(wireOf)
    return { status: 200, body: { object: 'list', data, has_more: from + limit < newest.length } }
  }
}

const seconds = () => Math.floor(Date.now() / 1000)

/** The lines of a file, parsed. */
export function linesOf(file: string): Record<string, unknown>[] {
  return file
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function wireOf({ error, suffix, ...job }: Job): object {
  return {
    object: 'fine_tuning.job',
    ...job,
    finished_at: null,
    organization_id: 'org-1',
    result_files: [],
    error: error ?? { code: null, message: null, param: null },
    user_provided_suffix: suffix,
  }
}

function eventsOf({ id, status }: Job): Answer {
  const message = `Fine-tuning job ${status}`
  const event = {
    object: 'fine_tuning.job.event',
    id: `ftevent-${id}`,
    created_at: seconds(),
    level: 'info',
    message,
  }
  return { status: 200, body: { object: 'list', data: [event], has_more: false } }
}

function cancelled(job: Job): Answer {
  if (!['validating_files', 'queued', 'running'].includes(job.status))
    return bad(`Job has already ${job.status}.`)
  job.status = 'cancelled'
  return { status: 200, body: wireOf(job) }
}

function stopOf(method: string, pathname: string): TuningStop | null {
  if (method === 'POST' && pathname === '/v1/files') return 'upload'
  if (method === 'POST' && pathname === '/v1/fine_tuning/jobs') return 'create'
  if (pathname === '/v1/fine_tuning/jobs') return 'list'
  if (pathname.endsWith('/cancel')) return 'cancel'
  return /^\/v1\/fine_tuning\/jobs\/[^/]+$/.test(pathname) ? 'read' : null
}

const failure = (message: string) => ({
  error: { message, type: 'invalid_request_error', param: null, code: null },
})
const bad = (message: string): Answer => ({ status: 400, body: failure(message) })
const missing = (id: string): Answer => ({ status: 404, body: failure(`No such object: ${id}`) })

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
