import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeFrame, type Frame, RECORD_TYPES } from '../../../src/audit/frames.ts'
import { type PlacedFrame, WriterReader } from '../../../src/audit/reader.ts'
import { segmentName } from '../../../src/audit/segments.ts'

const RECORDS = 600
const SECOND_SEGMENT = 400
const LARGE = 250

let folder: string
let reader: WriterReader

/** Several megabytes in two segments, each body full of its own number; one body is larger than a buffer. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-reader-'))
  const frames = Array.from({ length: RECORDS }, (_none, seq) => {
    const stamp = { type: RECORD_TYPES.open, flags: 0, seq, monotonicMs: seq, wallMs: seq }
    return encodeFrame(stamp, `req_${seq}`, '{}', bodyOf(seq))
  })
  writeFileSync(join(folder, segmentName(0)), Buffer.concat(frames.slice(0, SECOND_SEGMENT)))
  writeFileSync(join(folder, segmentName(SECOND_SEGMENT)), Buffer.concat(frames.slice(SECOND_SEGMENT)))
  reader = new WriterReader(folder, null)
  reader.refresh()
})

afterEach(() => {
  reader.close()
  rmSync(folder, { recursive: true })
})

function bodyOf(seq: number): Buffer {
  return Buffer.alloc(seq === LARGE ? 3_000_000 : 10_000 + seq, seq % 251)
}

function isWhole(frame: Frame): boolean {
  return frame.first.equals(bodyOf(frame.seq))
}

function read(count: number): PlacedFrame[] {
  return Array.from({ length: count }, () => {
    const placed = reader.next()
    if (placed === null) throw new Error('The records end too soon.')
    return placed
  })
}

/** The buffers behind these records. */
function memoryOf(placed: readonly PlacedFrame[]): Set<ArrayBufferLike> {
  return new Set(placed.map(({ frame }) => frame.first.buffer))
}

describe('records of a writer', () => {
  test('stay what they are while others are read, up to the end', () => {
    const placed = read(RECORDS)
    expect(reader.next()).toBeNull()
    expect(placed.map(({ frame }) => frame.seq)).toEqual(Array.from({ length: RECORDS }, (_none, seq) => seq))
    expect(placed.filter(({ frame }) => !isWhole(frame))).toEqual([])
  })

  test('are found again at their place, in memory and on the disk', () => {
    const placed = read(RECORDS)
    const found = () => placed.map(({ place }) => reader.load(place))
    expect(found().every((frame, seq) => frame.seq === seq && isWhole(frame))).toBe(true)
    reader.release()
    expect(found().every((frame, seq) => frame.seq === seq && isWhole(frame))).toBe(true)
  })

  test('take no new memory once earlier ones were released', () => {
    const memory = new Set<ArrayBufferLike>()
    for (let batch = 0; batch < RECORDS / 20; batch += 1) {
      const placed = read(20)
      expect(placed.every(({ frame }) => isWhole(frame))).toBe(true)
      for (const buffer of memoryOf(placed)) memory.add(buffer)
      reader.release()
    }
    // Two in turn, and one of its own for the large body.
    expect(memory.size).toBeLessThanOrEqual(3)
  })

  test('that are kept outlive every release', () => {
    const kept = read(150)
    reader.keep()
    while (reader.next() !== null) reader.release()
    expect(kept.every(({ frame }) => isWhole(frame))).toBe(true)
  })
})
