/** The data plane in this process, asked without HTTP: the same admission, targets, retries and log as an app's request. */

import { GatewayError, toOpenAIError } from '../../errors.ts'
import type { Client } from '../../gateway/client.ts'
import type { GatewayDeps } from '../../gateway/deps.ts'
import { serveRequest } from '../../gateway/serve.ts'
import { newId } from '../../lib/ids.ts'
import { isJsonObject } from '../../lib/json.ts'
import { splitModelName } from '../../lib/model-name.ts'
import { parseUsd } from '../../lib/money.ts'
import type { Retrieval } from '../../retrieval/retrieve.ts'
import type { Ask, Asked, Call, Failure } from './ask.ts'
import { readChat } from './ask.ts'
import { runKey } from './run-key.ts'

/** Statuses of an upstream, or of ourselves, that say “later”. */
const RETRYABLE = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529])

/** What an index gave to requests under way, by their ids. */
type Found = Map<string, Retrieval>

/** `deps.retrieve` is the process's own; what it gives is kept for the scorers of the request that asked. */
export function createGatewayAsk(deps: GatewayDeps): Ask {
  const found: Found = new Map()
  const watched: GatewayDeps = {
    ...deps,
    retrieve: async (question) => {
      const retrieval = await deps.retrieve(question)
      found.set(question.requestId, retrieval)
      return retrieval
    },
  }
  return async (call) => await ask(watched, found, call)
}

async function ask(deps: GatewayDeps, found: Found, call: Call): Promise<Asked> {
  const { clock } = deps
  const requestId = newId('req', clock.nowMs())
  const startedMs = clock.monotonicMs()
  const client = new GatheringClient()
  const leave = () => client.leave()
  call.signal.addEventListener('abort', leave, { once: true })
  try {
    call.signal.throwIfAborted()
    const envelope = {
      id: requestId,
      method: 'POST',
      path: '/v1/chat/completions',
      operation: 'chat' as const,
      key: runKey(call),
      receivedAtMs: clock.nowMs(),
      startedMs,
      clientRequestId: call.runId,
      ...(call.subject != null && { subject: call.subject }),
    }
    await serveRequest(deps, envelope, Buffer.from(JSON.stringify(call.body)), client)
    call.signal.throwIfAborted()
    const latencyMs = clock.monotonicMs() - startedMs
    const upstream = upstreamOf(client.headers)
    return { requestId, latencyMs, upstream, ...read(deps, client, found.get(requestId) ?? null) }
  } catch (error) {
    // What the log or the limits refuse before there is an exchange.
    if (!(error instanceof GatewayError)) throw error
    const { status, headers, body } = toOpenAIError(error, requestId)
    const latencyMs = clock.monotonicMs() - startedMs
    const failure = failureOf(status, headers, body)
    return { requestId, latencyMs, upstream: null, kind: 'failed', failure }
  } finally {
    call.signal.removeEventListener('abort', leave)
    found.delete(requestId)
  }
}

function read(
  deps: GatewayDeps,
  client: GatheringClient,
  retrieval: Retrieval | null,
):
  | { kind: 'answered'; answer: Extract<Asked, { kind: 'answered' }>['answer'] }
  | { kind: 'failed'; failure: Failure } {
  const { status, headers } = client
  const body = parse(client.body())
  if (status !== 200) return { kind: 'failed', failure: failureOf(status, headers, body) }
  const cost = headers['x-aval-cost-usd']
  return {
    kind: 'answered',
    answer: {
      ...readChat(body),
      contexts: retrieval?.chunks.map(({ text }) => text) ?? [],
      retrieved: retrieval?.chunks.map(({ key }) => key) ?? null,
      cost: cost === undefined ? null : parseUsd(cost),
      free: isLocal(deps, upstreamOf(headers)),
    },
  }
}

function isLocal(deps: GatewayDeps, upstream: string | null): boolean {
  return deps.snapshot().upstreams.get(upstream ?? '')?.provider.dialect === 'local'
}

/** The one that answered, or was tried last. */
function upstreamOf(headers: Readonly<Record<string, string>>): string | null {
  return splitModelName(headers['x-aval-model'] ?? '')?.upstream ?? null
}

function failureOf(status: number, headers: Readonly<Record<string, string>>, body: unknown): Failure {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {}
  const waitMs = Number(headers['retry-after-ms'] ?? Number(headers['retry-after']) * 1000)
  return {
    code: typeof error.code === 'string' ? error.code : `status_${status}`,
    message:
      typeof error.message === 'string' ? error.message : `The answer had status ${status} and no words.`,
    retryable: RETRYABLE.has(status),
    retryAfterMs: Number.isFinite(waitMs) ? waitMs : null,
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

/** A caller in memory that reads as fast as it is written to. */
class GatheringClient implements Client {
  status = 0
  headers: Readonly<Record<string, string>> = {}
  gone = false
  readonly #parts: Buffer[] = []
  #onGone: (() => void) | null = null

  start(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status
    this.headers = headers
  }

  write(bytes: Buffer): boolean {
    this.#parts.push(bytes)
    return true
  }

  end(bytes: Buffer | null): void {
    if (bytes !== null) this.#parts.push(bytes)
  }

  onDrain(): void {}

  onGone(listener: () => void): void {
    this.#onGone = listener
    if (this.gone) listener()
  }

  /** Nobody waits for the answer any more: the upstream hears of it at once. */
  leave(): void {
    if (this.gone) return
    this.gone = true
    this.#onGone?.()
  }

  body(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
