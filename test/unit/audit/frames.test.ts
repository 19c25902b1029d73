import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeFrame,
  encodeFrame,
  type FrameStamp,
  findFrame,
  RECORD_TYPES,
  renumberFrame,
} from '../../../src/audit/frames.ts'
import { scanSegment } from '../../../src/audit/scan.ts'

const stamp: FrameStamp = {
  type: RECORD_TYPES.whole,
  flags: 0,
  seq: 7,
  monotonicMs: 12.5,
  wallMs: 1_763_900_000_000,
}

function frame(seq: number, body: string): Buffer {
  return encodeFrame({ ...stamp, type: RECORD_TYPES.open, seq }, `req_${seq}`, '{"a":1}', Buffer.from(body))
}

const bytes = fc.uint8Array({ maxLength: 2000 }).map((array) => Buffer.from(array))

test('a record comes back as it was written', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 2 ** 40 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      bytes,
      bytes,
      (seq, text, first, second) => {
        const meta = JSON.stringify({ text })

        const decoded = decodeFrame(encodeFrame({ ...stamp, seq }, 'req_x', meta, first, second), 0, seq)

        if (decoded.kind !== 'frame') throw new Error(decoded.kind)
        expect(decoded.frame).toMatchObject({
          type: RECORD_TYPES.whole,
          seq,
          id: 'req_x',
          wallMs: stamp.wallMs,
        })
        expect(decoded.frame.meta.toString()).toBe(meta)
        expect(decoded.frame.first.equals(first)).toBe(true)
        expect(decoded.frame.second.equals(second)).toBe(true)
      },
    ),
  )
})

describe('damage', () => {
  const whole = encodeFrame(stamp, 'req_abc', '{"k":"v"}', Buffer.from('request'), Buffer.from('answer'))

  test('a frame cut at any byte is never taken for a frame', () => {
    for (let length = 0; length < whole.length; length += 1) {
      expect(decodeFrame(whole.subarray(0, length), 0, 7).kind).not.toBe('frame')
    }
  })

  test('a frame cut at any byte and followed by preallocated zeros is never taken for a frame', () => {
    for (let length = 0; length < whole.length; length += 1) {
      const padded = Buffer.concat([whole.subarray(0, length), Buffer.alloc(4096)])
      expect(decodeFrame(padded, 0, 7).kind).not.toBe('frame')
    }
  })

  test('any single flipped bit is noticed', () => {
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(decodeFrame(flipped, 0, 7).kind, `bit ${bit}`).not.toBe('frame')
    }
  })

  test('a frame with another seq than the expected one is damage', () => {
    expect(decodeFrame(whole, 0, 8)).toEqual({ kind: 'damaged', reason: 'seq 7, expected 8' })
  })

  test('arbitrary bytes never throw and never pass', () => {
    fc.assert(fc.property(bytes, (garbage) => decodeFrame(garbage, 0, null).kind !== 'frame'))
  })

  test('a frame that was renumbered is whole again', () => {
    const moved = Buffer.from(whole)

    renumberFrame(moved, 0, 3, true)

    expect(decodeFrame(moved, 0, 3)).toMatchObject({
      kind: 'frame',
      frame: { seq: 3, flags: 1, id: 'req_abc' },
    })
  })
})

describe('walking a segment', () => {
  const segment = Buffer.concat([frame(0, 'zero'), frame(1, 'one'), frame(2, 'two'), frame(3, 'three')])

  test('preallocated zeros are a clean end', () => {
    const seen: number[] = []

    const scan = scanSegment(Buffer.concat([segment, Buffer.alloc(1000)]), 0, null, ({ seq }) =>
      seen.push(seq),
    )

    expect(seen).toEqual([0, 1, 2, 3])
    expect(scan).toEqual({ endOffset: segment.length, nextSeq: 4, holes: [] })
  })

  test('every cut keeps exactly the frames before it', () => {
    for (let length = 0; length <= segment.length; length += 1) {
      let seen = 0

      const scan = scanSegment(segment.subarray(0, length), 0, null, () => {
        seen += 1
      })

      const complete = [1, 2, 3, 4].filter(
        (count) => count * frame(0, 'zero').length <= length + count,
      ).length
      expect(scan.holes).toEqual([])
      expect(scan.nextSeq).toBe(seen)
      expect(Math.abs(seen - complete)).toBeLessThanOrEqual(1)
      expect(scan.endOffset).toBeLessThanOrEqual(length)
    }
  })

  test('a flipped bit anywhere but in the last frame is a hole of exactly that frame', () => {
    const sizes = [frame(0, 'zero').length, frame(1, 'one').length, frame(2, 'two').length]
    const lastAt = sizes.reduce((sum, size) => sum + size, 0)
    for (let at = 0; at < lastAt; at += 1) {
      const flipped = Buffer.from(segment)
      flipped[at]! ^= 0x10
      const seen: number[] = []

      const scan = scanSegment(flipped, 0, null, ({ seq }) => seen.push(seq))

      const hit = at < sizes[0]! ? 0 : at < sizes[0]! + sizes[1]! ? 1 : 2
      expect(scan.holes).toMatchObject([{ fromSeq: hit, toSeq: hit }])
      expect(seen).toEqual([0, 1, 2, 3].filter((seq) => seq !== hit))
    }
  })

  test('what stands behind the first seq of the next segment was given up and does not count', () => {
    const seen: number[] = []

    const scan = scanSegment(segment, 0, 2, ({ seq }) => seen.push(seq))

    expect(seen).toEqual([0, 1])
    expect(scan).toMatchObject({ nextSeq: 2, holes: [] })
  })

  test('seqs missing before the next segment are a hole at the end', () => {
    const scan = scanSegment(segment, 0, 6, () => undefined)

    expect(scan.holes).toMatchObject([{ fromSeq: 4, toSeq: 5, offset: segment.length }])
  })

  test('the search after damage finds the next whole frame', () => {
    const at = findFrame(segment, 1, 0)

    expect(at).toBe(frame(0, 'zero').length)
  })
})
