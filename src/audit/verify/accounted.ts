/** Which records of a writer are accounted for: one bit each, kept in blocks, so that a number far off costs no more than others. Pure. */

const BLOCK_BYTES = 4096
const BLOCK_RECORDS = BLOCK_BYTES * 8

export class Accounted {
  readonly #blocks = new Map<number, Uint8Array>()

  /** False when it already was. */
  add(seq: number): boolean {
    const number = Math.floor(seq / BLOCK_RECORDS)
    let block = this.#blocks.get(number)
    if (block === undefined) {
      block = new Uint8Array(BLOCK_BYTES)
      this.#blocks.set(number, block)
    }
    const at = seq - number * BLOCK_RECORDS
    const bit = 1 << (at & 7)
    const before = block[at >>> 3] ?? 0
    block[at >>> 3] = before | bit
    return (before & bit) === 0
  }

  has(seq: number): boolean {
    const number = Math.floor(seq / BLOCK_RECORDS)
    const at = seq - number * BLOCK_RECORDS
    return ((this.#blocks.get(number)?.[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0
  }

  /** Numbers from `from` up to below `to` that are not accounted for. */
  *missing(from: number, to: number): Generator<number> {
    for (let seq = from; seq < to; seq += 1) if (!this.has(seq)) yield seq
  }
}
