/**
 * What the strict servers of batch APIs on loopback have in common. Batches end when a test says so. A server remembers what it has
 * answered, hence what somebody pays for; a call can be left without its answer, or be refused.
 */

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const BATCH_KEY = 'sk-batches-0123456789'

/** How a request ends; `null` leaves it out of the results. */
export type LineEnd =
  | { answer: string }
  | { status: number; code: string }
  | { error: { code: string; message: string } }
  | null
export type Ending = {
  status?: 'completed' | 'expired' | 'cancelled'
  each?: (question: string, id: string) => LineEnd
  /** Lines that stand in the results besides, as they are. */
  besides?: readonly string[]
}
export type Stop = 'upload' | 'create' | 'list' | 'read' | 'content' | 'cancel'
export type Call = {
  method: string
  pathname: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
}
export type Reply = { status: number; body: object | Buffer }

export abstract class BatchServer<Batch extends { id: string }> {
  readonly batches: Batch[] = []
  /** How often each question was answered. */
  readonly paid = new Map<string, number>()
  /** `POST /v1/batches`, in order. */
  readonly calls: string[] = []
  /** The next call of this kind does its work, and is answered never (of content: half of it). */
  stopAt: Stop | null = null
  /** The next call of this kind is answered with this status and does nothing; with `work` it does its work all the same. */
  refuse: { at: Stop; status: number; work?: boolean; body?: string } | null = null
  #stopped: (() => void) | null = null
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((error: unknown) => {
      console.error('batch server failed', error)
      response.destroy()
    })
  })

  /** What is configured as the upstream's `base_url`. */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.basePath}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  reset(): void {
    this.batches.length = 0
    this.paid.clear()
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

  get last(): Batch {
    const batch = this.batches.at(-1)
    if (batch === undefined) throw new Error('There is no batch.')
    return batch
  }

  /** How many calls of this kind there were. */
  count(kind: Stop): number {
    return this.calls.filter((call) => {
      const [method = '', pathname = ''] = call.split(' ')
      return this.stopOf(method, pathname) === kind
    }).length
  }

  abstract readonly basePath: string
  /** Ends a batch, the last one unless said. */
  abstract end(ending?: Ending, batch?: Batch): void
  /** What was asked in a batch, the last one unless said, in its order. */
  abstract questions(batch?: Batch): { id: string; question: string; body: object }[]
  abstract stopOf(method: string, pathname: string): Stop | null
  protected abstract isAllowed(headers: IncomingHttpHeaders): boolean
  protected abstract answer(call: Call): Reply
  protected abstract refusal(status: number): object

  protected pay(question: string): void {
    this.paid.set(question, (this.paid.get(question) ?? 0) + 1)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://batches')
    const { method = '', headers } = request
    this.calls.push(`${method} ${pathname}`)
    if (!this.isAllowed(headers)) return send(response, 401, this.refusal(401))
    const stop = this.stopOf(method, pathname)
    const refused = this.refuse?.at === stop ? this.refuse : null
    const answer =
      refused === null || refused.work === true
        ? this.answer({ method, pathname, query, headers, body })
        : { status: 0, body: {} }
    if (refused !== null) {
      this.refuse = null
      const said = refused.body === undefined ? this.refusal(refused.status) : Buffer.from(refused.body)
      return send(response, refused.status, said)
    }
    if (stop !== null && stop === this.stopAt) {
      this.stopAt = null
      if (Buffer.isBuffer(answer.body)) {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        response.write(answer.body.subarray(0, answer.body.length / 2))
      }
      this.#stopped?.()
      return
    }
    send(response, answer.status, answer.body)
  }
}

/** The number in a question. */
export const echoed = (question: string): LineEnd => ({ answer: /\d+/.exec(question)?.[0] ?? '' })

export function linesOf(file: Buffer): unknown[] {
  return file
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

function send(response: ServerResponse, status: number, body: object | Buffer): void {
  const isFile = Buffer.isBuffer(body)
  response.writeHead(status, { 'content-type': isFile ? 'application/octet-stream' : 'application/json' })
  response.end(isFile ? body : JSON.stringify(body))
}
