/**
 * What the log says of a day that retention took away: which records of which writers, how many, and a digest over what
 * they were. Their leaves stay, so a verifier that finds no row for a number asks here whether it is explained. Pure.
 */

/** One writer's rows of the day. Numbers of other days' rows, and of events, may lie between `fromSeq` and `toSeq`. */
export type TombstoneWriter = {
  writer: string
  /** First and last record of the dropped rows, both included. */
  fromSeq: number
  toSeq: number
  /** Rows that went, and the records they were made from (OPEN, PARTs, CLOSE: several for a row). */
  rows: number
  records: number
  /** Hex SHA-256 over the rows' trails one after another, in the order of their numbers. */
  root: string
}

/** `requests`: the rows are gone, with their bodies. `request_bodies`: only the bodies are, the rows still stand. */
export type TombstoneTable = 'requests' | 'request_bodies'

export type Tombstone = {
  table: TombstoneTable
  /** The UTC day of the rows, `YYYY-MM-DD`. */
  day: string
  /** Why they could go, for people: `ai-act: 184 days`. */
  policy: string
  writers: readonly TombstoneWriter[]
  rows: number
}

/** Writers in one record: far below what a record may hold. A day with more has several tombstones. */
const MAX_WRITERS = 1000

/** The `detail` of the event. Keys as people and programs read them later, in this order. */
export function tombstoneDetail(tombstone: Tombstone): Record<string, unknown> {
  return {
    table: tombstone.table,
    day: tombstone.day,
    policy: tombstone.policy,
    writers: tombstone.writers.map(({ writer, fromSeq, toSeq, rows, records, root }) => ({
      writer,
      from: fromSeq,
      to: toSeq,
      rows,
      records,
      root,
    })),
    rows: tombstone.rows,
  }
}

/** The tombstone in an event's `detail`, null when it holds none. */
export function parseTombstone(detail: unknown): Tombstone | null {
  if (!isObject(detail)) return null
  const { table, day, policy, writers, rows } = detail
  if (table !== 'requests' && table !== 'request_bodies') return null
  if (typeof day !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return null
  if (typeof policy !== 'string' || !isCount(rows) || !Array.isArray(writers)) return null
  const parsed = writers.map(parseWriter)
  if (parsed.some((writer) => writer === null)) return null
  return { table, day, policy, writers: parsed.filter((writer) => writer !== null), rows }
}

/** True when a missing row of this record is explained: the rows of its writer and range were dropped with this day. */
export function tombstoneCovers(tombstone: Tombstone, writer: string, seq: number): boolean {
  if (tombstone.table !== 'requests') return false
  return tombstone.writers.some(
    (dropped) => dropped.writer === writer && seq >= dropped.fromSeq && seq <= dropped.toSeq,
  )
}

/** True when both speak of the same rows, whatever policy was in force. */
export function sameRows(one: Tombstone, other: Tombstone): boolean {
  const facts = ({ table, day, writers, rows }: Tombstone) =>
    JSON.stringify(tombstoneDetail({ table, day, writers, rows, policy: '' }))
  return facts(one) === facts(other)
}

/** The same facts in as many tombstones as records can hold. */
export function splitTombstone(tombstone: Tombstone): Tombstone[] {
  if (tombstone.writers.length <= MAX_WRITERS) return [tombstone]
  const parts: Tombstone[] = []
  for (let at = 0; at < tombstone.writers.length; at += MAX_WRITERS) {
    const writers = tombstone.writers.slice(at, at + MAX_WRITERS)
    parts.push({ ...tombstone, writers, rows: writers.reduce((sum, { rows }) => sum + rows, 0) })
  }
  return parts
}

function parseWriter(value: unknown): TombstoneWriter | null {
  if (!isObject(value)) return null
  const { writer, from: fromSeq, to: toSeq, rows, records, root } = value
  if (typeof writer !== 'string' || typeof root !== 'string' || !/^[0-9a-f]{64}$/.test(root)) return null
  if (!isCount(fromSeq) || !isCount(toSeq) || !isCount(rows) || !isCount(records)) return null
  return fromSeq <= toSeq ? { writer, fromSeq, toSeq, rows, records, root } : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
