/**
 * One look of an order at its traffic: what began in a span of time is sampled, opened and judged, and each judgement is kept as
 * soon as it is there. Killed anywhere, the next look goes on.
 */

import type { Sql, TransactionSql } from 'postgres'
import type { AuditKeys } from '../../audit/privacy/audit-keys.ts'
import { findReadable } from '../../audit/privacy/read-bodies.ts'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import { recallContexts } from '../../gateway/recall-contexts.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Ask } from '../runs/ask.ts'
import { askPatiently } from '../runs/ask-patiently.ts'
import { Budget } from '../runs/budget.ts'
import { rulesHash } from '../runs/calibration.ts'
import { type JudgeWith, judgeSample, type RunJudge } from '../runs/judge-unit.ts'
import { meteredTools } from '../runs/metered-tools.ts'
import type { Pace } from '../runs/pace.ts'
import type { RunScorer } from '../runs/run-content.ts'
import { createTaskGroup, type TaskGroup } from '../runs/task-group.ts'
import type { Sample, Tools } from '../scorers/scorer.ts'
import { liveSample } from './live-sample.ts'
import type { OrderContent } from './order-content.ts'
import { chargeOrder, type OrderRow } from './order-rows.ts'
import { recordScoredRead } from './record-read.ts'
import { inSample } from './sample.ts'
import { countTaken, insertScore, type LiveScore, readSettled } from './score-rows.ts'
import { SKIP_REASONS, type Skip } from './skip-reasons.ts'
import { holdBodies, readTraffic, type TrafficPlace, type TrafficRow } from './traffic-rows.ts'

export type ScoreDeps = {
  sql: Sql
  db: Db
  clock: Clock
  random: () => number
  /** Opens bodies. */
  keys: Pick<AuditKeys, 'wrapping'>
  /** Takes a record of each read before it. */
  log: EventLog
  ask: Ask
  /** Of all runs and orders of this process. */
  pace: Pace
  embed: Tools['embed']
  evaluate: Tools['evaluate']
  /** Compiles the scorers. Throws GatewayError for one that this version does not have. */
  prepare: JudgeWith
  /** Writes while the order is this worker's, and throws when it is not. */
  own: (write: (transaction: TransactionSql, now: string) => Promise<void>) => Promise<void>
}

/** `all`: nothing in the span is left. `limit`: the order has as many as it asked for. `time`: the look was long enough. */
export type Look = { ended: 'all' | 'limit' | 'time'; lookedTo: string }

type Scoring = ScoreDeps & {
  row: OrderRow
  order: OrderContent
  scorers: readonly (RunScorer & { rules: string; ready: RunJudge[number] })[]
  budget: Budget
  /** Requests that are judged beside each other. */
  judging: TaskGroup
}
/** A sampled request, and the rules by which nobody has judged it. */
type Pending = { request: TrafficRow; scorers: Scoring['scorers'] }

/** Rows without bodies, most of which are not in the sample. */
const PAGE = 500
/** Requests that one record of a read stands for; it names them all. */
const BATCH = 50
/** Requests that are judged at once, as many as runs do unless a suite says otherwise. */
const CONCURRENCY = 4
/** Of one question to a judge. */
const JUDGE_TIMEOUT_MS = 120_000
/** The worker has other orders, runs and builds: what is left is looked at in the next minute. */
const MAX_LOOK_MS = 300_000

/**
 * Judges what is pending of the requests that began from `since` on and before `until`, opened in their order, a few at once.
 * Throws what the log or the database says, the signal's reason, or a GatewayError for scorers of another version.
 */
export async function scoreRequests(
  deps: ScoreDeps,
  { row, order, since, until }: { row: OrderRow; order: OrderContent; since: string; until: string },
  signal: AbortSignal,
): Promise<Look> {
  const ready = deps.prepare(order.scorers)
  const scorers = ready.flatMap((judge, at) => {
    const scorer = order.scorers[at]
    return scorer === undefined ? [] : [{ ...scorer, rules: rulesHash(scorer), ready: judge }]
  })
  const budget = new Budget(order.budget === null ? null : BigInt(order.budget))
  const { taken, paid } = await countTaken(deps.sql, row.id)
  budget.spent(BigInt(row.spent), paid)
  if (row.unpriced > 0) budget.charge(null)
  const judging = createTaskGroup(CONCURRENCY, signal)
  try {
    const scoring = { ...deps, row, order, scorers, budget, judging }
    return await look(scoring, { since, until, room: order.limit - taken })
  } finally {
    await judging.stop()
  }
}

async function look(
  scoring: Scoring,
  { since, until, room }: { since: string; until: string; room: number },
): Promise<Look> {
  const { sql, clock, row, order, budget } = scoring
  const span = { projectId: row.projectId, releaseIds: order.releases.map(({ id }) => id), since, until }
  const endMs = clock.monotonicMs() + MAX_LOOK_MS
  let left = room
  let after: TrafficPlace | null = null
  for (;;) {
    const page: TrafficRow[] = await readTraffic(sql, { ...span, models: order.models ?? null }, after, PAGE)
    let couldSpend = budget.canSpend()
    let pending = await pendingOf(scoring, page)
    while (pending.length > 0) {
      const place = pending[0]?.request.startedAt ?? since
      if (left <= 0) return { ended: 'limit', lookedTo: place }
      if (clock.monotonicMs() > endMs) return { ended: 'time', lookedTo: place }
      const batch = pending.slice(0, Math.min(BATCH, left))
      await scoreBatch(scoring, batch)
      pending = pending.slice(batch.length)
      left -= batch.length
      if (couldSpend && !budget.canSpend()) {
        // Gaps of other orders are no longer this one's to fill, and those that it came too late for are none of its requests.
        couldSpend = false
        pending = await pendingOf(scoring, page)
        left = order.limit - (await countTaken(sql, row.id)).taken
      }
    }
    if (page.length < PAGE) return { ended: left <= 0 ? 'limit' : 'all', lookedTo: until }
    after = page.at(-1) ?? after
  }
}

async function pendingOf(
  { sql, row, order, scorers, budget }: Scoring,
  page: readonly TrafficRow[],
): Promise<Pending[]> {
  const sampled = page.filter(({ id }) => inSample(id, order.sample))
  const settled = await readSettled(
    sql,
    { orderId: row.id, takesGaps: budget.canSpend() },
    sampled.map(({ id }) => id),
  )
  return sampled
    .map((request) => {
      const known = settled.get(request.id)
      return { request, scorers: scorers.filter(({ rules }) => known?.has(rules) !== true) }
    })
    .filter((one) => one.scorers.length > 0)
}

/** The read is on the log, with every request it is of, before the first of them is opened. */
async function scoreBatch(scoring: Scoring, batch: readonly Pending[]): Promise<void> {
  const { order, judging } = scoring
  judging.signal.throwIfAborted()
  await recordScoredRead(scoring, {
    scorers: order.scorers.map(({ name }) => name),
    ids: batch.map(({ request }) => request.id),
  })
  for (const one of batch) {
    await judging.room()
    judging.signal.throwIfAborted()
    // One after another, so that the money there is goes to requests in their order.
    const read = await openRequest(scoring, one.request)
    judging.begin(() => scoreOne(scoring, one, read))
  }
  await judging.allEnded()
}

/** What scorers take, and the pseudonym of whose words it is. */
type Opened = { sample: Sample; subject: string | null } | Skip

async function openRequest({ sql, db, keys, row }: Scoring, { id }: TrafficRow): Promise<Opened> {
  const scope = { projectId: row.projectId, unowned: false }
  const found = await findReadable(db, keys, { id, scope })
  if (found === null) return { skip: 'erased' }
  const read = liveSample(found, await recallContexts(sql, found))
  return 'skip' in read ? read : { ...read, subject: found.subject }
}

async function scoreOne(scoring: Scoring, { request, scorers }: Pending, opened: Opened): Promise<void> {
  for (const scorer of scorers) {
    scoring.judging.signal.throwIfAborted()
    const score = 'skip' in opened ? skipped(opened) : await judged(scoring, scorer, opened)
    await keep(scoring, request, scorer, score)
  }
}

async function judged(
  scoring: Scoring,
  scorer: Scoring['scorers'][number],
  opened: Exclude<Opened, Skip>,
): Promise<LiveScore> {
  if (scorer.judge !== true) return await judgeOnce(scoring, scorer, opened)
  const { budget, judging } = scoring
  const refused = await budget.reserveInTurn()
  if (refused !== null) {
    // After a look was broken off nobody knows what there is left, which is no reason to leave a gap.
    judging.signal.throwIfAborted()
    return { outcome: 'skipped', skip: 'budget_spent', reason: refused }
  }
  let cost: string | null = null
  try {
    const score = await judgeOnce(scoring, scorer, opened)
    cost = score.cost
    return score
  } finally {
    // One that was broken off has cost nobody knows what.
    budget.settle(cost, true)
  }
}

/** Throws the signal's reason alone. */
async function judgeOnce(
  { row, order, judging, ...tools }: Scoring,
  { ready }: Scoring['scorers'][number],
  { sample, subject }: Exclude<Opened, Skip>,
) {
  const { signal } = judging
  signal.throwIfAborted()
  const ask: Ask = async (call) => (await askPatiently(tools, JUDGE_TIMEOUT_MS, call)).asked
  const asking = { id: row.id, projectId: row.projectId, suite: order.route }
  const { embed, evaluate } = tools
  const metered = meteredTools({ ask, embed, evaluate, row: asking, subject })
  return await judgeSample(ready, sample, { signal, metered })
}

function skipped({ skip }: Skip): LiveScore {
  return { outcome: 'skipped', skip, reason: SKIP_REASONS[skip] }
}

/** What was erased while it was judged leaves no word behind, and what judging it has cost stays spent. */
async function keep(
  { own, row }: Scoring,
  request: TrafficRow,
  scorer: Scoring['scorers'][number],
  score: LiveScore,
): Promise<void> {
  await own(async (transaction, now) => {
    const isGone = score.outcome !== 'skipped' && !(await holdBodies(transaction, request))
    await insertScore(transaction, row, request, scorer, isGone ? skipped({ skip: 'erased' }) : score, now)
    if (score.outcome !== 'skipped') await chargeOrder(transaction, row.id, score.cost)
  })
}
