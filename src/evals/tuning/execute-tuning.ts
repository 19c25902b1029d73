/**
 * A worker at one fine-tuning: takes it as far as it goes now, and leaves it asleep until it is to be looked at again, so that no job
 * of the queue lasts as long as a training. Killed anywhere, the next one goes on.
 */

import type { Sql } from 'postgres'
import type { EventLog } from '../../audit/record.ts'
import type { Db } from '../../db/client.ts'
import { demandHeld, HELD, type HeldOutcome, type Run, whileHolding } from '../../db/held-work.ts'
import type { Clock } from '../../lib/clock.ts'
import type { FineTuning } from '../../providers/fine-tuning.ts'
import { followTuning } from './follow-tuning.ts'
import { parseTuning } from './order.ts'
import { submitAgain, submitTuning } from './submit-tuning.ts'
import { claimTuning, findTuningById, TUNINGS, type TuningRow } from './tuning-rows.ts'
import { endCancelled, TuningFailed, type TuningStep, type TuningWork } from './work.ts'

export type ExecuteTuningDeps = {
  sql: Sql
  db: Db
  clock: Clock
  random: () => number
  log: EventLog
  /** Null for an upstream that is not configured, or trains nothing. */
  tunerOf: (upstream: string, model: string) => FineTuning | null
  /** Aborted when the process is to stop: the row is given back. */
  signal: AbortSignal
  /** Shorter in tests. */
  beatMs?: number
  silentMs?: number
}

export type TuningOutcome = HeldOutcome<'done' | 'cancelled' | 'waiting'>

/** Two files, the job and a look, and what each may be sent back by. */
const MAX_STEPS = 20
/** It is tried so often in a row without a step further. */
const MAX_ATTEMPTS = 20

/** Throws what a second try may mend. */
export async function executeTuning(deps: ExecuteTuningDeps, id: string): Promise<TuningOutcome> {
  const { sql, clock, signal, silentMs = HELD.silentMs } = deps
  const alive = new Date(clock.nowMs() - silentMs).toISOString()
  return await whileHolding<'done' | 'cancelled' | 'waiting'>(
    { sql, clock, signal, beatMs: deps.beatMs ?? HELD.beatMs },
    TUNINGS,
    id,
    {
      claim: (run, now) => claimTuning(sql, run, { now, alive }),
      work: (run, lost) => advance({ ...deps, signal: AbortSignal.any([signal, lost]) }, run),
      isFinal: (error) => error instanceof TuningFailed,
    },
  )
}

async function advance(
  deps: ExecuteTuningDeps,
  run: Run,
): Promise<'done' | 'cancelled' | 'waiting' | 'nothing'> {
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    deps.signal.throwIfAborted()
    const row = await findTuningById(deps.sql, run.id)
    if (row === null) return 'nothing'
    if (row.attempts > MAX_ATTEMPTS) {
      throw new TuningFailed(`Given up after ${MAX_ATTEMPTS} tries. ${row.error ?? ''}`.trim())
    }
    const step = await stepOf(workOn(deps, run, row))
    if (step.kind === 'ended') return step.state
    if (step.kind === 'again') continue
    await rest(deps, run, row, step)
    return 'waiting'
  }
  throw new Error(`${MAX_STEPS} steps brought the fine-tuning no further.`)
}

async function stepOf(work: TuningWork): Promise<TuningStep> {
  const { phase, cancellingAt } = work.row
  if (phase === 'submitted') return await followTuning(work)
  if (phase === 'submitting') return await submitAgain(work)
  return cancellingAt === null ? await submitTuning(work) : await endCancelled(work, null)
}

function workOn({ tunerOf, ...deps }: ExecuteTuningDeps, run: Run, row: TuningRow): TuningWork {
  const { sql, clock } = deps
  return {
    ...deps,
    row,
    content: parseTuning(row.content),
    tuner: tunerOf(row.upstream, row.model),
    own: async (change, { unlessCancelled } = { unlessCancelled: false }) => {
      const now = new Date(clock.nowMs()).toISOString()
      return await sql.begin(async (transaction) => {
        // It locks the row: whoever cancels comes before, and is seen, or after, and finds what was written.
        await demandHeld(transaction, TUNINGS, run, { attempts: 0 }, now)
        const kept = unlessCancelled ? await findTuningById(transaction, row.id) : null
        if (unlessCancelled && kept?.cancellingAt !== null) return false
        await demandHeld(transaction, TUNINGS, run, change, now)
        return true
      })
    },
  }
}

/** Asleep, unless somebody cancelled it meanwhile: then the next one begins at once. */
async function rest(
  { sql, clock }: ExecuteTuningDeps,
  run: Run,
  row: TuningRow,
  { untilMs, why }: { untilMs: number; why: string | null },
): Promise<void> {
  const now = new Date(clock.nowMs()).toISOString()
  await sql.begin(async (transaction) => {
    await demandHeld(transaction, TUNINGS, run, { attempts: 0 }, now)
    const kept = await findTuningById(transaction, row.id)
    const isNew = row.cancellingAt === null && kept?.cancellingAt !== null
    const wakesAt = isNew ? now : new Date(untilMs).toISOString()
    await demandHeld(transaction, TUNINGS, run, { state: 'queued', run: null, wakesAt, error: why }, now)
  })
}
