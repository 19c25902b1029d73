/**
 * One outbound call seen from the gateway: gathers a whole answer, or relays a stream event by event. Resolves, never
 * rejects; decides nothing about retries. `committed` says whether the client has seen a byte of it.
 */

import type { UsageRecord } from '../audit/record.ts'
import { UpstreamError } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../lib/json.ts'
import { scanTopLevel } from '../lib/json-scan.ts'
import type {
  Operation,
  ProviderCall,
  ProviderHandle,
  ProviderHead,
  ProviderSink,
} from '../providers/provider.ts'
import type { Client } from './client.ts'
import type { PlannedTarget } from './plan.ts'
import { StreamTap } from './stream-tap.ts'
import { readErrorInside, readFinishReason, readUsage } from './usage.ts'

/** Larger JSON answers (2,048 embeddings are 40 MB) are not parsed on this thread; one pass finds their members. */
const MAX_PARSED_BYTES = 256 * 1024
/** The members of such an answer that are read, when they are not large themselves. */
const READ_MEMBERS = new Set(['object', 'type', 'error', 'usage', 'status'])
const MAX_MEMBER_BYTES = 16 * 1024
const MAX_ANSWER_DEPTH = 1000
/** Kept of an answer that makes no sense, for the log. */
const MAX_DETAIL_BYTES = 4096

export type Answer = {
  head: ProviderHead
  /** A whole JSON body, or the held last event of a stream. */
  last: Buffer
  usage: UsageRecord | null
  finishReason: string | null
}

export type AttemptResult =
  | { kind: 'answered'; answer: Answer }
  | { kind: 'failed'; error: UpstreamError; committed: boolean; usage: UsageRecord | null }
  | { kind: 'aborted'; usage: UsageRecord | null }

/** Hops on the way drop a connection that is silent for a minute; a comment between events keeps it open. */
const KEEP_ALIVE_MS = 15_000
const KEEP_ALIVE = Buffer.from(': keep-alive\n\n')
/** How long an upstream may take to close its side after its last event before we do; closing loses the connection. */
const LINGER_MS = 1000

/** What a relayed stream reports while it runs. */
export type StreamObserver = {
  /** Right before the first byte goes to the client: time to send status and headers. */
  onCommit(head: ProviderHead): void
  onBytes(bytes: Buffer): void
}

/** Gathers a non-streaming answer and checks that it is whole before anyone sees it. */
export function gatherAnswer(
  target: PlannedTarget,
  call: ProviderCall,
  client: Client,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    let head: ProviderHead | null = null
    const chunks: Buffer[] = []
    const fail = (error: UpstreamError) => resolve({ kind: 'failed', error, committed: false, usage: null })
    const sink: ProviderSink = {
      onHead(received) {
        head = received
      },
      onData: (chunk) => void chunks.push(chunk),
      onEnd() {
        const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
        if (head === null) fail(malformed(target, 'no response head', ''))
        else resolve(readWhole(target, head, body))
      },
      onError: fail,
    }
    const handle = target.upstream.provider.call(call, sink)
    client.onGone(() => {
      handle.abort()
      resolve({ kind: 'aborted', usage: null })
    })
  })
}

function readWhole(target: PlannedTarget, head: ProviderHead, body: Buffer): AttemptResult {
  const failed = (error: UpstreamError): AttemptResult => ({
    kind: 'failed',
    error,
    committed: false,
    usage: null,
  })
  if (body.length > MAX_PARSED_BYTES) {
    const members = readLargeObject(body)
    if (members === null) {
      return failed(
        malformed(target, 'a large body that is not a whole JSON object', body.toString('utf8', 0, 4096)),
      )
    }
    const inside = readErrorInside(members)
    if (inside !== null) return failed(errorInside(target, JSON.stringify(inside).slice(0, 4096)))
    return {
      kind: 'answered',
      answer: { head, last: body, usage: readUsage(members), finishReason: readFinishReason(members) },
    }
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    // Converted into a typed failure that another target may still answer.
    return failed(
      malformed(
        target,
        `${head.contentType || 'a body'} that is not JSON`,
        body.toString('utf8', 0, MAX_DETAIL_BYTES),
      ),
    )
  }
  if (!isJsonObject(parsed)) {
    return failed(malformed(target, 'JSON that is not an object', body.toString('utf8', 0, MAX_DETAIL_BYTES)))
  }
  const inside = readErrorInside(parsed)
  if (inside !== null) return failed(errorInside(target, JSON.stringify(inside).slice(0, 4096)))
  const answer = { head, last: body, usage: readUsage(parsed), finishReason: readFinishReason(parsed) }
  return { kind: 'answered', answer }
}

/** The few members that are read of a large object; null when its end is not the end of the body. */
function readLargeObject(body: Buffer): JsonObject | null {
  const { entries } = scanTopLevel(body, MAX_ANSWER_DEPTH)
  const end = entries.at(-1)?.end
  if (end === undefined || body.length - end > MAX_MEMBER_BYTES) return null
  if (!/^\s*\}\s*$/.test(body.toString('latin1', end))) return null
  const members: JsonObject = {}
  for (const { key, start, end: after } of entries) {
    if (!READ_MEMBERS.has(key) || after - start > MAX_MEMBER_BYTES) continue
    try {
      members[key] = JSON.parse(body.toString('utf8', start, after)) as JsonObject[string]
    } catch {
      // Converted into "not whole": what cannot be parsed here cannot be by the client either.
      return null
    }
  }
  return members
}

/** Relays a stream: whole events go to the client at once, the last one is held for the caller to send. */
export function relayStream(
  target: PlannedTarget,
  call: ProviderCall,
  client: Client,
  observer: StreamObserver,
  stripUsage: boolean,
): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const relay = new StreamRelay(target, call.operation, client, observer, stripUsage, resolve)
    relay.handle = target.upstream.provider.call(call, relay)
    client.onGone(() => relay.leave())
    client.onDrain(() => relay.handle?.resume())
  })
}

class StreamRelay implements ProviderSink {
  handle: ProviderHandle | null = null
  readonly #target: PlannedTarget
  readonly #client: Client
  readonly #observer: StreamObserver
  readonly #resolve: (result: AttemptResult) => void
  readonly #tap: StreamTap
  #head: ProviderHead | null = null
  #committed = false
  #settled = false
  #keepAlive: NodeJS.Timeout | null = null
  #linger: NodeJS.Timeout | null = null
  /** What comes in place of a stream, once the head has said so. */
  #stray: Buffer[] | null = null
  #strayBytes = 0

  constructor(
    target: PlannedTarget,
    operation: Operation,
    client: Client,
    observer: StreamObserver,
    stripUsage: boolean,
    resolve: (result: AttemptResult) => void,
  ) {
    this.#target = target
    this.#client = client
    this.#observer = observer
    this.#resolve = resolve
    this.#tap = new StreamTap(operation, stripUsage)
  }

  onHead(head: ProviderHead): void {
    this.#head = head
    if (head.contentType !== '' && !/^text\/event-stream\b/i.test(head.contentType)) this.#stray = []
  }

  onData(chunk: Buffer): void {
    if (this.#stray !== null) {
      this.#stray.push(chunk)
      this.#strayBytes += chunk.length
      if (this.#strayBytes >= MAX_DETAIL_BYTES) this.#refuseStray()
      return
    }
    this.#pass(this.#tap.push(chunk))
    // The answer is whole now, whenever the upstream closes its side; some never do.
    if (this.#answered()) this.#linger ??= setTimeout(() => this.handle?.abort(), LINGER_MS)
  }

  onEnd(): void {
    if (this.#stray !== null) {
      this.#refuseStray()
      return
    }
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#pass(this.#tap.end())
    if (this.#settled || this.#answered()) return
    const message = `Upstream "${this.#target.upstream.name}" closed its stream before the end of the answer.`
    this.#fail(new UpstreamError('upstream_cut', message, { retryable: true }))
  }

  onError(error: UpstreamError): void {
    if (this.#stray !== null) {
      this.#refuseStray()
      return
    }
    if (this.#linger !== null) clearTimeout(this.#linger)
    this.#fail(error)
  }

  /** The upstream sent something else than a stream; its first words go to the log. */
  #refuseStray(): void {
    if (this.#settled) return
    const said = Buffer.concat(this.#stray ?? []).toString('utf8', 0, MAX_DETAIL_BYTES)
    this.handle?.abort()
    this.#fail(malformed(this.#target, `${this.#head?.contentType} where a stream was asked for`, said))
  }

  /** Settles once the terminal event has been seen; true when it has. */
  #answered(): boolean {
    const { terminal, usage, finishReason } = this.#tap
    if (terminal === null || this.#head === null) return false
    this.#settle({ kind: 'answered', answer: { head: this.#head, last: terminal, usage, finishReason } })
    return true
  }

  #pass(ready: Buffer | null): void {
    if (ready !== null) this.#send(ready)
    const { fault } = this.#tap
    if (fault === null || this.#settled) return
    this.handle?.abort()
    this.#fail(
      fault.kind === 'malformed'
        ? malformed(this.#target, 'a stream with a broken event', fault.detail)
        : errorInside(this.#target, fault.detail),
    )
  }

  leave(): void {
    this.handle?.abort()
    this.#settle({ kind: 'aborted', usage: this.#tap.usage })
  }

  #send(bytes: Buffer): void {
    if (!this.#committed && this.#head !== null) {
      this.#committed = true
      this.#observer.onCommit(this.#head)
      // Only whole events have been written, so a comment never lands inside one.
      this.#keepAlive = setInterval(() => this.#client.write(KEEP_ALIVE), KEEP_ALIVE_MS)
    }
    this.#keepAlive?.refresh()
    this.#observer.onBytes(bytes)
    if (!this.#client.write(bytes)) this.handle?.pause()
  }

  #fail(error: UpstreamError): void {
    this.#settle({ kind: 'failed', error, committed: this.#committed, usage: this.#tap.usage })
  }

  #settle(result: AttemptResult): void {
    this.#settled = true
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive)
    this.#resolve(result)
  }
}

function malformed(target: PlannedTarget, what: string, detail: string): UpstreamError {
  const message = `Upstream "${target.upstream.name}" answered with ${what}. What it sent is in the request log.`
  return new UpstreamError('upstream_malformed', message, {
    retryable: true,
    detail: detail === '' ? what : detail,
  })
}

function errorInside(target: PlannedTarget, detail: string): UpstreamError {
  const message = `Upstream "${target.upstream.name}" reported an error inside its answer. Its words are in the request log.`
  return new UpstreamError('upstream_unavailable', message, { retryable: true, detail })
}
