/**
 * Targets in order until one answers, under one retry budget per request. Stops at the first success, at an error
 * that another try cannot cure, at the deadline, when the client leaves, and always once a byte went out.
 */

import { hash } from 'node:crypto'
import { type ErrorCode, UpstreamError } from '../errors.ts'
import { backoffMs } from '../lib/backoff.ts'
import type { ProviderCall } from '../providers/provider.ts'
import type { AttemptResult } from './attempt.ts'
import type { Client } from './client.ts'
import type { GatewayDeps } from './deps.ts'
import type { Exchange } from './exchange.ts'
import { gatherAnswer } from './gather-answer.ts'
import type { Load } from './load/loads.ts'
import type { PlannedTarget } from './plan.ts'
import { relayStream } from './relay-stream.ts'
import { retryAfterMs } from './retry-after.ts'
import { targetBody } from './upstream-body.ts'

/** We wait this long for an upstream's Retry-After; longer waits are the caller's to make. */
const MAX_WAIT_MS = 2000

/** Another target may answer, this one will not within this request: its credentials or its files are missing. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set(['upstream_auth', 'local_model_missing'])

/** Runs the plan. The attempts are on `exchange` afterwards. */
export async function runAttempts(deps: GatewayDeps, exchange: Exchange): Promise<AttemptResult> {
  const { plan, client } = exchange
  const totalMs = plan.targets.reduce((most, { timeouts }) => Math.max(most, timeouts.totalMs), 0)
  const open = plan.targets.filter((target) => deps.breaker.waitMs(target.name) === 0)
  const hopeless = new Set<PlannedTarget>()
  let last: FailedAttempt | null = null
  for (let attempt = 0; attempt < open.length + plan.retries; attempt += 1) {
    if (client.gone) return ABORTED
    const target = open[attempt % open.length]
    if (!mayTry(deps, hopeless, target)) continue
    const retry = attempt - open.length
    const waitMs = waitBefore(deps, last, retry)
    if (waitMs === null || !deps.breaker.begin(target.name, retry >= 0)) break
    if (waitMs > 0) await pause(deps, client, waitMs)
    if (client.gone) {
      // What was begun has to be ended, or a half-open circuit would wait for its probe for ever.
      deps.breaker.released(target.name)
      return ABORTED
    }
    const result = await runBegun(deps, exchange, target, totalMs)
    if (result.kind !== 'failed' || result.committed || !result.error.retryable) return result
    last = result
    if (HOPELESS.has(result.error.code)) hopeless.add(target)
    if (exchange.elapsedMs() >= totalMs) break
  }
  return last ?? { kind: 'failed', error: allBroken(deps, plan.targets), committed: false, usage: null }
}

/** A circuit may have opened since, by other requests or by the failures of this one. */
function mayTry(
  deps: GatewayDeps,
  hopeless: ReadonlySet<PlannedTarget>,
  target: PlannedTarget | undefined,
): target is PlannedTarget {
  return target !== undefined && !hopeless.has(target) && deps.breaker.waitMs(target.name) === 0
}

type FailedAttempt = Extract<AttemptResult, { kind: 'failed' }>

const ABORTED: AttemptResult = { kind: 'aborted', usage: null }

/** Waits, or until the client leaves. */
async function pause(deps: GatewayDeps, client: Client, waitMs: number): Promise<void> {
  const left = new AbortController()
  client.onGone(() => left.abort())
  await deps.sleep(waitMs, left.signal)
}

/** A bug must not leave a half-open circuit waiting for the probe that threw. */
async function runBegun(
  deps: GatewayDeps,
  exchange: Exchange,
  target: PlannedTarget,
  totalMs: number,
): Promise<AttemptResult> {
  const load = deps.loads.of(target.upstream)
  load.began()
  try {
    const { body, client } = exchange
    const startedMs = exchange.elapsedMs()
    exchange.target = target
    const askUsage = asksUsage(exchange, target)
    let sentDigest: string | null = null
    // Before the call is under way, so that the attempt has it whatever becomes of it.
    const onSend = (sent: Buffer): void => {
      sentDigest = hash('sha256', sent, 'hex')
    }
    const call = callFor(exchange, target, askUsage, Math.max(1, totalMs - startedMs), onSend)
    const result = body.stream
      ? await relayStream(target, call, client, exchange, askUsage)
      : await gatherAnswer(target, call, client)
    const error = result.kind === 'failed' ? result.error : null
    const head = result.kind === 'answered' ? result.answer.head : null
    exchange.recordAttempt(startedMs, { error, head, sentDigest })
    report(deps, load, target.name, result)
    return result
  } catch (error) {
    deps.breaker.released(target.name)
    throw error
  } finally {
    load.ended()
  }
}

function callFor(
  exchange: Exchange,
  target: PlannedTarget,
  askUsage: boolean,
  leftMs: number,
  onSend: (sent: Buffer) => void,
): ProviderCall {
  const { sent, body, envelope } = exchange
  const { connectMs, firstByteMs, idleMs, totalMs } = target.timeouts
  const { parsed, bytes } = targetBody(sent, target, askUsage)
  return {
    operation: envelope.operation,
    model: target.model,
    parsed,
    body: bytes,
    stream: body.stream,
    includeUsage: body.includeUsage || askUsage,
    requestId: envelope.id,
    ...traceOf(exchange, target),
    timeouts: { connectMs, firstByteMs, idleMs, totalMs: Math.min(totalMs, leftMs) },
    onSend,
  }
}

/** The attempt that is about to go out is the next one that will be recorded. */
function traceOf(exchange: Exchange, { upstream }: PlannedTarget): Pick<ProviderCall, 'traceparent'> {
  const { observer } = exchange.deps
  if (!upstream.traceparent || observer.traceparent === undefined) return {}
  return { traceparent: observer.traceparent(exchange.seen(), exchange.attempts.length) }
}

/** Only what says something about the upstream's health counts; a refused request or a client that left does not. */
function report(deps: GatewayDeps, load: Load, name: string, result: AttemptResult): void {
  if (result.kind === 'answered') {
    load.answered += 1
    deps.breaker.succeeded(name)
    return
  }
  if (result.kind === 'failed') load.failed(result.error)
  if (result.kind === 'failed' && result.error.retryable) deps.breaker.failed(name)
  else deps.breaker.released(name)
}

function asksUsage({ body, envelope }: Exchange, { upstream }: PlannedTarget): boolean {
  if (!body.stream || body.includeUsage || !upstream.streamUsage) return false
  return envelope.operation === 'chat' || envelope.operation === 'completions'
}

/** Nothing before a first try; then jittered backoff, or the upstream's own wish; null when that is longer than we wait. */
function waitBefore(deps: GatewayDeps, last: FailedAttempt | null, retry: number): number | null {
  if (last === null || retry < 0) return 0
  const askedMs = retryAfterMs(last.error.headers)
  if (askedMs !== null && askedMs > MAX_WAIT_MS) return null
  return Math.max(askedMs ?? 0, backoffMs(retry, deps.random))
}

function allBroken(deps: GatewayDeps, targets: readonly PlannedTarget[]): UpstreamError {
  const waitMs = Math.ceil(Math.min(...targets.map((target) => deps.breaker.waitMs(target.name))))
  const names = targets.map(({ name }) => name).join(', ')
  const message = `${names} failed repeatedly and will be tried again in ${waitMs} ms.`
  return new UpstreamError('upstream_unavailable', message, {
    retryable: false,
    headers: {
      'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
      'retry-after-ms': String(waitMs),
    },
  })
}
