/**
 * A worker at a run: asks what was not asked yet, judges what was not judged yet, and keeps each as soon as it is there.
 * Killed anywhere, the next one goes on; only calls that were under way are made again.
 */

import type { Sql, TransactionSql } from 'postgres'
import { demandHeld, HELD, type HeldOutcome, type Run, whileHolding } from '../../db/held-work.ts'
import { GatewayError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Sample, Tools } from '../scorers/scorer.ts'
import { answerUnit } from './answer-unit.ts'
import type { Ask } from './ask.ts'
import { askPatiently } from './ask-patiently.ts'
import { advanceParts } from './batches/advance-parts.ts'
import type { BatchPlane } from './batches/part.ts'
import { Budget } from './budget.ts'
import { countResults } from './count-results.ts'
import { type JudgeWith, judgeUnit, type RunJudge, sampleOf } from './judge-unit.ts'
import { meteredTools } from './metered-tools.ts'
import type { Pace } from './pace.ts'
import {
  insertResult,
  insertScores,
  type Place,
  type ResultRow,
  readPending,
  type ScoreRow,
  type Unit,
} from './result-rows.ts'
import { parseRunContent, type RunContent } from './run-content.ts'
import { RunRefused } from './run-refused.ts'
import { claimRun, findRunById, RUNS, type RunRow } from './run-rows.ts'
import { type AnswererOf, answerKey } from './taken-over/keys.ts'
import { judgementKeys, takeAnswers, takeJudgements } from './taken-over/take-over.ts'
import { createTaskGroup, type TaskGroup } from './task-group.ts'

export type ExecuteDeps = {
  sql: Sql
  clock: Clock
  random: () => number
  ask: Ask
  /** For runs that ask in batches. */
  batches: BatchPlane
  /** Who answers now: what answers are known by, for runs that take them over. */
  answererOf: AnswererOf
  /** Of all runs of this process. */
  pace: Pace
  /** For scorers that think: vectors of the model that ships. */
  embed: Tools['embed']
  /** For scorers that are code. */
  evaluate: Tools['evaluate']
  /** Compiles the scorers of a run. Throws GatewayError for one that this version does not have. */
  prepare: JudgeWith
  /** Aborted when the process is to stop: the run is given back. */
  signal: AbortSignal
  /** Shorter in tests. */
  beatMs?: number
  silentMs?: number
}

type Ended = 'done' | 'stopped' | 'waiting'
/** `waiting`: a batch is under way, and the run is queued until it is looked at again. */
export type RunOutcome = HeldOutcome<Ended>

const PAGE = 32
/** A run is tried so often in a row without one more answer or score. */
const MAX_ATTEMPTS = 20

/** Throws what a second try may mend. */
export async function executeRun(deps: ExecuteDeps, id: string): Promise<RunOutcome> {
  const { sql, clock, signal, silentMs = HELD.silentMs } = deps
  const alive = new Date(clock.nowMs() - silentMs).toISOString()
  return await whileHolding<Ended>({ sql, clock, signal, beatMs: deps.beatMs ?? HELD.beatMs }, RUNS, id, {
    claim: (run, now) => claimRun(sql, run, { now, alive }),
    work: async (run, lost) => {
      const row = await findRunById(sql, id)
      if (row === null) return 'nothing'
      if (row.attempts > MAX_ATTEMPTS) {
        throw new RunRefused(
          `Given up after ${MAX_ATTEMPTS} tries without an answer. ${row.error ?? ''}`.trim(),
        )
      }
      return await new Execution({ ...deps, signal: AbortSignal.any([signal, lost]) }, row, run).all()
    },
    isFinal: (error) => error instanceof RunRefused || (error instanceof GatewayError && error.status < 500),
  })
}

class Execution {
  readonly #deps: ExecuteDeps
  readonly #row: RunRow
  readonly #run: Run
  readonly #content: RunContent
  readonly #budget: Budget
  readonly #judge: RunJudge
  /** Ends every call that is under way: one of them failed, the process is to stop, or the run is not ours any more. */
  readonly #units: TaskGroup

  constructor(deps: ExecuteDeps, row: RunRow, run: Run) {
    this.#deps = deps
    this.#row = row
    this.#run = run
    this.#content = parseRunContent(row.content)
    this.#units = createTaskGroup(this.#content.concurrency, deps.signal)
    this.#budget = new Budget(row.budget === null ? null : BigInt(row.budget))
    this.#judge = deps.prepare(this.#content.scorers)
  }

  async all(): Promise<Ended> {
    const counts = await countResults(this.#deps.sql, this.#row.id)
    const paid = counts.answered - (counts.takenOver?.answers ?? 0) - counts.unpricedAnswers
    this.#budget.spent(BigInt(counts.cost), paid)
    try {
      if (this.#content.batch === true) return await this.#inBatches()
      const refused = await this.#pass('either')
      await this.#units.allEnded()
      return await this.#finish(refused)
    } finally {
      await this.#units.stop()
    }
  }

  /** Answers come in batches. What is there is judged meanwhile, by judges that are asked as always. */
  async #inBatches(): Promise<Ended> {
    const { clock, random, batches: plane, sql } = this.#deps
    const { signal } = this.#units
    const work = { ...this.#taking(), random, plane, signal, row: this.#row, content: this.#content }
    const step = await advanceParts({ ...work, lettingGo: false })
    await this.#pass('score')
    await this.#units.allEnded()
    if (step.kind !== 'wait') return await this.#finish(step.kind === 'refused' ? step.why : null)
    const rest = { state: 'queued', run: null, attempts: 0, error: step.why }
    const wakesAt = new Date(step.untilMs).toISOString()
    await demandHeld(sql, RUNS, this.#run, { ...rest, wakesAt }, new Date(clock.nowMs()).toISOString())
    return 'waiting'
  }

  /** Once through everything that lacks something. Gives why it did not come to the end, or null. */
  async #pass(lacking: 'either' | 'score'): Promise<string | null> {
    let after: Place | null = null
    for (;;) {
      const pending: Unit[] = await readPending(this.#deps.sql, this.#row, after, PAGE, lacking)
      const units = await takeAnswers(this.#taking(), this.#row, this.#content, pending)
      for (const unit of units) {
        await this.#units.room()
        this.#units.signal.throwIfAborted()
        const refused = unit.result === null ? await this.#reserve() : null
        if (refused !== null) return refused
        this.#units.begin(() => this.#unit(unit))
        after = unit
      }
      if (units.length === 0) return null
    }
  }

  /** What is under way may cost less than feared, so the last word is had when nothing is. */
  async #reserve(): Promise<string | null> {
    let refused = this.#budget.reserve()
    while (refused !== null && this.#units.size > 0) {
      await this.#units.oneEnded()
      refused = this.#budget.reserve()
    }
    return refused
  }

  async #unit(unit: Unit): Promise<void> {
    const result = unit.result ?? (await this.#answer(unit))
    const sample = result.outcome === 'answered' ? sampleOf(unit.item, result) : null
    const given = { sample, error: result.error }
    const open = this.#judge.filter(({ name }) => !unit.judged.includes(name))
    // Nobody is paid for the other scorers: there is nothing to take over.
    if (sample === null || !this.#content.scorers.some(({ judge }) => judge === true)) {
      return await this.#judgeAnswer(unit, given, open, () => null)
    }
    const keys = () => judgementKeys(this.#deps.answererOf, this.#row, this.#content, { ...unit, sample })
    const asked = keys()
    const judges = open.map(({ name }) => name)
    const taken = await takeJudgements(this.#taking(), this.#row, this.#content, {
      unit,
      keys: asked,
      judges,
    })
    const left = open.filter(({ name }) => !taken.includes(name))
    await this.#judgeAnswer(unit, given, left, ({ scorer, outcome, cost }) => {
      const key = outcome === 'scored' && cost !== '0' ? (asked.get(scorer) ?? null) : null
      return key !== null && keys().get(scorer) === key ? key : null
    })
  }

  async #answer(unit: Unit): Promise<ResultRow> {
    const { signal } = this.#units
    const keyNow = () => answerKey(this.#deps.answererOf, this.#row.projectId, this.#content, unit)
    const asked = keyNow()
    const made = await answerUnit({ ...this.#deps, signal }, this.#row, this.#content, unit)
    this.#budget.settle(made.free ? '0' : made.cost, made.outcome === 'answered')
    const isPaid = made.outcome === 'answered' && !made.free
    // Where upstreams have changed meanwhile nobody can tell which of them answered.
    const key = isPaid && keyNow() === asked ? asked : null
    // Kept before it is judged: what was paid for is never asked again because a scorer was interrupted.
    await this.own((transaction, now) => insertResult(transaction, this.#row.id, made, now, key))
    return made
  }

  async #judgeAnswer(
    unit: Unit,
    given: { sample: Sample | null; error: string | null },
    left: RunJudge,
    keyOf: (score: ScoreRow) => string | null,
  ): Promise<void> {
    const { signal } = this.#units
    const { embed, evaluate } = this.#deps
    const tools = { ask: this.#askJudge, embed, evaluate, row: this.#row }
    const meter = () => meteredTools(tools)
    let unkept: (ScoreRow & { key: string | null })[] = []
    const keep = async () => {
      const scores = unkept
      unkept = []
      await this.own((transaction, now) => insertScores(transaction, this.#row.id, unit, scores, now))
    }
    for await (const score of judgeUnit(left, given, { signal, meter })) {
      unkept.push({ ...score, key: keyOf(score) })
      if (score.cost === '0') continue
      // Like an answer: what was paid for is kept before the next judge is asked.
      this.#budget.charge(score.cost)
      await keep()
    }
    if (unkept.length > 0) await keep()
  }

  #taking() {
    const { sql, clock, answererOf } = this.#deps
    return { sql, clock, answererOf, own: (write: Parameters<Execution['own']>[0]) => this.own(write) }
  }

  /** Judges are asked as patiently as the subject, and wait for room at their own upstreams. */
  readonly #askJudge: Ask = async (call) =>
    (await askPatiently(this.#deps, this.#content.timeoutMs, call)).asked

  async #finish(refused: string | null): Promise<'done' | 'stopped'> {
    const { sql, clock } = this.#deps
    const left = refused === null ? await readPending(sql, this.#row, null, 1) : []
    if (left.length > 0) throw new Error('Some items were left over.')
    const now = new Date(clock.nowMs()).toISOString()
    const state = refused === null ? 'done' : 'stopped'
    await demandHeld(sql, RUNS, this.#run, { state, error: refused, finishedAt: now }, now)
    return state
  }

  /** Writes only while the run is this worker's. */
  async own(write: (transaction: TransactionSql, now: string) => Promise<void>): Promise<void> {
    const now = new Date(this.#deps.clock.nowMs()).toISOString()
    await this.#deps.sql.begin(async (transaction) => {
      // Whoever gets something done is no failed try, however often workers are killed at it.
      await demandHeld(transaction, RUNS, this.#run, { attempts: 0 }, now)
      await write(transaction, now)
    })
  }
}
