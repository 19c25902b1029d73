/** Gives judges of live traffic the answers again that they judged before, once a day. Safe to run twice and to be killed anywhere. */

import type { AuditKeys } from '../audit/privacy/audit-keys.ts'
import type { EventLog } from '../audit/record.ts'
import type { Ask } from '../evals/runs/ask.ts'
import { readyScorers } from '../evals/scorers/ready-scorers.ts'
import { type SentinelDeps, scoreSentinels } from '../monitoring/data/score-sentinels.ts'
import { endUnlookedAlerts, listJudgingOrders } from '../monitoring/data/sentinel-rows.ts'
import { JOBS } from '../queue/jobs.ts'
import type { UpstreamModels } from '../retrieval/upstream-models.ts'
import { embedWith } from './embed-with.ts'

export type ScoreSentinelsDeps = Pick<SentinelDeps, 'sql' | 'db' | 'clock' | 'evaluate' | 'pace'> & {
  /** Whether judges are given answers again though nobody asked; null while aval.yaml does not say. */
  readsBodies: () => boolean | null
  /** Null without an audit key: then no body is opened, and judges wait for another worker. */
  keys: AuditKeys | null
  models: () => Promise<UpstreamModels>
  ask: () => Promise<Ask>
  log: () => Promise<EventLog>
}

/** A day that was broken off goes on within the hour; one that is done costs a look. */
export const SCORE_SENTINELS_EVERY_MS = 3_600_000
const MAX_ORDERS = 200
/** The worker has other orders, runs and builds: what is left of a day is judged in the next hour. */
const MAX_ROUND_MS = 1_200_000

/** Returns how many judges were checked. Throws ZodError for a payload that is not empty, and whatever a second try may mend. */
export async function runScoreSentinels(
  { sql, db, clock, evaluate, pace, ...given }: ScoreSentinelsDeps,
  payload: unknown,
  signal: AbortSignal,
): Promise<{ judges: number }> {
  JOBS['score-sentinels'].parse(payload)
  const reads = given.readsBodies()
  await endUnlookedAlerts(sql, reads !== false, clock.nowMs())
  const orders = given.keys === null || reads !== true ? [] : await listJudgingOrders(sql, MAX_ORDERS)
  if (given.keys === null || orders.length === 0) return { judges: 0 }
  const opened = { keys: given.keys, ask: await given.ask(), log: await given.log() }
  const embed = embedWith(given.models, clock)
  const deps = {
    sql,
    db,
    clock,
    evaluate,
    pace,
    embed,
    random: Math.random,
    prepare: readyScorers,
    endMs: clock.monotonicMs() + MAX_ROUND_MS,
    signal,
    ...opened,
  }
  const failures: unknown[] = []
  let judges = 0
  for (const orderId of orders) {
    try {
      judges += await scoreSentinels(deps, orderId)
    } catch (error) {
      signal.throwIfAborted()
      // The others do not wait for an order whose scorers this version does not have.
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return { judges }
}
