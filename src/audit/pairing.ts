/**
 * Brings OPEN, PARTs and CLOSE of a request together. Of a request that has not ended it keeps only where its
 * records lie, never their bytes; the spool bounds how many requests can be open.
 */

import { idTimeMs } from '../lib/ids.ts'
import { FLAG_BODY_CUT, type Frame, isEventType, MAX_BODY_BYTES, RECORD_TYPES, typeName } from './frames.ts'
import { parseClose, parseEvent, parseOpen, parseWhole } from './meta.ts'
import type { FramePlace, PlacedFrame } from './reader.ts'
import type { CloseRecord, EventRecord, OpenRecord } from './record.ts'
import { encodeTrail, trailEntry } from './trail.ts'

export type ShipRow = {
  /** Place of the CLOSE (or WHOLE) in the spool. */
  seq: number
  open: OpenRecord
  close: CloseRecord
  requestBody: Buffer
  responseBody: Buffer
  /** The texts of OPEN (or WHOLE) and CLOSE as they were written; null for what is missing. */
  openText: Buffer | null
  closeText: Buffer | null
  trail: Buffer
  /** Its subject was erased before it came here: it goes in without bodies, which is NULL and not an empty one. */
  erased?: true
}

/** What an action, a read, a key, or the end of a writer is in the database. */
export type ShipEvent = {
  seq: number
  record: EventRecord | { kind: 'gap' | 'seal'; id: string; atMs: number }
  text: Buffer
  trail: Buffer
  /** A wrapped key, empty otherwise. */
  body: Buffer
}

type OpenRequest = { open: FramePlace; parts: FramePlace[]; seqs: number[] }

export class Pairing {
  readonly #open = new Map<string, OpenRequest>()
  readonly #load: (place: FramePlace) => Frame
  readonly #onOpenMissing: (frame: Frame) => void

  constructor(load: (place: FramePlace) => Frame, onOpenMissing: (frame: Frame) => void) {
    this.#load = load
    this.#onOpenMissing = onOpenMissing
  }

  /** The oldest segment that an open request still needs; Infinity when there is none. */
  get oldestSegment(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { open } of this.#open.values()) oldest = Math.min(oldest, open.segment)
    return oldest
  }

  /** Records of requests that have not ended. */
  openSeqs(): number[] {
    return [...this.#open.values()].flatMap(({ seqs }) => seqs)
  }

  /** Takes a record that is already behind the cursor: remembers what is still open, makes no row. */
  remember({ frame, place }: PlacedFrame): void {
    if (frame.type === RECORD_TYPES.open)
      this.#open.set(frame.id, { open: place, parts: [], seqs: [frame.seq] })
    if (frame.type === RECORD_TYPES.part) {
      const request = this.#open.get(frame.id)
      request?.parts.push(place)
      request?.seqs.push(frame.seq)
    }
    if (frame.type === RECORD_TYPES.close) this.#open.delete(frame.id)
  }

  /** Takes the next record; gives the row it completes, else null. Events are not for this table: see `eventOf`. */
  accept(placed: PlacedFrame): ShipRow | null {
    const { frame } = placed
    if (frame.type === RECORD_TYPES.whole) return wholeRow(frame)
    if (frame.type !== RECORD_TYPES.close) {
      this.remember(placed)
      return null
    }
    const row = this.#closedRow(frame)
    this.#open.delete(frame.id)
    return row
  }

  #closedRow(frame: Frame): ShipRow {
    const close = parseClose(frame.meta)
    const request = this.#open.get(frame.id)
    if (request === undefined) {
      // Its OPEN was in a damaged place. A row with holes is better than an answer that nobody can find.
      this.#onOpenMissing(frame)
      return finish(null, [], frame, unknownOpen(frame), close)
    }
    const opened = this.#load(request.open)
    const parts = request.parts.map((place) => this.#load(place))
    return finish(opened, parts, frame, parseOpen(opened.meta), close)
  }
}

/** The event this record is, null when it belongs to a request. */
export function eventOf(frame: Frame): ShipEvent | null {
  const isEvent = isEventType(frame.type)
  if (!isEvent && frame.type !== RECORD_TYPES.gap && frame.type !== RECORD_TYPES.seal) return null
  const kind = typeName(frame.type) as 'gap' | 'seal'
  const record = isEvent ? parseEvent(frame.meta) : { kind, id: frame.id, atMs: frame.wallMs }
  return {
    seq: frame.seq,
    record,
    text: frame.meta,
    trail: encodeTrail([trailEntry(frame)]),
    body: frame.first,
  }
}

function wholeRow(frame: Frame): ShipRow {
  const { open, close } = parseWhole(frame.meta)
  return {
    seq: frame.seq,
    open,
    close: marked(close, frame.flags),
    requestBody: frame.first,
    responseBody: frame.second,
    openText: frame.meta,
    closeText: null,
    trail: encodeTrail([trailEntry(frame)]),
  }
}

function finish(
  opened: Frame | null,
  parts: readonly Frame[],
  closed: Frame,
  open: OpenRecord,
  close: CloseRecord,
): ShipRow {
  return {
    seq: closed.seq,
    open,
    close: marked(close, closed.flags | (opened?.flags ?? 0)),
    requestBody: opened?.first ?? EMPTY,
    responseBody: join([...parts.map((part) => part.first), closed.first]),
    openText: opened?.meta ?? null,
    closeText: closed.meta,
    trail: encodeTrail([...(opened === null ? [] : [opened]), ...parts, closed].map(trailEntry)),
  }
}

function marked(close: CloseRecord, flags: number): CloseRecord {
  return (flags & FLAG_BODY_CUT) !== 0 && !close.truncated ? { ...close, truncated: true } : close
}

const EMPTY = Buffer.alloc(0)

function join(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces).subarray(0, MAX_BODY_BYTES)
}

function unknownOpen(frame: Frame): OpenRecord {
  return {
    id: frame.id,
    startedAtMs: idTimeMs('req', frame.id) ?? frame.wallMs,
    projectId: null,
    keyId: null,
    keyName: null,
    method: '',
    path: '',
    operation: 'unknown',
    requestedModel: null,
    route: null,
    stream: false,
    clientRequestId: null,
    subject: null,
    dataKey: null,
  }
}
