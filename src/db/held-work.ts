/**
 * Work that one process at a time holds in the database, by a name of its own: begun, kept alive, ended, given back, or
 * taken over when its process has died. What a run writes after it was taken over changes nothing.
 */

import { randomUUID } from 'node:crypto'
import type { Sql, TransactionSql } from 'postgres'
import type { Clock } from '../lib/clock.ts'
import { whileBeating } from './heartbeat.ts'

/** Where one kind of work is kept: its table, the key of a row, and the state of a row that is held. */
export type HeldTable =
  | { table: 'index_builds'; key: 'index_id'; live: 'building' }
  | { table: 'source_syncs'; key: 'id'; live: 'running' }
  | { table: 'sentinel_rounds'; key: 'order_id'; live: 'running'; letsGo: true }
  // Nobody takes over while its process lives, so one that failed lets go. When it ended for good stands on it.
  | {
      table: 'online_orders' | 'data_checks' | 'fine_tunes'
      key: 'id'
      live: 'running'
      letsGo: true
      dated: true
    }
  // Rests until its own time while it is queued.
  | { table: 'eval_runs'; key: 'id'; live: 'running'; letsGo: true; dated: true; rests: true }
  // One that has ended, while something of it is cleared up: its state says how it ended, and stays.
  | { table: 'eval_runs'; key: 'id'; live: 'cancelled' | 'failed' | 'stopped'; stays: true }

/** A row, and who holds it. */
export type Run = { id: string; run: string }
/** Columns by their names in camelCase; `state` and `error` are everybody's. */
type Change = Readonly<Record<string, string | number | null>>

const MAX_ERROR_LETTERS = 500
/** How often whoever holds work says so, and after how long without a word it is another process's: several beats. Milliseconds. */
export const HELD = { beatMs: 5_000, silentMs: 25_000 } as const

/** Another run holds the work by now: thrown inside a transaction it undoes everything. */
class TakenOver extends Error {
  override name = 'TakenOver'
}

/** Throws TakenOver when another run holds the row. Inside a transaction it makes the rest of that this run's own. */
export async function demandHeld(
  sql: Sql | TransactionSql,
  held: HeldTable,
  run: Run,
  change: Change,
  now: string,
): Promise<void> {
  if (!(await changeHeld(sql, held, run, change, now))) throw new TakenOver()
}

/** False when another run holds the row. */
async function changeHeld(
  sql: Sql | TransactionSql,
  { table, key, live }: HeldTable,
  { id, run }: Run,
  change: Change,
  now: string,
): Promise<boolean> {
  const entries = Object.entries(change)
  const set = entries.map(([name], at) => `, ${columnOf(name)} = $${at + 5}`).join('')
  const rows = await sql.unsafe(
    `UPDATE ${table} SET updated_at = $4::timestamptz${set} WHERE ${key} = $1 AND run = $2 AND state = $3
     RETURNING ${key}`,
    [id, run, live, now, ...entries.map(([, value]) => value)],
  )
  return rows.length === 1
}

function columnOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Gives it back untried: its worker stops. Does nothing when another run holds it. */
async function giveBack(
  sql: Sql,
  { table, key, live, ...held }: HeldTable,
  { id, run }: Run,
  now: string,
): Promise<void> {
  const state = 'stays' in held ? live : 'queued'
  await sql.unsafe(
    `UPDATE ${table} SET state = '${state}', run = NULL, attempts = greatest(attempts - 1, 0), updated_at = $4::timestamptz
     WHERE ${key} = $1 AND run = $2 AND state = $3`,
    [id, run, live, now],
  )
}

/** Rows that wait since before `queued`, or whose process has not been heard of since `running`. */
export async function listStalled(
  sql: Sql,
  { table, key, live, ...held }: HeldTable,
  since: { queued: Date; running: Date },
  limit: number,
): Promise<string[]> {
  const awake = 'rests' in held ? 'AND (wakes_at IS NULL OR wakes_at <= $1::timestamptz)' : ''
  const rows = await sql.unsafe<{ id: string }[]>(
    `SELECT ${key} AS id FROM ${table}
     WHERE (state = 'queued' AND updated_at < $1::timestamptz ${awake}) OR (state = $2 AND updated_at < $3::timestamptz)
     ORDER BY updated_at, ${key} LIMIT $4`,
    [since.queued.toISOString(), live, since.running.toISOString(), limit],
  )
  return rows.map(({ id }) => id)
}

export type HeldDeps = {
  sql: Sql
  clock: Clock
  signal: AbortSignal
  /** Between two signs of life; twenty seconds unless said. */
  beatMs?: number
}
export type HeldOutcome<Done extends string> = Done | 'failed' | 'nothing' | 'taken-over'

/**
 * Claims the row and works. `nothing`: there was nothing to claim, or `work` found nothing. A final error is kept as the
 * row's last word; any other one is kept and thrown, and the row waits for the next try. A worker that stops gives it back.
 * `lost` is aborted when a sign of life finds the row held by another run, or by none: work that is only waiting hears of it.
 */
export async function whileHolding<Done extends string>(
  { sql, clock, signal, beatMs }: HeldDeps,
  held: HeldTable,
  id: string,
  steps: {
    claim: (run: Run, now: string) => Promise<boolean>
    work: (run: Run, lost: AbortSignal) => Promise<Done | 'nothing'>
    /** No second try would mend it. */
    isFinal: (error: unknown) => boolean
  },
): Promise<HeldOutcome<Done>> {
  const run = { id, run: randomUUID() }
  const now = () => new Date(clock.nowMs()).toISOString()
  if (!(await steps.claim(run, now()))) return 'nothing'
  const lost = new AbortController()
  try {
    return await whileBeating(
      async () => {
        if (!(await changeHeld(sql, held, run, {}, now()))) lost.abort(new TakenOver())
      },
      () => steps.work(run, lost.signal),
      beatMs,
    )
  } catch (error) {
    if (error instanceof TakenOver) return 'taken-over'
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LETTERS)
    const final = steps.isFinal(error)
    if (signal.aborted && !final) await giveBack(sql, held, run, now())
    else {
      const ended = { state: 'failed', ...('dated' in held && { finishedAt: now() }) }
      const state = final ? ended : 'letsGo' in held ? { state: 'queued' } : {}
      await changeHeld(sql, held, run, { error: message, ...state }, now())
    }
    if (final) return 'failed'
    throw error
  }
}
