/** One event of the log against the record it was made from. Pure. */

import { EVENT_COLUMNS } from '../columns.ts'
import { isEventType, RECORD_TYPES, typeName } from '../frames.ts'
import { parseEvent } from '../meta.ts'
import type { ShipEvent } from '../pairing.ts'
import type { EventRecord } from '../record.ts'
import { decodeTrail, leafOf, type TrailEntry } from '../trail.ts'
import type { Against } from './judge-page.ts'
import { isSame } from './row-check.ts'
import type { RawEvent } from './source.ts'

/** What the rest of a verification has to know of an event. */
export type EventMeaning = { record: EventRecord | null; entry: TrailEntry; swallowed: number }

/** Checks it; null when it cannot be read at all. */
export function checkEvent(
  check: Pick<Against, 'findings' | 'leafAt' | 'accounted'>,
  event: RawEvent,
): EventMeaning | null {
  const { findings } = check
  const place = { writer: event.writer, seq: event.seq, id: event.id }
  const [entry] = decodeTrail(event.trail) ?? []
  if (entry === undefined || entry.seq !== event.seq) {
    findings.add(
      'altered',
      'event_damaged',
      place,
      'The trail of the event cannot be read, or is another one.',
    )
    return null
  }
  if (!check.accounted.add(entry.seq)) {
    findings.add('altered', 'record_twice', place, `Record ${entry.seq} stands behind two rows.`)
  }
  const leaf = check.leafAt(entry.seq)
  if (leaf === null) findings.add('incomplete', 'leaf_missing', place, `Record ${entry.seq} has no leaf.`)
  else if (!leafMatches(entry, event, leaf)) {
    // A GAP takes the place of records whose leaves were computed before they were damaged.
    const kind = entry.type === RECORD_TYPES.gap ? 'explained' : 'altered'
    findings.add(kind, 'leaf_mismatch', place, `Record ${entry.seq} is not what was recorded.`)
  }
  return readEvent(check, event, entry)
}

function leafMatches(entry: TrailEntry, event: RawEvent, leaf: Buffer): boolean {
  try {
    return leafOf(entry, event.id, event.record).equals(leaf)
  } catch {
    return false
  }
}

function readEvent(
  { findings }: Pick<Against, 'findings'>,
  event: RawEvent,
  entry: TrailEntry,
): EventMeaning | null {
  const place = { writer: event.writer, seq: event.seq, id: event.id }
  try {
    const isEvent = isEventType(entry.type)
    const kind = typeName(entry.type) as 'gap' | 'seal'
    const record: ShipEvent['record'] = isEvent
      ? parseEvent(event.record)
      : { kind, id: event.id, atMs: entry.wallMs }
    const made: ShipEvent = { seq: entry.seq, record, text: event.record, trail: event.trail, body: EMPTY }
    for (const [index, column] of EVENT_COLUMNS.entries()) {
      if (column.name === 'trail' || column.name === 'record') continue
      if (isSame(column.type, column.value(made, event.writer), event.columns[index] ?? null)) continue
      findings.add(
        'altered',
        'column_mismatch',
        place,
        `The column ${column.name} is not what the record says.`,
      )
    }
    const swallowed = entry.type === RECORD_TYPES.gap ? gapSize(event.record, entry.seq) : 0
    return { record: 'action' in record ? record : null, entry, swallowed }
  } catch {
    findings.add('altered', 'record_unreadable', place, 'The record of the event cannot be read.')
    return null
  }
}

/** Records a GAP stands for beyond itself. */
function gapSize(record: Buffer, seq: number): number {
  const { toSeq } = JSON.parse(record.toString('utf8')) as { toSeq: number }
  return Math.max(0, toSeq - seq)
}

const EMPTY = Buffer.alloc(0)
