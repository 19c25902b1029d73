/** One day of one order's judges: each is given the same answers again, by the same rules, and it is told whether it or the answers moved. */

import type { Sql } from 'postgres'
import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import { findReadable } from '../../audit/privacy/read-bodies.ts'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import { demandHeld, HELD, whileHolding } from '../../db/held-work.ts'
import { liveSample } from '../../evals/online/live-sample.ts'
import { type OrderContent, parseOrder } from '../../evals/online/order-content.ts'
import { chargeOrder, findOrderById, type OrderRow } from '../../evals/online/order-rows.ts'
import { recordScoredRead } from '../../evals/online/record-read.ts'
import type { Ask } from '../../evals/runs/ask.ts'
import { askPatiently } from '../../evals/runs/ask-patiently.ts'
import { Budget } from '../../evals/runs/budget.ts'
import { rulesHash } from '../../evals/runs/calibration.ts'
import { type JudgeWith, judgeSample, type RunJudge } from '../../evals/runs/judge-unit.ts'
import { meteredTools } from '../../evals/runs/metered-tools.ts'
import type { Pace } from '../../evals/runs/pace.ts'
import type { Tools } from '../../evals/scorers/scorer.ts'
import { recallContexts } from '../../gateway/recall-contexts.ts'
import type { Clock } from '../../lib/clock.ts'
import { endAlert, openAlert } from '../alerts/alert-rows.ts'
import {
  chooseSentinels,
  claimRound,
  insertJudgeCheck,
  insertSentinelScore,
  isNewestJudge,
  type JudgeCheck,
  type JudgeKey,
  listPendingSentinels,
  ROUNDS,
  readLiveScores,
  readSentinelCost,
  readSentinelPairs,
  type Sentinel,
  type SentinelScore,
} from './sentinel-rows.ts'
import { judgeShift, LEAST_SENTINELS, liveShift, tellApart } from './tell-apart.ts'

export type SentinelDeps = {
  sql: Sql
  db: Db
  clock: Clock
  random: () => number
  keys: Pick<AuditKeys, 'wrapping'>
  log: EventLog
  ask: Ask
  /** Of all runs and orders of this process. */
  pace: Pace
  embed: Tools['embed']
  evaluate: Tools['evaluate']
  prepare: JudgeWith
  /** No judge is asked from then on, by `monotonicMs`: what is left of the day waits for the next round. */
  endMs: number
  signal: AbortSignal
}

/** docs/data-drift.md says what so many find. */
const SENTINELS = 200
/** Chosen among the first so many judgements. */
const CHOSEN_FROM = 1_000
/** A day's sentinels may cost a tenth of the order's budget and of one judgement more, and begin none when nothing is left of it. */
const DAYS_SHARE = 10n
const BATCH = 50
const JUDGE_TIMEOUT_MS = 120_000
const DAY_MS = 86_400_000

type Scoring = SentinelDeps & { row: OrderRow; order: OrderContent; day: string; budget: Budget }
type Judge = { key: JudgeKey; name: string; ready: RunJudge[number] }

/**
 * How many judges were checked. Nothing for an order without judges, and while another process is at it. Killed anywhere, the next
 * one goes on with the same day.
 */
export async function scoreSentinels(deps: SentinelDeps, orderId: string): Promise<number> {
  const { sql, clock, signal } = deps
  const now = (agoMs = 0) => new Date(clock.nowMs() - agoMs).toISOString()
  let checked = 0
  await whileHolding<'done'>({ sql, clock, signal, beatMs: HELD.beatMs }, ROUNDS, orderId, {
    claim: (run, at) => claimRound(sql, run, { now: at, alive: now(HELD.silentMs) }),
    work: async (run, lost) => {
      checked = await scoreDay({ ...deps, signal: AbortSignal.any([signal, lost]) }, orderId)
      await demandHeld(sql, ROUNDS, run, { state: 'queued', run: null, error: null }, now())
      return 'done'
    },
    isFinal: () => false,
  })
  return checked
}

async function scoreDay(deps: SentinelDeps, orderId: string): Promise<number> {
  const row = await findOrderById(deps.sql, orderId)
  if (row === null) return 0
  const order = parseOrder(row)
  const day = new Date(deps.clock.nowMs()).toISOString().slice(0, 10)
  const scoring = { ...deps, row, order, day, budget: await budgetOf(deps.sql, row, order, day) }
  let checked = 0
  for (const [at, ready] of deps.prepare(order.scorers).entries()) {
    const scorer = order.scorers[at]
    if (scorer?.judge !== true) continue
    const key = { orderId, rules: rulesHash(scorer), projectId: row.projectId }
    if (await checkJudge(scoring, { key, name: scorer.name, ready })) checked += 1
  }
  return checked
}

async function budgetOf(sql: Sql, row: OrderRow, order: OrderContent, day: string): Promise<Budget> {
  if (order.budget === null) return new Budget(null)
  const { spent, paid } = await readSentinelCost(sql, row.id, day)
  const whole = BigInt(order.budget)
  const left = whole - BigInt(row.spent) + BigInt(spent)
  const share = whole / DAYS_SHARE
  const cap = left < share ? left : share
  const budget = new Budget(cap > 0n ? cap : 0n)
  budget.spent(BigInt(spent), paid)
  if (row.unpriced > 0) budget.charge(null)
  return budget
}

async function checkJudge(scoring: Scoring, judge: Judge): Promise<boolean> {
  const { sql, clock, day, endMs, signal } = scoring
  await chooseSentinels(sql, judge.key, { size: SENTINELS, from: CHOSEN_FROM, least: LEAST_SENTINELS })
  const pending = await listPendingSentinels(sql, judge.key, day)
  for (let from = 0; from < pending.length; from += BATCH) {
    if (clock.monotonicMs() > endMs) return false
    const batch = pending.slice(from, from + BATCH)
    signal.throwIfAborted()
    const ids = batch.map(({ requestId }) => requestId)
    await recordScoredRead(scoring, { scorers: [judge.name], ids, again: true })
    for (const sentinel of batch) {
      signal.throwIfAborted()
      if (clock.monotonicMs() > endMs) return false
      await keep(scoring, judge, await scoreOnce(scoring, judge, sentinel))
    }
  }
  return await conclude(scoring, judge)
}

/** Throws the signal's reason alone. */
async function scoreOnce(
  scoring: Scoring,
  { ready }: Judge,
  { requestId }: Sentinel,
): Promise<SentinelScore> {
  const { sql, db, keys, row, budget, signal } = scoring
  const skipped = (skip: NonNullable<SentinelScore['skip']>): SentinelScore => ({
    requestId,
    outcome: 'skipped',
    skip,
    value: null,
    passed: null,
    cost: '0',
  })
  const scope = { projectId: row.projectId, unowned: false }
  const found = await findReadable(db, keys, { id: requestId, scope })
  if (found === null) return skipped('erased')
  const read = liveSample(found, await recallContexts(sql, found))
  if ('skip' in read) return skipped(read.skip)
  if (budget.reserve() !== null) return skipped('budget_spent')
  const { order, embed, evaluate } = scoring
  const ask: Ask = async (call) => (await askPatiently(scoring, JUDGE_TIMEOUT_MS, call)).asked
  const judging = { id: row.id, projectId: row.projectId, suite: order.route }
  const metered = meteredTools({ ask, embed, evaluate, row: judging, subject: found.subject })
  let cost: string | null = null
  try {
    const score = await judgeSample(ready, read.sample, { signal, metered })
    cost = score.cost
    return { requestId, outcome: score.outcome, skip: null, value: score.value, passed: score.passed, cost }
  } finally {
    budget.settle(cost, true)
  }
}

/** What it cost is the order's, so that its budget holds for all that its judges ask. */
async function keep({ sql, clock, day, row }: Scoring, { key }: Judge, score: SentinelScore): Promise<void> {
  const now = new Date(clock.nowMs()).toISOString()
  await sql.begin(async (transaction) => {
    await insertSentinelScore(transaction, key, day, score, now)
    if (score.outcome !== 'skipped') await chargeOrder(transaction, row.id, score.cost)
  })
}

/** False while there is no set, and when the day has its row. */
async function conclude({ sql, clock, day, row, order }: Scoring, { key, name }: Judge): Promise<boolean> {
  const { sentinels, pairs } = await readSentinelPairs(sql, key, day)
  if (sentinels === 0) return false
  const { shift, agreement } = judgeShift(pairs)
  const nowMs = clock.nowMs()
  const { earlier, recent } = await readLiveScores(sql, key, nowMs - DAY_MS)
  const live = liveShift(earlier, recent)
  const check: JudgeCheck = {
    orderId: key.orderId,
    rules: key.rules,
    day,
    scorer: name,
    sentinels,
    scored: pairs.length,
    agreement,
    judge: shift,
    live,
    liveScored: recent.length,
    ...tellApart({ judge: shift, live }),
  }
  return await sql.begin(async (transaction) => {
    const place = { projectId: row.projectId, route: order.route }
    if (!(await insertJudgeCheck(transaction, place, check, new Date(nowMs).toISOString()))) return false
    if (await isNewestJudge(transaction, place, check)) await tell(transaction, place, check, nowMs)
    return true
  })
}

/** One alert for the judge and one for what it judges; an unknown day leaves both as they are. */
async function tell(
  sql: Parameters<typeof openAlert>[0],
  { projectId, route }: { projectId: string; route: string },
  { verdict, scorer, judge, live }: JudgeCheck,
  nowMs: number,
): Promise<void> {
  if (verdict === 'unknown') return
  const sides = [
    { metric: `data:judge:${scorer}`, shift: judge, moved: verdict === 'judge_drift' || verdict === 'both' },
    { metric: `data:answers:${scorer}`, shift: live, moved: verdict === 'model_drift' || verdict === 'both' },
  ]
  for (const { metric, shift, moved } of sides) {
    const key = { projectId, subject: { kind: 'route', name: route } as const, metric }
    if (!moved) await endAlert(sql, key, nowMs)
    else {
      const told = { change: 'data', value: shift?.mean ?? null, usual: 0, excess: 1 } as const
      await openAlert(sql, { ...key, ...told, beganAtMs: nowMs - DAY_MS, openedAtMs: nowMs })
    }
  }
}
