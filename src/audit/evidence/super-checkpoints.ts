/**
 * Signs, once a minute, one head over the heads of all writers. Every gateway tries; a lock in the database lets one
 * do it, and the number of the head, which only one can insert, holds when a lock was lost unnoticed.
 */

import type { Sql, TransactionSql } from 'postgres'
import { parseTreeHead } from '../../lib/checkpoint.ts'
import type { Clock } from '../../lib/clock.ts'
import { type NoteSigner, parseNote, signNote } from '../../lib/signed-note.ts'
import { applyHeads, formatSuperHead, superDigest, type WriterHead, type WriterHeads } from './super-head.ts'

export type SuperCheckpointsSetup = {
  sql: Sql
  signer: NoteSigner
  origin: string
  clock: Clock
  onFailure: (error: unknown) => void
}

export type SuperCheckpoints = {
  /** One round now; resolves to the number that was signed, null when there was nothing new or somebody else was at it. */
  round(): Promise<number | null>
  stop(): Promise<void>
}

const EVERY_MS = 60_000
/** The letters are "aval", 3 = super-checkpoints. */
const LOCK = 0x6176_616c_03
const HISTORY_ROWS = 1000

/** Starts the rounds. A round that fails is told and tried again a minute later. */
export function startSuperCheckpoints(setup: SuperCheckpointsSetup): SuperCheckpoints {
  let running: Promise<unknown> = Promise.resolve()
  /** What is signed already, as far as it was read; the database has the rest. */
  let known: { number: number; heads: WriterHeads; digest: string | null } = {
    number: 0,
    heads: new Map(),
    digest: null,
  }
  const round = async (): Promise<number | null> => {
    return await setup.sql.begin(async (transaction) => {
      const [lock] = await transaction<{ held: boolean }[]>`
        SELECT pg_try_advisory_xact_lock(${String(LOCK)}::bigint) AS held`
      if (lock?.held !== true) return null
      known = await catchUp(transaction, known)
      const changed = changedHeads(known.heads, await newestHeads(transaction))
      if (changed.size === 0) return null
      const heads = applyHeads(known.heads, Object.fromEntries(changed))
      if (heads === null)
        throw new Error('A writer has fewer signed records than before; the log was shortened.')
      return await sign(transaction, setup, { ...known, heads, changed })
    })
  }
  const timer = setInterval(() => {
    running = round().catch(setup.onFailure)
  }, EVERY_MS)
  timer.unref()
  return {
    round,
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}

type Known = { number: number; heads: WriterHeads; digest: string | null }

async function catchUp(transaction: TransactionSql, from: Known): Promise<Known> {
  let known = from
  for (;;) {
    const rows = await transaction<{ number: string; note: string; heads: string }[]>`
      SELECT number, note, heads::text AS heads FROM audit_super_checkpoints
      WHERE number > ${known.number} ORDER BY number LIMIT ${HISTORY_ROWS}`
    for (const { number, note, heads } of rows) {
      const next = applyHeads(known.heads, JSON.parse(heads))
      if (next === null) throw new Error(`Super-checkpoint ${number} cannot follow the one before it.`)
      known = { number: Number(number), heads: next, digest: superDigest(note) }
    }
    if (rows.length < HISTORY_ROWS) return known
  }
}

async function newestHeads(transaction: TransactionSql): Promise<Map<string, WriterHead>> {
  const rows = await transaction<{ writer: string; note: string }[]>`
    SELECT DISTINCT ON (writer) writer, note FROM audit_checkpoints ORDER BY writer, size DESC`
  return new Map(
    rows.map(({ writer, note }) => {
      const { size, root } = parseTreeHead(parseNote(note).text)
      return [writer, { size, root: root.toString('base64') }]
    }),
  )
}

function changedHeads(before: WriterHeads, now: ReadonlyMap<string, WriterHead>): Map<string, WriterHead> {
  return new Map([...now].filter(([writer, { size }]) => before.get(writer)?.size !== size))
}

async function sign(
  transaction: TransactionSql,
  { signer, origin, clock }: SuperCheckpointsSetup,
  { number, digest, heads, changed }: Known & { changed: ReadonlyMap<string, WriterHead> },
): Promise<number> {
  const timeMs = clock.nowMs()
  const note = signNote(formatSuperHead(origin, heads, { timeMs, previous: digest }), signer)
  await transaction`
    INSERT INTO audit_super_checkpoints (number, at, heads, note)
    VALUES (${number + 1}, ${new Date(timeMs).toISOString()}::text::timestamptz, ${JSON.stringify(Object.fromEntries(changed))}::text::jsonb, ${note})`
  return number + 1
}
