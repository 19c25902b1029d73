/** Walks the frames of one finished segment, pure: tells a clean end from a torn tail from damage in the middle. */

import { decodeFrame, type Frame, findFrame, seqAfter } from './frames.ts'

/** Damage that something valid follows. `toSeq < fromSeq` when bytes are wrong but no seq is missing. */
export type Hole = { offset: number; resumeOffset: number; fromSeq: number; toSeq: number; reason: string }

export type Scan = {
  /** Where the last valid frame ends; what lies behind is zeros or a torn tail. */
  endOffset: number
  nextSeq: number
  holes: Hole[]
}

/**
 * Calls `visit` for every valid frame in order. `limitSeq` is the first seq of the next segment: what stands at or
 * behind it here was given up and written again there; seqs missing before it are a hole at the end.
 */
export function scanSegment(
  source: Buffer,
  firstSeq: number,
  limitSeq: number | null,
  visit: (frame: Frame, offset: number) => void,
): Scan {
  const holes: Hole[] = []
  let offset = 0
  let nextSeq = firstSeq
  while (limitSeq === null || nextSeq < limitSeq) {
    const decoded = decodeFrame(source, offset, nextSeq)
    if (decoded.kind === 'frame') {
      visit(decoded.frame, offset)
      offset += decoded.frame.bytes
      nextSeq = seqAfter(decoded.frame)
      continue
    }
    const reason = decoded.kind === 'damaged' ? decoded.reason : decoded.kind
    const resumeOffset = findFrame(source, offset + 1, nextSeq - 1)
    const resumed = resumeOffset < 0 ? null : decodeFrame(source, resumeOffset, null)
    const foundSeq = resumed?.kind === 'frame' ? resumed.frame.seq : null
    if (foundSeq !== null && (limitSeq === null || foundSeq < limitSeq)) {
      holes.push({ offset, resumeOffset, fromSeq: nextSeq, toSeq: foundSeq - 1, reason })
      offset = resumeOffset
      nextSeq = foundSeq
      continue
    }
    if (limitSeq !== null) {
      holes.push({ offset, resumeOffset: source.length, fromSeq: nextSeq, toSeq: limitSeq - 1, reason })
      nextSeq = limitSeq
    }
    break
  }
  return { endOffset: offset, nextSeq, holes }
}
