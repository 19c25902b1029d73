/**
 * Sends the messages that wait, each at most by one process at a time. A process that dies between sending and noting it leaves a
 * message that another one sends again, under the same id: the receiver can tell.
 */

import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { backoffMs } from '../../lib/backoff.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Notified } from '../../providers/notify/outcome.ts'
import { type HeldMessage, holdMessages, noteTry } from './delivery-rows.ts'
import type { AlertMessage } from './message.ts'

/** Ends within ten seconds. What it rejects with is a try that another one may mend. */
export type SendMessage = (message: {
  id: string
  channel: string
  content: AlertMessage
}) => Promise<Notified>

export type DeliverDeps = { sql: Sql; clock: Clock; random: () => number; send: SendMessage }

const AT_ONCE = 8
const MAX_ROUNDS = 20
/** Longer than a try takes: nobody else sends the message meanwhile. */
const HOLD_MS = 60_000
/** With these waits the last try is at most 24.5 hours behind the first, and 12 on average. */
const MAX_TRIES = 12
const BASE_MS = 60_000
const CAP_MS = 8 * 60 * 60_000
const MAX_NOTE_LETTERS = 200

/** How many messages were sent, are to be tried again, and are given up. */
export async function deliverMessages(
  deps: DeliverDeps,
  signal: AbortSignal,
): Promise<{ sent: number; waiting: number; failed: number }> {
  const count = { sent: 0, waiting: 0, failed: 0 }
  for (let round = 0; round < MAX_ROUNDS && !signal.aborted; round += 1) {
    const nowMs = deps.clock.nowMs()
    const run = randomUUID()
    const held = await holdMessages(deps.sql, run, { nowMs, untilMs: nowMs + HOLD_MS, limit: AT_ONCE })
    for (const state of await Promise.all(held.map((message) => deliver(deps, run, message))))
      count[state] += 1
    if (held.length < AT_ONCE) break
  }
  return count
}

async function deliver({ sql, clock, random, send }: DeliverDeps, run: string, message: HeldMessage) {
  const { id, tries } = message
  const came = await sent(send, message)
  const nowMs = clock.nowMs()
  if (came.outcome === 'retry' && tries < MAX_TRIES) {
    const nextMs = nowMs + backoffMs(tries - 1, random, BASE_MS, CAP_MS)
    await noteTry(sql, { id, run }, { state: 'waiting', note: came.note, nextMs }, nowMs)
    return 'waiting'
  }
  const state = came.outcome === 'sent' ? 'sent' : 'failed'
  await noteTry(sql, { id, run }, { state, note: came.note }, nowMs)
  return state
}

/** One message that cannot be sent at all keeps no other one waiting, and is given up like any. */
async function sent(send: SendMessage, message: HeldMessage): Promise<Notified> {
  try {
    return await send(message)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { outcome: 'retry', note: `It could not be sent: ${why}`.slice(0, MAX_NOTE_LETTERS) }
  }
}
