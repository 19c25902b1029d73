/**
 * Brings OPEN, PARTs and CLOSE of a request together. Of a request that has not ended it keeps only where its
 * records lie, never their bytes; the spool bounds how many requests can be open.
 */

import { idTimeMs } from '../lib/ids.ts'
import { FLAG_BODY_CUT, type Frame, MAX_BODY_BYTES, RECORD_TYPES } from './frames.ts'
import { parseClose, parseOpen, parseWhole } from './meta.ts'
import type { FramePlace, PlacedFrame } from './reader.ts'
import type { CloseRecord, OpenRecord } from './record.ts'

export type ShipRow = {
  /** Place of the CLOSE (or WHOLE) in the spool. */
  seq: number
  open: OpenRecord
  close: CloseRecord
  requestBody: Buffer
  responseBody: Buffer
}

type OpenRequest = { open: FramePlace; parts: FramePlace[] }

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

  /** Takes a record that is already behind the cursor: remembers what is still open, makes no row. */
  remember({ frame, place }: PlacedFrame): void {
    if (frame.type === RECORD_TYPES.open) this.#open.set(frame.id, { open: place, parts: [] })
    if (frame.type === RECORD_TYPES.part) this.#open.get(frame.id)?.parts.push(place)
    if (frame.type === RECORD_TYPES.close) this.#open.delete(frame.id)
  }

  /** Takes the next record; gives the row it completes, else null. */
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
      return finish(frame, unknownOpen(frame), close, [], [frame.first], true)
    }
    const opened = this.#load(request.open)
    const answer = request.parts.map((place) => this.#load(place).first)
    answer.push(frame.first)
    const cutShort = ((frame.flags | opened.flags) & FLAG_BODY_CUT) !== 0
    return finish(frame, parseOpen(opened.meta), close, [opened.first], answer, cutShort)
  }
}

function wholeRow(frame: Frame): ShipRow {
  const { open, close } = parseWhole(frame.meta)
  return finish(frame, open, close, [frame.first], [frame.second], (frame.flags & FLAG_BODY_CUT) !== 0)
}

function finish(
  frame: Frame,
  open: OpenRecord,
  close: CloseRecord,
  request: Buffer[],
  answer: Buffer[],
  cutShort: boolean,
): ShipRow {
  return {
    seq: frame.seq,
    open,
    close: cutShort && !close.truncated ? { ...close, truncated: true } : close,
    requestBody: join(request),
    responseBody: join(answer),
  }
}

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
    endUser: null,
  }
}
