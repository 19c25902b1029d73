/**
 * What a start does with the folders of processes that are gone: cuts torn tails, fills damaged places with a GAP,
 * ends every open request with `gateway_crash`, and seals. It may be killed anywhere and run again; it never drops
 * a byte it does not understand, but keeps a copy in `quarantine/`.
 */

import {
  closeSync,
  copyFileSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import type { AuditEvent } from './events.ts'
import { encodeFrame, type Frame, RECORD_TYPES, type RecordType } from './frames.ts'
import { type CloseRecord, NOTHING_FROM_UPSTREAM } from './record.ts'
import { type Hole, scanSegment } from './scan.ts'
import { BALLAST_FILE, listSegments, PREPARED_FILE, segmentName } from './segments.ts'

type RecoverOptions = { directory: string; clock: Clock; onEvent: (event: AuditEvent) => void }

const WRITER_NAME = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const QUARANTINE = 'quarantine'

/** The writers that have a folder, in order of their start (their ids are UUIDv7). */
export function listWriters(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => WRITER_NAME.test(name))
    .sort()
}

/**
 * Repairs and seals every writer's folder below `directory`; call it before this process makes its own. The caller
 * guarantees that no other process writes there. Throws when the disk refuses the repair: serving on would lose it.
 */
export function recoverSpool(options: RecoverOptions): void {
  mkdirSync(options.directory, { recursive: true })
  for (const writer of listWriters(options.directory)) recoverWriter(options, writer)
}

type OpenRequest = {
  requestBytes: number
  responseBytes: number
  parts: number
  stream: boolean
  openedMs: number
  lastMs: number
}
type WriterState = { openRequests: Map<string, OpenRequest>; nextSeq: number; cutBytes: number; gaps: number }

function recoverWriter(options: RecoverOptions, writer: string): void {
  const folder = join(options.directory, writer)
  for (const leftover of [BALLAST_FILE, PREPARED_FILE, `${PREPARED_FILE}.new`]) {
    rmSync(join(folder, leftover), { force: true })
  }
  const segments = listSegments(folder)
  const last = segments.at(-1)
  if (last === undefined) {
    rmSync(folder, { recursive: true, force: true })
    return
  }
  if (isSealed(folder, last)) return
  const state: WriterState = { openRequests: new Map(), nextSeq: last, cutBytes: 0, gaps: 0 }
  for (const [index, firstSeq] of segments.entries()) {
    recoverSegment(options, { writer, folder, firstSeq, limitSeq: segments[index + 1] ?? null }, state)
  }
  const closed = state.openRequests.size
  appendEndings(join(folder, segmentName(last)), state, options.clock)
  const { cutBytes, gaps } = state
  options.onEvent({ event: 'audit.recovered', writer, closed, cutBytes, gaps })
}

/** True when the writer ended itself or an earlier start has finished this work: only the last segment is read. */
function isSealed(folder: string, lastSeq: number): boolean {
  let lastType = 0
  const source = readFileSync(join(folder, segmentName(lastSeq)))
  const scan = scanSegment(source, lastSeq, null, (frame) => {
    lastType = frame.type
  })
  return lastType === RECORD_TYPES.seal && scan.holes.length === 0
}

type SegmentPlace = { writer: string; folder: string; firstSeq: number; limitSeq: number | null }

function recoverSegment(options: RecoverOptions, place: SegmentPlace, state: WriterState): void {
  const name = segmentName(place.firstSeq)
  const path = join(place.folder, name)
  const source = readFileSync(path)
  const scan = scanSegment(source, place.firstSeq, place.limitSeq, (frame) =>
    track(state.openRequests, frame),
  )
  state.nextSeq = scan.nextSeq
  if (scan.holes.length === 0) {
    if (scan.endOffset < source.length) truncateSync(path, scan.endOffset)
    if (!isZeros(source.subarray(scan.endOffset))) state.cutBytes += source.length - scan.endOffset
    return
  }
  const copy = join(options.directory, QUARANTINE, `${place.writer}-${name}`)
  mkdirSync(join(options.directory, QUARANTINE), { recursive: true })
  copyFileSync(path, copy)
  replaceFile(path, repaired(source, scan.holes, scan.endOffset, options.clock))
  state.gaps += scan.holes.length
  for (const { offset, reason } of scan.holes) {
    const damage = { writer: place.writer, segment: name, offset, reason, quarantine: copy }
    options.onEvent({ event: 'audit.damaged', ...damage })
  }
}

/** The segment with each hole replaced by one GAP frame that names the seqs it swallowed. */
function repaired(source: Buffer, holes: readonly Hole[], endOffset: number, clock: Clock): Buffer {
  const pieces: Buffer[] = []
  let from = 0
  for (const hole of holes) {
    pieces.push(source.subarray(from, hole.offset))
    if (hole.toSeq >= hole.fromSeq) {
      const meta = JSON.stringify({ fromSeq: hole.fromSeq, toSeq: hole.toSeq, reason: hole.reason })
      pieces.push(encodeFrame(stamp(RECORD_TYPES.gap, hole.fromSeq, clock), '', meta))
    }
    from = hole.resumeOffset
  }
  pieces.push(source.subarray(from, Math.max(from, endOffset)))
  return Buffer.concat(pieces)
}

function replaceFile(path: string, content: Buffer): void {
  const descriptor = openSync(`${path}.repair`, 'w')
  writeFully(descriptor, content, 0)
  closeSync(descriptor)
  renameSync(`${path}.repair`, path)
}

function track(openRequests: Map<string, OpenRequest>, frame: Frame): void {
  if (frame.type === RECORD_TYPES.open) {
    openRequests.set(frame.id, {
      requestBytes: frame.firstBytes,
      responseBytes: 0,
      parts: 0,
      // Without parsing: a quote inside any of the texts is escaped, so this can only be the field.
      stream: frame.meta.includes('"stream":true'),
      openedMs: frame.wallMs,
      lastMs: frame.wallMs,
    })
    return
  }
  if (frame.type === RECORD_TYPES.close) openRequests.delete(frame.id)
  const request = frame.type === RECORD_TYPES.part ? openRequests.get(frame.id) : undefined
  if (request === undefined) return
  request.responseBytes += frame.firstBytes
  request.parts += 1
  request.lastMs = frame.wallMs
}

/** One CLOSE per open request, then the SEAL. A crash in between leaves some of them, and the next start the rest. */
function appendEndings(path: string, state: WriterState, clock: Clock): void {
  const frames: Buffer[] = []
  let seq = state.nextSeq
  for (const [id, request] of state.openRequests) {
    const meta = JSON.stringify(crashRecord(id, request))
    frames.push(encodeFrame(stamp(RECORD_TYPES.close, seq, clock), id, meta))
    seq += 1
  }
  frames.push(encodeFrame(stamp(RECORD_TYPES.seal, seq, clock), '', ''))
  const descriptor = openSync(path, 'a')
  try {
    writeFully(descriptor, Buffer.concat(frames), null)
  } finally {
    closeSync(descriptor)
  }
}

function crashRecord(id: string, request: OpenRequest): CloseRecord {
  return {
    id,
    outcome: 'gateway_crash',
    status: 500,
    errorCode: null,
    ...NOTHING_FROM_UPSTREAM,
    // What is known: it lasted at least until its last record.
    durationMs: Math.max(0, request.lastMs - request.openedMs),
    requestBytes: request.requestBytes,
    responseBytes: request.responseBytes,
    // A stream may have sent more than the last part; any other answer is not sent before its CLOSE.
    truncated: request.stream,
    parts: request.parts,
    occurrences: 1,
  }
}

function stamp(type: RecordType, seq: number, clock: Clock) {
  return { type, flags: 0, seq, monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }
}

function writeFully(descriptor: number, content: Buffer, position: number | null): void {
  let written = 0
  while (written < content.length) {
    const at = position === null ? null : position + written
    written += writeSync(descriptor, content, written, content.length - written, at)
  }
  fdatasyncSync(descriptor)
}

function isZeros(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false
  return true
}
