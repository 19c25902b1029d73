/**
 * Changes to a log as its owner could make them: triggers off, any statement, and everything put back afterwards. Each
 * runs in a transaction that is rolled back, and the verification reads inside it.
 */

import type { Sql, TransactionSql } from 'postgres'
import type { VerifyReport } from '../../src/audit/verify/verify.ts'
import { randomOf } from './random.ts'

class Undo extends Error {}

const TABLES = [
  'requests',
  'request_bodies',
  'audit_events',
  'audit_leaves',
  'audit_checkpoints',
  'audit_super_checkpoints',
] as const

/** What `verify` finds while the change is in force. */
export async function tamper(
  sql: Sql,
  statement: string,
  values: readonly unknown[],
  verify: (changed: TransactionSql) => Promise<VerifyReport>,
): Promise<VerifyReport> {
  let report: VerifyReport | null = null
  try {
    await sql.begin(async (transaction) => {
      await withoutTriggers(transaction)
      if (values.length > 0) await transaction.unsafe(statement, values as string[])
      else await transaction.unsafe(statement)
      report = await verify(transaction)
      throw new Undo()
    })
  } catch (error) {
    if (!(error instanceof Undo)) throw error
  }
  if (report === null) throw new Error('Nothing was verified.')
  return report
}

async function withoutTriggers(transaction: TransactionSql): Promise<void> {
  for (const table of TABLES) await transaction.unsafe(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
}

type Tamper = { statement: string; values: readonly unknown[]; what: string }

/** One change drawn from a seed: a bit flipped, a row deleted, moved or doubled, somewhere in the log's tables. */
export async function randomTamper(sql: Sql, seed: number): Promise<Tamper> {
  const random = randomOf(seed)
  const pick = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(random() * values.length)] as Value
  const requests = await sql<
    { writer: string; seq: string }[]
  >`SELECT writer, seq FROM requests ORDER BY writer, seq`
  const events = await sql<
    { writer: string; seq: string }[]
  >`SELECT writer, seq FROM audit_events ORDER BY writer, seq`
  const leaves = await sql<{ writer: string; first_seq: string; bytes: number }[]>`
    SELECT writer, first_seq, length(leaves) AS bytes FROM audit_leaves ORDER BY writer, first_seq`
  const row = pick(requests)
  const event = pick(events)
  const run = pick(leaves)
  const [other] = requests.filter(({ writer, seq }) => writer === row.writer && seq !== row.seq)
  const at = Math.floor(random() * 20)
  const flip = (column: string) =>
    `set_byte(${column}, ${at}, get_byte(${column}, ${at}) # ${1 << Math.floor(random() * 8)})`
  const column = pick(['status', 'request_bytes', 'response_bytes', 'occurrences'])
  const text = pick(['outcome', 'key_id', 'model', 'path', 'requested_model', 'id', 'project_id'])
  const changed = text === 'outcome' ? "'timeout'" : `${text} || 'x'`
  const here = `writer = '${row.writer}' AND seq = ${row.seq}`
  const there = `writer = '${event.writer}' AND seq = ${event.seq}`
  const statements: Record<string, string> = {
    [`${column} of ${here}`]: `UPDATE requests SET ${column} = ${column} + 1 WHERE ${here}`,
    [`${text} of ${here}`]: `UPDATE requests SET ${text} = ${changed} WHERE ${here}`,
    [`duration of ${here}`]: `UPDATE requests SET duration_ms = duration_ms + 0.001 WHERE ${here}`,
    [`attempts of ${here}`]: `UPDATE requests SET attempts = attempts || '[{}]' WHERE ${here}`,
    [`trail bit of ${here}`]: `UPDATE requests SET trail = ${flip('trail')} WHERE ${here}`,
    [`record of ${here}`]: `UPDATE requests SET open_record = overlay(open_record placing '#' from ${at + 2}) WHERE ${here}`,
    [`end of ${here}`]: `UPDATE requests SET close_record = coalesce(close_record, '') || ' ' WHERE ${here}`,
    [`row ${here} deleted`]: `DELETE FROM requests WHERE ${here}`,
    [`row ${here} moved`]: `UPDATE requests SET seq = seq + 1000000 WHERE ${here}`,
    [`row ${here} in another day`]: `UPDATE requests SET day = day + 1 WHERE ${here}`,
    [`body bit of ${here}`]: `UPDATE request_bodies SET response_raw = ${flip('response_raw')} WHERE ${here}`,
    [`body of ${here} swapped`]: `UPDATE request_bodies b SET request_raw = o.request_raw FROM request_bodies o WHERE b.${here.replace('AND ', 'AND b.')} AND o.writer = b.writer AND o.seq = ${other?.seq ?? 0}`,
    [`body row ${here} deleted`]: `DELETE FROM request_bodies WHERE ${here}`,
    [`event ${there} deleted`]: `DELETE FROM audit_events WHERE ${there}`,
    [`event ${there} changed`]: `UPDATE audit_events SET record = record || ' ' WHERE ${there}`,
    [`event ${there} action`]: `UPDATE audit_events SET action = action || '!' WHERE ${there}`,
    [`leaf of ${run.writer} ${run.first_seq}`]: `UPDATE audit_leaves SET leaves = ${flip('leaves')} WHERE writer = '${run.writer}' AND first_seq = ${run.first_seq}`,
    [`leaves ${run.writer} ${run.first_seq} deleted`]: `DELETE FROM audit_leaves WHERE writer = '${run.writer}' AND first_seq = ${run.first_seq}`,
    [`a head of ${run.writer} changed`]: `UPDATE audit_checkpoints SET note = overlay(note placing '#' from ${at + 1}) WHERE writer = '${run.writer}'`,
    [`heads of ${run.writer} deleted`]: `DELETE FROM audit_checkpoints WHERE writer = '${run.writer}'`,
    [`cursor of ${run.writer} moved`]: `UPDATE ship_cursors SET next_seq = next_seq + 5 WHERE writer = '${run.writer}'`,
    'super-checkpoint changed': `UPDATE audit_super_checkpoints SET note = overlay(note placing '#' from ${at + 1})`,
  }
  const what = pick(Object.keys(statements))
  return { statement: statements[what] as string, values: [], what }
}
