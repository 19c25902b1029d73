/**
 * The data plane: one admitted request from its body to its terminal outcome. The order is the guarantee: OPEN is in
 * the spool before a byte goes upstream, CLOSE before the last byte goes down, and exactly one CLOSE whatever happens.
 */

import { GatewayError } from '../errors.ts'
import type { Operation } from '../providers/provider.ts'
import type { ServedRelease } from '../registry/releases/book.ts'
import type { LimitHeaders } from './admission.ts'
import { askIndex } from './ask-index.ts'
import type { AttemptResult } from './attempt.ts'
import type { Client } from './client.ts'
import { questionOf } from './contexts.ts'
import type { GatewayDeps } from './deps.ts'
import { Exchange } from './exchange.ts'
import { openRecord } from './open-record.ts'
import { type Plan, planTargets, releaseAsked } from './plan.ts'
import { type Rejection, recordRejection } from './reject.ts'
import { demandMessages, releaseBody } from './release-body.ts'
import { type ParsedBody, parseBody, type RequestEnvelope } from './request.ts'
import { runAttempts } from './run-attempts.ts'
import { finishAborted, finishAnswered, finishBroken, finishFailed } from './settle.ts'

/**
 * Serves one authenticated model call. Writes the whole answer, error or stream to `client` and resolves when the
 * exchange is over. Rejects only for a bug or when the audit log cannot be written; the caller renders that.
 * Few async functions call each other here: each costs every request a promise and a turn of the microtask queue.
 */
export function serveRequest(
  deps: GatewayDeps,
  envelope: RequestEnvelope,
  bytes: Buffer,
  client: Client,
): Promise<void> {
  const admission = decideAdmission(deps, envelope, bytes)
  if (!admission.admitted) {
    const { body, error, limits: extraHeaders } = admission
    const rejection = { envelope, body, bytes, error, extraHeaders, client }
    const refused = error instanceof GatewayError ? refusingPlan(deps, envelope, body) : {}
    return recordRejection(deps, { ...rejection, ...refused })
  }
  const { body, sent, plan, limits, release } = admission
  const exchange = new Exchange(deps, envelope, { body, sent }, plan, limits, client)
  return serveExchange(deps, exchange, release)
}

/** From OPEN to CLOSE: what has been admitted, with what a release made of it. `release` gives back the key's place. */
export async function serveExchange(
  deps: GatewayDeps,
  exchange: Exchange,
  release: () => void,
): Promise<void> {
  const { envelope, body, plan } = exchange
  deps.observer.began()
  try {
    await deps.audit.open(openRecord(envelope, body, plan), body.bytes, plan.guarantee)
    try {
      // Nothing is awaited for a request without an index: each promise costs every request.
      const asks = plan.release !== null && plan.release.index !== null
      const refused = asks ? await askIndex(deps, exchange) : null
      if (refused !== null) await finishFailed(exchange, refused, null)
      else await finish(exchange, await runAttempts(deps, exchange))
    } catch (error) {
      if (error instanceof GatewayError || exchange.outcome !== null) throw error
      deps.reportBug(error, envelope.id)
      await finishBroken(exchange, error)
    }
  } finally {
    deps.observer.left()
    release()
  }
  deps.offerToShadow(exchange)
}

function finish(exchange: Exchange, result: AttemptResult): Promise<void> {
  switch (result.kind) {
    case 'answered':
      return finishAnswered(exchange, result.answer)
    case 'failed':
      return finishFailed(exchange, result.error, result.usage)
    case 'aborted':
      return finishAborted(exchange, result.usage)
  }
}

/** With an index, whatever can be refused before it is asked is refused here; what it gives is filled in later. */
export function releasedBody(body: ParsedBody, operation: Operation, release: ServedRelease): ParsedBody {
  if (release.index === null) return releaseBody(body, operation, release)
  questionOf(body, operation, release.index)
  return releaseBody(body, operation, release, [])
}

type Admission =
  | {
      admitted: true
      body: ParsedBody
      sent: ParsedBody
      plan: Plan
      limits: LimitHeaders
      release: () => void
    }
  | { admitted: false; body: ParsedBody | null; limits: LimitHeaders; error: unknown }

/** Everything that can refuse a request before it costs anything. */
function decideAdmission(deps: GatewayDeps, envelope: RequestEnvelope, bytes: Buffer): Admission {
  const { key, operation } = envelope
  let body: ParsedBody | null = null
  let limits: LimitHeaders = {}
  let release: (() => void) | null = null
  try {
    const taken = deps.admission.acquire(key)
    limits = taken.headers
    release = taken.release
    body = parseBody(operation, bytes)
    const unit = unitOf(body, key)
    const plan = planTargets(deps.snapshot(), key, { model: body.model, operation, unit }, deps.random)
    if (plan.release === null) demandMessages(body, operation)
    const sent = plan.release === null ? body : releasedBody(body, operation, plan.release)
    return { admitted: true, body, sent, plan, limits, release }
  } catch (error) {
    release?.()
    return { admitted: false, body, limits, error }
  }
}

/** The release that refused it, looked up once more where it is refused alone: the log and a canary ask which one it was. */
function refusingPlan(
  deps: GatewayDeps,
  { key }: RequestEnvelope,
  body: ParsedBody | null,
): Pick<Rejection, 'plan'> {
  const wanted = body === null ? null : { model: body.model, unit: unitOf(body, key) }
  const release = wanted === null ? null : releaseAsked(deps.snapshot(), key, wanted)
  return release === null ? {} : { plan: { route: release.route, release } }
}

/** The same user, or the same key, is on the same side of a canary each time. */
function unitOf({ endUser }: ParsedBody, { id }: RequestEnvelope['key']): string {
  return endUser ?? id
}
