/**
 * The data plane: one admitted request from its body to its terminal outcome. The order is the guarantee: OPEN is in
 * the spool before a byte goes upstream, CLOSE before the last byte goes down, and exactly one CLOSE whatever happens.
 */

import { GatewayError } from '../errors.ts'
import type { LimitHeaders } from './admission.ts'
import type { Client } from './client.ts'
import type { GatewayDeps } from './deps.ts'
import { Exchange } from './exchange.ts'
import { openRecord } from './open-record.ts'
import { type Plan, planTargets } from './plan.ts'
import { recordRejection } from './reject.ts'
import { type ParsedBody, parseBody, type RequestEnvelope } from './request.ts'
import { runAttempts } from './run-attempts.ts'
import { finishAborted, finishAnswered, finishBroken, finishFailed } from './settle.ts'

/**
 * Serves one authenticated model call. Writes the whole answer, error or stream to `client` and resolves when the
 * exchange is over. Rejects only for a bug or when the audit log cannot be written; the caller renders that.
 */
export async function serveRequest(
  deps: GatewayDeps,
  envelope: RequestEnvelope,
  bytes: Buffer,
  client: Client,
): Promise<void> {
  const admitted = await admit(deps, envelope, bytes, client)
  if (admitted === null) return
  const { body, plan, limits, release } = admitted
  const exchange = new Exchange(deps, envelope, body, plan, limits, client)
  try {
    await deps.audit.open(openRecord(envelope, body, plan.route), bytes, plan.guarantee)
    await run(deps, exchange)
  } finally {
    release()
  }
}

async function run(deps: GatewayDeps, exchange: Exchange): Promise<void> {
  try {
    const result = await runAttempts(deps, exchange)
    if (result.kind === 'answered') await finishAnswered(exchange, result.answer)
    else if (result.kind === 'failed') await finishFailed(exchange, result.error, result.usage)
    else await finishAborted(exchange, result.usage)
  } catch (error) {
    if (error instanceof GatewayError || exchange.closing) throw error
    deps.reportBug(error, exchange.envelope.id)
    await finishBroken(exchange, error)
  }
}

type Admitted = { body: ParsedBody; plan: Plan; limits: LimitHeaders; release: () => void }

/** Everything that can refuse a request before it costs anything; null when it was refused and answered. */
async function admit(
  deps: GatewayDeps,
  envelope: RequestEnvelope,
  bytes: Buffer,
  client: Client,
): Promise<Admitted | null> {
  let body: ParsedBody | null = null
  let limits: LimitHeaders = {}
  try {
    const taken = deps.admission.acquire(envelope.key)
    limits = taken.headers
    try {
      body = parseBody(envelope.operation, bytes)
      const plan = planTargets(
        deps.snapshot(),
        envelope.key,
        { model: body.model, operation: envelope.operation },
        deps.random,
      )
      return { body, plan, limits, release: taken.release }
    } catch (error) {
      taken.release()
      throw error
    }
  } catch (error) {
    await recordRejection(deps, { envelope, body, bytes, error, extraHeaders: limits, client })
    return null
  }
}
