/**
 * Finds event boundaries (blank lines: LF, CRLF or CR) in SSE bytes without decoding them, so that events can pass
 * unchanged. Holds the unfinished tail, bounded; splitting the input anywhere gives the same events.
 */

const LF = 10
const CR = 13
/** A boundary is at most `\r\n\r\n`: looking this far back finds one that began in an earlier chunk. */
const LOOK_BACK = 3

export class EventSplitter {
  readonly #maxHeldBytes: number
  #held: Buffer[] = []
  #heldBytes = 0
  #sawCr = false
  overflow = false

  constructor(maxHeldBytes: number) {
    this.#maxHeldBytes = maxHeldBytes
  }

  /** All events completed so far, as one run of bytes, or null. */
  push(chunk: Buffer): Buffer | null {
    this.#sawCr ||= chunk.includes(CR)
    const tail = this.#heldBytes === 0 ? null : this.#tail()
    const seam = tail === null ? chunk : Buffer.concat([tail, chunk])
    const before = tail?.length ?? 0
    const boundary = this.#lastBoundary(seam)
    // A boundary right at the seam: what was held ended in a lone CR, and this chunk shows that no LF follows.
    if (boundary === 0 || boundary < before) {
      this.#hold(chunk)
      return null
    }
    const cut = boundary - before
    const block =
      this.#heldBytes === 0 ? chunk.subarray(0, cut) : Buffer.concat([...this.#held, chunk.subarray(0, cut)])
    this.#held = []
    this.#heldBytes = 0
    if (cut < chunk.length) this.#hold(chunk.subarray(cut))
    return block
  }

  /** The unfinished tail, for the end of the stream. */
  rest(): Buffer | null {
    return this.#heldBytes === 0 ? null : Buffer.concat(this.#held)
  }

  /** Spans of the single events of a run that `push` returned, blank line included. */
  events(block: Buffer): { start: number; end: number }[] {
    const spans: { start: number; end: number }[] = []
    let start = 0
    while (start < block.length) {
      const end = this.#nextBoundary(block, start)
      spans.push({ start, end })
      start = end
    }
    return spans
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length
    if (this.#heldBytes > this.#maxHeldBytes) {
      this.overflow = true
      this.#held = []
      this.#heldBytes = 0
      return
    }
    this.#held.push(bytes)
  }

  #tail(): Buffer {
    const pieces: Buffer[] = []
    let bytes = 0
    for (let at = this.#held.length - 1; at >= 0 && bytes < LOOK_BACK; at -= 1) {
      const piece = this.#held[at]
      if (piece === undefined) break
      pieces.unshift(piece)
      bytes += piece.length
    }
    return Buffer.concat(pieces).subarray(-LOOK_BACK)
  }

  /** Index just after the last blank line, 0 when there is none. */
  #lastBoundary(bytes: Buffer): number {
    if (!this.#sawCr) {
      const at = bytes.lastIndexOf('\n\n')
      return at < 0 ? 0 : at + 2
    }
    // A CR at the very end may be half of a CRLF: it waits for the next byte.
    const last = bytes[bytes.length - 1] === CR ? bytes.length - 1 : bytes.length
    for (let at = last; at > 0; at -= 1) if (endsBlankLine(bytes, at)) return at
    return 0
  }

  #nextBoundary(bytes: Buffer, from: number): number {
    if (!this.#sawCr) {
      const at = bytes.indexOf('\n\n', from)
      return at < 0 ? bytes.length : at + 2
    }
    for (let at = from + 1; at <= bytes.length; at += 1) {
      if (!endsBlankLine(bytes, at)) continue
      return bytes[at - 1] === CR && bytes[at] === LF ? at + 1 : at
    }
    return bytes.length
  }
}

/** True when the bytes before `end` finish with two line ends in a row. */
function endsBlankLine(bytes: Buffer, end: number): boolean {
  const last = lineEndBefore(bytes, end)
  return last > 0 && lineEndBefore(bytes, end - last) > 0
}

/** Length of the line end that finishes at `end`: 0, 1 or 2. */
function lineEndBefore(bytes: Buffer, end: number): number {
  if (end <= 0) return 0
  const byte = bytes[end - 1]
  if (byte === LF) return end > 1 && bytes[end - 2] === CR ? 2 : 1
  return byte === CR ? 1 : 0
}
