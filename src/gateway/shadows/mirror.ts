/**
 * Sends chosen requests a second time, to the candidate of their shadow: after the app's answer is out, a few at a time,
 * out of a short queue. Nobody waits for it, and it takes nothing of a key's limits, of the retries or of the circuits
 * that requests of apps share.
 */

import type { Outcome } from '../../audit/record.ts'
import { newId } from '../../lib/ids.ts'
import type { ServedRelease, ServedShadow } from '../../registry/releases/book.ts'
import type { GatewayDeps } from '../deps.ts'
import { Exchange } from '../exchange.ts'
import { type Plan, planRelease } from '../plan.ts'
import { recordRejection } from '../reject.ts'
import { withoutStream } from '../release-body.ts'
import type { ParsedBody, RequestEnvelope } from '../request.ts'
import { releasedBody, serveExchange } from '../serve.ts'
import { type Answered, chooseShadow, mayLeaveTraces } from './choose.ts'
import { type Estimate, estimateCall } from './estimate.ts'
import type { Ledger } from './ledger.ts'
import { silentClient } from './silent-client.ts'

export type Mirror = {
  /** Called once an answer is out. Returns at once and never throws. */
  offer(answered: Answered): void
  /** Drops what waits, ends what is under way, and resolves when all of it is on the log. */
  stop(): Promise<void>
}

/** Of one process: together they bound what mirroring can hold of memory, sockets and money. */
const MAX_IN_FLIGHT = 8
const MAX_WAITING = 64
const MAX_WAITING_BYTES = 16 * 1024 * 1024

/** Ends after which an upstream has probably done the work, whatever it told of it. */
const MAYBE_CHARGED: ReadonlySet<Outcome | null> = new Set<Outcome>([
  'completed',
  'client_abort',
  'timeout',
  'upstream_cut',
  'gateway_crash',
])

type Waiting = { answered: Answered; shadow: ServedShadow }
type Call = { plan: Plan; sent: ParsedBody }

/** `deps` are those of the gateway, with circuits of the shadows' own. */
export function createMirror(deps: GatewayDeps, ledger: Ledger): Mirror {
  const waiting: Waiting[] = []
  const underWay = new Map<Promise<void>, () => void>()
  let waitingBytes = 0
  let stopped = false

  // One at a time, each in a turn of its own: the turn of an answer belongs to the answer, and requests of apps go between.
  const beginSoon = (): void => void setImmediate(begin)
  const begin = (): void => {
    if (underWay.size >= MAX_IN_FLIGHT) return
    const next = waiting.shift()
    if (next === undefined) return
    waitingBytes -= next.answered.body.bytes.length
    const client = silentClient()
    const call: Promise<void> = send(deps, ledger, next, client)
      .catch((error: unknown) => deps.reportBug(error, next.answered.envelope.id))
      .finally(() => {
        underWay.delete(call)
        beginSoon()
      })
    underWay.set(call, () => client.leave())
  }

  return {
    offer(answered) {
      const shadow = chooseShadow(deps.snapshot().registry, answered, deps.clock.nowMs())
      if (shadow === null) return
      const bytes = answered.body.bytes.length
      if (stopped || waiting.length >= MAX_WAITING || waitingBytes + bytes > MAX_WAITING_BYTES) {
        ledger.count(shadow.id, 'dropped')
        return
      }
      // Nothing else of the exchange: it holds the answer and the app's connection.
      const { envelope, body, plan, outcome } = answered
      waiting.push({ answered: { envelope, body, plan, outcome }, shadow })
      waitingBytes += bytes
      beginSoon()
    },
    async stop() {
      stopped = true
      for (const { shadow } of waiting.splice(0)) ledger.count(shadow.id, 'dropped')
      for (const leave of underWay.values()) leave()
      await Promise.all(underWay.keys())
    },
  }
}

async function send(
  deps: GatewayDeps,
  ledger: Ledger,
  { answered, shadow }: Waiting,
  client: ReturnType<typeof silentClient>,
): Promise<void> {
  const snapshot = deps.snapshot()
  const nowMs = deps.clock.nowMs()
  const release = snapshot.registry.byId(shadow.projectId, shadow.releaseId)
  // The shadow may have ended while the request waited, or another one may run.
  if (release === null || chooseShadow(snapshot.registry, answered, nowMs)?.id !== shadow.id) {
    ledger.count(shadow.id, 'dropped')
    return
  }
  const { envelope, body } = mirrored(deps, answered, shadow)
  const call = await planCall(deps, envelope, body, release)
  if (call === null) return
  const { plan, sent } = call
  const { projectId } = shadow
  const estimate = estimateCall(snapshot.registry, {
    projectId,
    targets: plan.targets,
    release,
    sent,
    atMs: nowMs,
  })
  if (!maySend(shadow, call, estimate) || !ledger.reserve(shadow, estimate.microUsd, nowMs)) {
    ledger.count(shadow.id, 'skipped')
    return
  }
  const exchange = new Exchange(deps, envelope, { body, sent }, plan, {}, client)
  try {
    await serveExchange(deps, exchange, NOTHING_TAKEN)
  } finally {
    ledger.settle(shadow.id, estimate.microUsd, costOf(exchange))
  }
}

/** The app's request as a request of its own, under the same key. */
function mirrored(
  { clock }: GatewayDeps,
  { envelope: app, body }: Answered,
  shadow: ServedShadow,
): { envelope: RequestEnvelope; body: ParsedBody } {
  const receivedAtMs = clock.nowMs()
  const envelope: RequestEnvelope = {
    ...app,
    id: newId('req', receivedAtMs),
    receivedAtMs,
    startedMs: clock.monotonicMs(),
    clientRequestId: shadow.id,
    shadowOf: app.id,
  }
  return { envelope, body: withoutStream(body) }
}

/** What the candidate makes of the request; null when it cannot take it, which is then on the log as a refusal. */
async function planCall(
  deps: GatewayDeps,
  envelope: RequestEnvelope,
  body: ParsedBody,
  release: ServedRelease,
): Promise<Call | null> {
  const { operation } = envelope
  try {
    const plan = planRelease(deps.snapshot(), release, { model: body.model, operation }, deps.random)
    // Each target once: a retry would be paid for, and nobody waits for it.
    return { plan: { ...plan, retries: 0 }, sent: releasedBody(body, operation, release) }
  } catch (error) {
    const { bytes } = body
    const plan = { route: release.route, release }
    await recordRejection(deps, {
      envelope,
      body,
      plan,
      bytes,
      error,
      extraHeaders: {},
      client: silentClient(),
    })
    return null
  }
}

function maySend(shadow: ServedShadow, { plan, sent }: Call, { unpriced }: Estimate): boolean {
  if (unpriced && !shadow.allowUnpriced) return false
  return !plan.targets.some(({ version }) => mayLeaveTraces({ ...version?.parameters, ...sent.parsed }))
}

function costOf({ knownCost, attempts, outcome }: Exchange): bigint | 'unknown' {
  if (knownCost !== null) return knownCost.microUsd
  const isSent = attempts.some(({ sentDigest }) => typeof sentDigest === 'string')
  return isSent && MAYBE_CHARGED.has(outcome) ? 'unknown' : 0n
}

/** A mirrored call took no place of its key. */
const NOTHING_TAKEN = (): void => {}
