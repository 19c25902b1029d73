/**
 * Takes away what the retention policy no longer keeps: each day first stands on the log as a tombstone, in the file,
 * and only then does its partition go. Killed anywhere it is simply run again.
 */

import { createHash, type Hash } from 'node:crypto'
import type { Sql } from 'postgres'
import { ensurePartitions } from '../../db/partitions.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { EventLog } from '../record.ts'
import {
  type DayPartition,
  dayAfter,
  firstKeptDay,
  planDrops,
  policyText,
  type RetentionPolicy,
} from './plan.ts'
import {
  dayRows,
  deleteDataKeysBefore,
  dropPartition,
  findHolds,
  findTombstones,
  forgetScores,
  type LegalHold,
  listDefaultDays,
  listKeptDays,
  listPartitions,
} from './store.ts'
import {
  sameRows,
  splitTombstone,
  type Tombstone,
  type TombstoneWriter,
  tombstoneDetail,
} from './tombstone.ts'

export type RetentionDeps = {
  sql: Sql
  log: EventLog
  clock: Clock
  /** Aborted when the process stops: the run ends where it is, and the next one begins again. */
  signal: AbortSignal
}

export type RetentionReport = {
  dropped: { name: string; rows: number }[]
  /** What is older than the policy keeps, and why it stays. */
  held: { name: string; holds: LegalHold[] }[]
  /** Rows came while the partition was looked at; the next run takes it. */
  changed: string[]
  deletedKeys: number
}

/** Days moved out of the DEFAULT partition in one run: a clock that was far off leaves few. */
const MAX_DEFAULT_DAYS = 50

/**
 * One run. Throws what the database says, the signal's reason, or GatewayError('audit_unavailable') when the log cannot take a tombstone: then
 * the partition stays.
 */
export async function dropExpired(deps: RetentionDeps, policy: RetentionPolicy): Promise<RetentionReport> {
  const { sql, clock, signal } = deps
  const report: RetentionReport = { dropped: [], held: [], changed: [], deletedKeys: 0 }
  const nowMs = clock.nowMs()
  // Bodies stay no longer than rows, so this is the later of the two.
  const kept = firstKeptDay(nowMs, Math.min(policy.days, policy.bodyDays))
  for (const day of await listDefaultDays(sql, kept, MAX_DEFAULT_DAYS)) {
    await ensurePartitions(sql, { fromDay: day, days: 1 })
  }
  for (const partition of planDrops(await listPartitions(sql), policy, nowMs)) {
    if (signal.aborted) return report
    await dropOne(deps, policy, partition, report)
  }
  const bodiesBefore = firstKeptDay(nowMs, policy.bodyDays)
  const bodyDays = await listKeptDays(sql, 'request_bodies', kept)
  report.deletedKeys = await deleteDataKeysBefore(
    sql,
    bodiesBefore,
    bodyDays.flatMap((day) => [day, dayAfter(day)]),
  )
  const rowDays = await listKeptDays(sql, 'requests', kept)
  await forgetScores(
    sql,
    { rowsBefore: firstKeptDay(nowMs, policy.days), rowDays },
    { bodiesBefore, bodyDays },
  )
  return report
}

async function dropOne(
  { sql, log, clock, signal }: RetentionDeps,
  policy: RetentionPolicy,
  partition: DayPartition,
  report: RetentionReport,
): Promise<void> {
  const { name, table, day } = partition
  const holds = await findHolds(sql, day)
  if (holds.length > 0) {
    report.held.push({ name, holds })
    return
  }
  const tombstone: Tombstone = {
    table,
    day,
    policy: policyText(policy, table),
    ...(await sumUp(dayRows(sql, partition), signal)),
  }
  // An empty day leaves nothing to explain.
  if (tombstone.rows > 0) await record({ sql, log, clock }, name, tombstone)
  const outcome = await dropPartition(sql, partition, tombstone.rows)
  if (outcome === 'dropped') report.dropped.push({ name, rows: tombstone.rows })
  else if (outcome === 'held') report.held.push({ name, holds: await findHolds(sql, day) })
  else report.changed.push(name)
}

/** Puts the tombstone on the log, unless one that says the same is there from a run that was killed. */
async function record(
  { sql, log, clock }: Pick<RetentionDeps, 'sql' | 'log' | 'clock'>,
  name: string,
  tombstone: Tombstone,
): Promise<void> {
  const known = await findTombstones(sql, name)
  for (const part of splitTombstone(tombstone)) {
    if (known.some((one) => sameRows(one, part))) continue
    const atMs = clock.nowMs()
    await log.event({
      id: newId('evt', atMs),
      kind: 'tombstone',
      atMs,
      projectId: null,
      actorId: null,
      actorName: null,
      action: 'retention.drop',
      target: name,
      purpose: null,
      detail: tombstoneDetail(part),
    })
  }
}

type Sum = Omit<TombstoneWriter, 'root'> & { hash: Hash }

async function sumUp(
  rows: AsyncIterable<{ writer: string; seq: number; trail: Buffer | null; records: number[] }>,
  signal: AbortSignal,
): Promise<Pick<Tombstone, 'writers' | 'rows'>> {
  const writers: Sum[] = []
  let total = 0
  for await (const { writer, seq, trail, records } of rows) {
    signal.throwIfAborted()
    let sum = writers.at(-1)
    if (sum?.writer !== writer) {
      sum = { writer, fromSeq: seq, toSeq: seq, rows: 0, records: 0, hash: createHash('sha256') }
      writers.push(sum)
    }
    sum.fromSeq = Math.min(sum.fromSeq, ...records)
    sum.toSeq = Math.max(sum.toSeq, ...records)
    sum.rows += 1
    sum.records += records.length
    if (trail !== null) sum.hash.update(trail)
    total += 1
  }
  return {
    writers: writers.map(({ hash, ...facts }) => ({ ...facts, root: hash.digest('hex') })),
    rows: total,
  }
}
