/** Why something that was recorded is no longer there: what erasures and tombstones on the log say. Pure. */

import type { EventRecord } from '../record.ts'
import { parseTombstone, type Tombstone, tombstoneCovers } from '../retention/tombstone.ts'
import type { LossOf } from './row-check.ts'

/** A gateway that cannot reach the database hears of an erasure late; its clock may be off as well. */
const HEARD_MS = 60_000

export class Explanations {
  /** Subject -> when it was last erased. */
  readonly #erased = new Map<string, number>()
  readonly #tombstones: Tombstone[] = []

  constructor(events: Iterable<{ kind: string; record: string }>) {
    for (const { kind, record } of events) this.#read(kind, record)
  }

  /** A body that is gone: its subject was erased, or its day's bodies were dropped. */
  ofBody({ projectId, subject, startedAtMs }: LossOf, day: string): string | null {
    const erasedMs = subject === null ? undefined : this.#erased.get(subjectOf(projectId, subject))
    // What was asked after the erasure is not explained by it, but on a gateway that had not heard of it yet.
    if (erasedMs !== undefined && startedAtMs <= erasedMs + HEARD_MS) {
      return `The subject ${subject} was erased.`
    }
    const dropped = this.#tombstones.some((one) => one.table === 'request_bodies' && one.day === day)
    return dropped ? `The bodies of ${day} were dropped by retention.` : null
  }

  /** True when a dropped partition held this record's row. */
  ofRecord(writer: string, seq: number): boolean {
    return this.#tombstones.some((tombstone) => tombstoneCovers(tombstone, writer, seq))
  }

  /** How many records of a writer tombstones account for: more than these cannot be explained by them. */
  droppedRecords(writer: string): number {
    const counts = new Map<string, number>()
    for (const { table, day, writers } of this.#tombstones) {
      if (table !== 'requests') continue
      // A run that was killed leaves a second tombstone of the same day.
      for (const one of writers) if (one.writer === writer) counts.set(day, one.records)
    }
    return [...counts.values()].reduce((sum, records) => sum + records, 0)
  }

  #read(kind: string, text: string): void {
    const { projectId, target, detail, atMs } = JSON.parse(text) as EventRecord
    if (kind === 'erase') {
      const subject = subjectOf(projectId, target)
      this.#erased.set(subject, Math.max(atMs, this.#erased.get(subject) ?? 0))
      return
    }
    const tombstone = parseTombstone(detail)
    if (tombstone !== null) this.#tombstones.push(tombstone)
  }
}

function subjectOf(projectId: string | null, subject: string | null): string {
  return `${projectId ?? ''} ${subject ?? ''}`
}
