/** Why something that was recorded is no longer there: what erasures and tombstones on the log say. Pure. */

import type { EventRecord, OpenRecord } from '../record.ts'

export type Tombstone = {
  table: string
  day: string
  writers: readonly { writer: string; from: number; to: number }[]
}

export class Explanations {
  readonly #erasedSubjects = new Set<string>()
  readonly #erasedKeys = new Set<string>()
  readonly #tombstones: Tombstone[] = []

  constructor(events: Iterable<{ kind: string; record: string }>) {
    for (const { kind, record } of events) this.#read(kind, record)
  }

  /** A body that is gone: its subject was erased, or its day's bodies were dropped. */
  ofBody(open: OpenRecord, day: string): string | null {
    const subject = `${open.projectId ?? ''} ${open.subject ?? ''}`
    if (open.subject !== null && this.#erasedSubjects.has(subject))
      return `The subject ${open.subject} was erased.`
    if (open.dataKey !== null && this.#erasedKeys.has(open.dataKey))
      return `The key ${open.dataKey} was destroyed.`
    const dropped = this.#tombstones.some((one) => one.table === 'request_bodies' && one.day === day)
    return dropped ? `The bodies of ${day} were dropped by retention.` : null
  }

  /** True when a dropped partition held this record's row. */
  ofRecord(writer: string, seq: number): boolean {
    return this.#tombstones.some(
      ({ table, writers }) =>
        table === 'requests' &&
        writers.some((range) => range.writer === writer && seq >= range.from && seq <= range.to),
    )
  }

  #read(kind: string, text: string): void {
    const { projectId, target, detail } = JSON.parse(text) as EventRecord
    if (kind === 'erase') {
      this.#erasedSubjects.add(`${projectId ?? ''} ${target ?? ''}`)
      const keys = detail.data_keys
      if (Array.isArray(keys)) for (const key of keys) this.#erasedKeys.add(String(key))
      return
    }
    const { table, day, writers } = detail as Partial<Tombstone>
    if (typeof table !== 'string' || typeof day !== 'string' || !Array.isArray(writers)) return
    this.#tombstones.push({ table, day, writers })
  }
}
