/** Which records of a writer are accounted for: one bit each. Pure. */

const MIN_BYTES = 1024

export class Accounted {
  #bits = new Uint8Array(MIN_BYTES)

  /** False when it already was. */
  add(seq: number): boolean {
    const at = seq >>> 3
    if (at >= this.#bits.length) this.#grow(at)
    const bit = 1 << (seq & 7)
    const before = this.#bits[at] ?? 0
    this.#bits[at] = before | bit
    return (before & bit) === 0
  }

  has(seq: number): boolean {
    return ((this.#bits[seq >>> 3] ?? 0) & (1 << (seq & 7))) !== 0
  }

  /** Runs of numbers below `size` that are not accounted for, as inclusive ranges. */
  *missing(size: number): Generator<{ from: number; to: number }> {
    let from = -1
    for (let seq = 0; seq < size; seq += 1) {
      // Eight at a time where all are there.
      if (from < 0 && (seq & 7) === 0 && this.#bits[seq >>> 3] === 0xff) {
        seq += 7
        continue
      }
      if (this.has(seq)) {
        if (from >= 0) yield { from, to: seq - 1 }
        from = -1
      } else if (from < 0) from = seq
    }
    if (from >= 0) yield { from, to: size - 1 }
  }

  #grow(at: number): void {
    const grown = new Uint8Array(Math.max(this.#bits.length * 2, at + 1))
    grown.set(this.#bits)
    this.#bits = grown
  }
}
