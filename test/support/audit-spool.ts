/** Reads a whole spool folder the way the shipper and the recovery do, for counting in tests. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Frame, RECORD_TYPES } from '../../src/audit/frames.ts'
import { listWriters } from '../../src/audit/recover.ts'
import { type Hole, scanSegment } from '../../src/audit/scan.ts'
import { listSegments, segmentName } from '../../src/audit/segments.ts'

export type SpoolContent = {
  opened: string[]
  closed: string[]
  /** Requests that ended with `gateway_crash`. */
  crashed: string[]
  frames: Frame[]
  holes: Hole[]
  sealed: number
}

export function readSpool(directory: string): SpoolContent {
  const content: SpoolContent = { opened: [], closed: [], crashed: [], frames: [], holes: [], sealed: 0 }
  for (const writer of listWriters(directory)) readWriter(join(directory, writer), content)
  return content
}

function readWriter(folder: string, content: SpoolContent): void {
  const segments = listSegments(folder)
  for (const [index, firstSeq] of segments.entries()) {
    const source = readFileSync(join(folder, segmentName(firstSeq)))
    const scan = scanSegment(source, firstSeq, segments[index + 1] ?? null, (frame) => {
      content.frames.push(frame)
      if (frame.type === RECORD_TYPES.open) content.opened.push(frame.id)
      if (frame.type === RECORD_TYPES.seal) content.sealed += 1
      if (frame.type !== RECORD_TYPES.close) return
      content.closed.push(frame.id)
      if (frame.meta.includes('gateway_crash')) content.crashed.push(frame.id)
    })
    content.holes.push(...scan.holes)
  }
}
