/** The state of one request under way: what was tried, what was sent, and what the log will say about it. */

import type { AttemptRecord, CloseRecord, Outcome, RetrievalRecord, UsageRecord } from '../audit/record.ts'
import type { UpstreamError } from '../errors.ts'
import type { ProviderHead } from '../providers/provider.ts'
import type { RequestSeen } from '../telemetry/requests.ts'
import type { LimitHeaders } from './admission.ts'
import type { Client } from './client.ts'
import { contextsHeader } from './contexts.ts'
import { type Cost, costOfAnswer } from './cost.ts'
import type { GatewayDeps } from './deps.ts'
import { requestSeen } from './open-record.ts'
import type { Plan, PlannedTarget } from './plan.ts'
import type { StreamObserver } from './relay-stream.ts'
import type { ParsedBody, RequestEnvelope } from './request.ts'

/** Sent bytes kept in memory before they go to the spool as a PART, and the longest they stay there. */
const PART_BYTES = 64 * 1024
const PART_MS = 5000
/** Clients bound the head they accept; the whole name stands in the log. */
const MAX_HEADER_CHARS = 256

export class Exchange implements StreamObserver {
  readonly deps: GatewayDeps
  readonly envelope: RequestEnvelope
  readonly body: ParsedBody
  /** What a release made of it, with what its index gave once that was asked; without one, the same. */
  sent: ParsedBody
  retrieval: RetrievalRecord | null = null
  readonly plan: Plan
  readonly limits: LimitHeaders
  readonly client: Client
  readonly attempts: AttemptRecord[] = []
  /** The target that answers, or the last one that was tried. */
  target: PlannedTarget | null = null
  committed = false
  ttftMs: number | null = null
  /** Set once CLOSE has been handed to the spool: there is exactly one. */
  outcome: Outcome | null = null
  /** What CLOSE says that it cost; null is unknown. */
  knownCost: Cost | null = null
  #costed: { usage: UsageRecord | null; cost: Cost | null } | null = null
  #sentBytes = 0
  #held: Buffer[] = []
  #heldBytes = 0
  #heldSinceMs = 0

  constructor(
    deps: GatewayDeps,
    envelope: RequestEnvelope,
    { body, sent }: { body: ParsedBody; sent: ParsedBody },
    plan: Plan,
    limits: LimitHeaders,
    client: Client,
  ) {
    this.deps = deps
    this.envelope = envelope
    this.body = body
    this.sent = sent
    this.plan = plan
    this.limits = limits
    this.client = client
  }

  /** Milliseconds since the request arrived. */
  elapsedMs(): number {
    return this.deps.clock.monotonicMs() - this.envelope.startedMs
  }

  /** As metrics and traces know the request. */
  seen(): RequestSeen {
    return requestSeen(this.envelope, this.body, this.plan)
  }

  onCommit(head: ProviderHead): void {
    this.committed = true
    this.ttftMs = this.elapsedMs()
    this.client.start(200, this.headers(head, STREAM_HEADERS))
  }

  onBytes(bytes: Buffer): void {
    const nowMs = this.deps.clock.monotonicMs()
    if (this.#heldBytes === 0) this.#heldSinceMs = nowMs
    this.#held.push(bytes)
    this.#heldBytes += bytes.length
    this.#sentBytes += bytes.length
    if (this.#heldBytes < PART_BYTES && nowMs - this.#heldSinceMs < PART_MS) return
    this.deps.audit.part(this.envelope.id, Buffer.concat(this.#held))
    this.#held = []
    this.#heldBytes = 0
  }

  /** What the answer with this usage cost; null is unknown. */
  cost(usage: UsageRecord | null): Cost | null {
    // The header asks and then the log: the same usage, the same answer.
    if (this.#costed?.usage === usage) return this.#costed.cost
    const { registry } = this.deps.snapshot()
    const { key, operation, receivedAtMs } = this.envelope
    const { target } = this
    const cost = costOfAnswer(registry, {
      projectId: key.projectId,
      target,
      operation,
      usage,
      atMs: receivedAtMs,
    })
    this.#costed = { usage, cost }
    return cost
  }

  /** Headers of the answer: ours, then what the upstream may say; our own limits win over the upstream's. */
  headers(head: ProviderHead | null, more: Readonly<Record<string, string>>): Record<string, string> {
    const { id, clientRequestId } = this.envelope
    const headers: Record<string, string> = { ...head?.headers, ...this.limits, ...more, 'x-request-id': id }
    if (clientRequestId !== null) headers['x-client-request-id'] = clientRequestId
    if (this.target !== null) headers['x-aval-model'] = headerText(this.target.name)
    const { release } = this.plan
    if (release !== null) {
      headers['x-aval-release'] = headerText(`${release.route}@r${release.number}`)
      const prompt = release.prompt()
      if (prompt !== null) headers['x-aval-prompt'] = headerText(prompt.ref)
      if (release.index !== null && this.retrieval !== null) {
        headers['x-aval-index'] = release.index.ref
        headers['x-aval-contexts'] = contextsHeader(release.index.ref, this.retrieval)
      }
    }
    return headers
  }

  recordAttempt(
    startedMs: number,
    outcome: { error: UpstreamError | null; head: ProviderHead | null; sentDigest: string | null },
  ): void {
    const { error, head, sentDigest } = outcome
    const detail = error?.detail ?? null
    this.attempts.push({
      upstream: this.target?.upstream.name ?? '',
      model: this.target?.model ?? '',
      startedMs,
      durationMs: this.elapsedMs() - startedMs,
      status: head?.status ?? error?.upstreamStatus ?? null,
      error: error?.code ?? null,
      detail: detail === null ? null : (this.target?.upstream.redact(detail) ?? detail).slice(0, 4096),
      upstreamRequestId: head?.upstreamRequestId ?? error?.upstreamRequestId ?? null,
      sentDigest,
      ...(this.target?.version === undefined ? {} : { modelVersion: this.target.version.name }),
    })
  }

  /**
   * Writes CLOSE with everything that was or is about to be sent and not yet kept as a PART; resolves when it is in
   * the spool. `last` are the bytes still to be released.
   */
  close(
    outcome: Outcome,
    status: number,
    last: Buffer | null,
    more: { errorCode?: string; usage?: UsageRecord | null; finishReason?: string | null },
  ): Promise<void> {
    const cost = this.cost(more.usage ?? null)
    this.outcome = outcome
    this.knownCost = cost
    const rest =
      this.#heldBytes === 0
        ? (last ?? EMPTY)
        : Buffer.concat(last === null ? this.#held : [...this.#held, last])
    const record: CloseRecord = {
      id: this.envelope.id,
      outcome,
      status,
      errorCode: more.errorCode ?? null,
      upstream: this.target?.upstream.name ?? null,
      model: this.target?.model ?? null,
      attempts: this.attempts,
      usage: more.usage ?? null,
      finishReason: more.finishReason ?? null,
      ttftMs: this.ttftMs,
      durationMs: this.elapsedMs(),
      requestBytes: this.body.bytes.length,
      responseBytes: this.#sentBytes + (last?.length ?? 0),
      truncated: false,
      occurrences: 1,
      ...(this.retrieval !== null && { retrieval: this.retrieval }),
      ...(cost !== null && { costMicroUsd: Number(cost.microUsd), price: cost.price }),
    }
    this.deps.observer.ended(this.seen(), record)
    return this.deps.audit.close(record, rest)
  }
}

/** A model id is the caller's text: what no header may hold is percent-encoded, and a long one is cut. */
function headerText(text: string): string {
  if (text.length <= MAX_HEADER_CHARS && !UNPRINTABLE.test(text)) return text
  return text
    .slice(0, MAX_HEADER_CHARS)
    .replace(/[^\x21-\x7e]/gu, (character) =>
      [...Buffer.from(character)]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    )
}

const UNPRINTABLE = /[^\x21-\x7e]/

export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
}

const EMPTY = Buffer.alloc(0)
