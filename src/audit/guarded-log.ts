/**
 * The log with a guarantee for each request: waits for the disk or the database where a route asks for it, refuses or
 * goes on when they are late, and puts on the log what could not be logged. Never silent about either.
 */

import { GatewayError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { DEFAULT_GUARANTEE, type Durability, type Guarantee } from './guarantee.ts'
import {
  type AuditLog,
  type CloseRecord,
  type EventLog,
  type EventRecord,
  NOTHING_FROM_UPSTREAM,
  type OpenRecord,
  type RequestLog,
} from './record.ts'

export type GuardedLogSetup = {
  log: RequestLog & EventLog
  clock: Clock
  /** True when everything written until now is on the disk within the time. */
  synced: (deadlineMs: number) => Promise<boolean>
  /** True when every request that has ended until now is in the database within the time. */
  replicated: (deadlineMs: number) => Promise<boolean>
  /** Share of the spool's bound that is used, 0 to 1. */
  fillShare: () => number
  /** How many requests were served without a record; for metrics and the operator's log. */
  onMissed: (count: number) => void
}

/** Above this share of the spool only the beginnings of `best_effort` bodies are kept. */
const SHORT_BODIES_SHARE = 0.9
const SHORT_BODY_BYTES = 4096

type Missed = { count: number; firstMs: number; lastMs: number; firstId: string; lastId: string }

export class GuardedLog implements AuditLog, EventLog {
  readonly #setup: GuardedLogSetup
  /** Requests under way whose guarantee is not the default. As bounded as the spool's table, plus what is unlogged. */
  readonly #guarantees = new Map<string, Guarantee>()
  /** Requests under way that the log did not take; bounded by how many can be under way. */
  readonly #unlogged = new Set<string>()
  #missed: Missed | null = null

  constructor(setup: GuardedLogSetup) {
    this.#setup = setup
  }

  open(record: OpenRecord, requestBody: Buffer, guarantee = DEFAULT_GUARANTEE): Promise<void> {
    if (guarantee.durability === 'process' && guarantee.policy === 'required') {
      return this.#setup.log.open(record, requestBody)
    }
    return this.#openGuarded(record, requestBody, guarantee)
  }

  part(id: string, bytes: Buffer): void {
    if (!this.#unlogged.has(id)) this.#setup.log.part(id, this.#kept(this.#guarantees.get(id), bytes))
  }

  close(record: CloseRecord, responseBody: Buffer): Promise<void> {
    const guarantee = this.#guarantees.get(record.id)
    if (guarantee === undefined) return this.#setup.log.close(record, responseBody)
    this.#guarantees.delete(record.id)
    return this.#closeGuarded(record, responseBody, guarantee)
  }

  whole(open: OpenRecord, close: CloseRecord, requestBody: Buffer, responseBody: Buffer): Promise<void> {
    return this.#setup.log.whole(open, close, requestBody, responseBody)
  }

  event(record: EventRecord): Promise<void> {
    return this.#setup.log.event(record)
  }

  async #openGuarded(record: OpenRecord, body: Buffer, guarantee: Guarantee): Promise<void> {
    try {
      await this.#setup.log.open(record, this.#kept(guarantee, body))
    } catch (error) {
      if (guarantee.policy === 'required') throw error
      this.#miss(record)
      this.#unlogged.add(record.id)
      this.#guarantees.set(record.id, guarantee)
      return
    }
    this.#guarantees.set(record.id, guarantee)
    if (this.#missed !== null) this.#tellMissed()
    // A row exists once the request has ended, so only the disk can be waited for here.
    if (guarantee.durability !== 'power' || (await this.#setup.synced(guarantee.deadlineMs))) return
    await this.#late(record.id, guarantee, 'power', record.projectId)
    if (guarantee.policy === 'best_effort') return
    this.#guarantees.delete(record.id)
    await this.#setup.log.close(refusedClose(record.id, body.length), EMPTY)
    throw unavailable('power', guarantee.deadlineMs)
  }

  async #closeGuarded(record: CloseRecord, body: Buffer, guarantee: Guarantee): Promise<void> {
    if (this.#unlogged.delete(record.id)) return
    await this.#setup.log.close(record, this.#kept(guarantee, body))
    const { durability, deadlineMs, policy } = guarantee
    if (durability === 'process') return
    const wait = durability === 'power' ? this.#setup.synced : this.#setup.replicated
    if (await wait(deadlineMs)) return
    await this.#late(record.id, guarantee, durability, null)
    if (policy === 'required') throw unavailable(durability, deadlineMs)
  }

  /** What the request was promised and did not get, chained like everything else. */
  async #late(
    id: string,
    { policy, deadlineMs }: Guarantee,
    durability: Durability,
    projectId: string | null,
  ) {
    const action = policy === 'required' ? 'request.withheld' : 'request.released_early'
    await this.#setup.log.event(this.#event(action, id, projectId, { durability, deadline_ms: deadlineMs }))
  }

  #miss({ id }: OpenRecord): void {
    const nowMs = this.#setup.clock.nowMs()
    this.#missed ??= { count: 0, firstMs: nowMs, lastMs: nowMs, firstId: id, lastId: id }
    this.#missed = { ...this.#missed, count: this.#missed.count + 1, lastMs: nowMs, lastId: id }
    this.#setup.onMissed(1)
  }

  /** The log takes records again: first of all it says how many it did not take. */
  #tellMissed(): void {
    const missed = this.#missed
    if (missed === null) return
    this.#missed = null
    const { count, firstMs, lastMs, firstId, lastId } = missed
    const detail = { count, first_at_ms: firstMs, last_at_ms: lastMs, first_id: firstId, last_id: lastId }
    this.#setup.log.event(this.#event('requests.missed', null, null, detail)).catch(() => {
      // Still not on the log: it stays owed, together with what was missed meanwhile.
      const later = this.#missed
      this.#missed =
        later === null
          ? missed
          : { ...missed, count: count + later.count, lastMs: later.lastMs, lastId: later.lastId }
    })
  }

  #event(
    action: string,
    target: string | null,
    projectId: string | null,
    detail: Readonly<Record<string, unknown>>,
  ): EventRecord {
    const atMs = this.#setup.clock.nowMs()
    const system = { actorId: null, actorName: null, purpose: null }
    return { id: newId('evt', atMs), kind: 'missed', atMs, projectId, ...system, action, target, detail }
  }

  #kept(guarantee: Guarantee | undefined, body: Buffer): Buffer {
    const short = guarantee?.policy === 'best_effort' && body.length > SHORT_BODY_BYTES
    return short && this.#setup.fillShare() > SHORT_BODIES_SHARE ? body.subarray(0, SHORT_BODY_BYTES) : body
  }
}

function unavailable(durability: Durability, deadlineMs: number): GatewayError {
  const where = durability === 'power' ? 'the disk has not confirmed it' : 'the database has not confirmed it'
  return new GatewayError(
    'audit_unavailable',
    `This request's record was written, but within ${deadlineMs} ms ${where}, and its route requires that. Try again, or raise audit.deadline.`,
    { headers: { 'retry-after': '1' } },
  )
}

function refusedClose(id: string, requestBytes: number): CloseRecord {
  return {
    id,
    outcome: 'rejected',
    status: 503,
    errorCode: 'audit_unavailable',
    ...NOTHING_FROM_UPSTREAM,
    durationMs: 0,
    requestBytes,
    responseBytes: 0,
    truncated: false,
    occurrences: 1,
  }
}

const EMPTY = Buffer.alloc(0)
