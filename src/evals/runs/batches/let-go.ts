/** Lets go of the part that a run had under way when it was cancelled or failed: the upstream is asked to stop it. */

import type { Sql } from 'postgres'
import { demandHeld, HELD, whileHolding } from '../../../db/held-work.ts'
import type { Clock } from '../../../lib/clock.ts'
import { parseRunContent } from '../run-content.ts'
import { claimEndedRun, findRunById } from '../run-rows.ts'
import type { AnswererOf } from '../taken-over/keys.ts'
import { advanceParts } from './advance-parts.ts'
import { findLiveBatch } from './batch-rows.ts'
import type { BatchPlane } from './part.ts'

export type LetGoDeps = {
  sql: Sql
  clock: Clock
  random: () => number
  batches: BatchPlane
  answererOf: AnswererOf
  signal: AbortSignal
  /** Shorter in tests. */
  silentMs?: number
}

/** `nothing`: nothing is under way, or another worker is at it. Throws what a second try may mend. */
export async function letGoOfParts(deps: LetGoDeps, id: string): Promise<string> {
  const { sql, clock, signal, random, batches: plane, answererOf, silentMs = HELD.silentMs } = deps
  const row = await findRunById(sql, id)
  const state = row?.state
  if (row === null || (state !== 'cancelled' && state !== 'failed' && state !== 'stopped')) return 'nothing'
  if ((await findLiveBatch(sql, id)) === null) return 'nothing'
  const held = { table: 'eval_runs', key: 'id', live: state, stays: true } as const
  const alive = new Date(clock.nowMs() - silentMs).toISOString()
  return await whileHolding<'let-go' | 'waiting'>({ sql, clock, signal }, held, id, {
    claim: (run, now) => claimEndedRun(sql, run, { state, now, alive }),
    work: async (run, lost) => {
      const own = async (write: Parameters<Parameters<typeof advanceParts>[0]['own']>[0]) => {
        const now = new Date(clock.nowMs()).toISOString()
        await sql.begin(async (transaction) => {
          await demandHeld(transaction, held, run, {}, now)
          await write(transaction, now)
        })
      }
      const content = parseRunContent(row.content)
      const both = AbortSignal.any([signal, lost])
      const given = { sql, clock, random, plane, answererOf, own }
      const work = { ...given, signal: both, row, content, lettingGo: true }
      const step = await advanceParts(work)
      const wakesAt = step.kind === 'wait' ? new Date(step.untilMs).toISOString() : null
      await demandHeld(sql, held, run, { run: null, wakesAt }, new Date(clock.nowMs()).toISOString())
      return step.kind === 'wait' ? 'waiting' : 'let-go'
    },
    isFinal: () => false,
  })
}
