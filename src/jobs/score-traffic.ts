/** Looks at the traffic of one order and judges it. Safe to run twice: one worker is at an order, and another one ends at once. */

import type { Sql } from 'postgres'
import type { AuditKeys } from '../audit/privacy/audit-keys.ts'
import type { EventLog } from '../audit/record.ts'
import { type ExecuteOrderDeps, executeOrder } from '../evals/online/execute-order.ts'
import { noteWaitingOrder } from '../evals/online/order-rows.ts'
import type { Ask } from '../evals/runs/ask.ts'
import { readyScorers } from '../evals/scorers/ready-scorers.ts'
import { JOBS } from '../queue/jobs.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'
import { embedWith } from './embed-with.ts'

export type ScoreTrafficDeps = Pick<ExecuteOrderDeps, 'sql' | 'db' | 'clock' | 'evaluate' | 'pace'> & {
  /** Null without an audit key: then no body is opened. */
  keys: AuditKeys | null
  /** The upstreams as aval.yaml has them now; `local/embed` is among them. */
  models: () => Promise<UpstreamModels>
  /** The data plane of this process, and the log that it writes. */
  ask: () => Promise<Ask>
  log: () => Promise<EventLog>
}

const MAX_ERROR_LETTERS = 500

/** Returns how it ended. Throws ZodError for a payload without an id, and whatever a second try may mend. */
export async function runScoreTraffic(
  { sql, db, clock, evaluate, pace, ...given }: ScoreTrafficDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<string> {
  const { orderId } = JOBS['score-traffic'].parse(payload)
  const opened = await open(sql, orderId, given)
  const embed = embedWith(given.models, clock)
  const shared = { sql, db, clock, evaluate, pace }
  const deps = { ...shared, embed, random: Math.random, prepare: readyScorers, signal }
  return await executeOrder({ ...deps, ...opened }, orderId)
}

/** A worker that can open no body or no data plane leaves the order to another one, and says on it why. */
async function open(
  sql: Sql,
  orderId: string,
  { keys, ask, log }: Pick<ScoreTrafficDeps, 'keys' | 'ask' | 'log'>,
): Promise<{ keys: AuditKeys; ask: Ask; log: EventLog }> {
  try {
    // The data plane refuses first, with the names of the keys that are missing.
    const opened = { ask: await ask(), log: await log() }
    if (keys === null) throw new Error("The worker has no audit key. Give it the gateways' AVAL_AUDIT_KEY.")
    return { keys, ...opened }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await noteWaitingOrder(sql, orderId, message.slice(0, MAX_ERROR_LETTERS))
    throw error
  }
}
