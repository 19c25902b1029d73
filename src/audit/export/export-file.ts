/**
 * One file of an export on its way into the database: bytes in, sealed chunks of a megabyte out, with a digest over the
 * whole. Holds one chunk at a time.
 */

import { createHash, type KeyObject } from 'node:crypto'
import { openBody, sealBody } from '../privacy/sealing.ts'
import type { WrittenFile } from './store.ts'

const CHUNK_BYTES = 1024 * 1024

/** Which file of which run of which export: a chunk opens in its own place alone. */
export type FilePlace = { exportId: string; run: string; name: string }

export class ExportFile {
  readonly #place: FilePlace
  readonly #key: KeyObject
  readonly #keep: (part: number, sealed: Buffer) => Promise<void>
  readonly #digest = createHash('sha256')
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #filled = 0
  #bytes = 0
  #parts = 0

  constructor(place: FilePlace, key: KeyObject, keep: (part: number, sealed: Buffer) => Promise<void>) {
    this.#place = place
    this.#key = key
    this.#keep = keep
  }

  /** Resolves when the bytes are taken, which includes storing full chunks. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#digest.update(bytes)
    this.#bytes += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(bytes.length - at, CHUNK_BYTES - this.#filled)
      this.#chunk.set(bytes.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === CHUNK_BYTES) await this.#store()
    }
  }

  /** Stores the rest. Nothing may be appended afterwards. */
  async end(): Promise<WrittenFile> {
    if (this.#filled > 0) await this.#store()
    return {
      name: this.#place.name,
      bytes: this.#bytes,
      sha256: this.#digest.digest('hex'),
      parts: this.#parts,
    }
  }

  async #store(): Promise<void> {
    const part = this.#parts
    const plain = this.#chunk.subarray(0, this.#filled)
    await this.#keep(part, sealBody(this.#key, spelled(this.#place), `part:${part}`, plain))
    this.#parts += 1
    this.#filled = 0
  }
}

/** The bytes of a stored chunk. Throws SealError when they are not what was stored there. */
export function openChunk(key: KeyObject, place: FilePlace, part: number, sealed: Buffer): Buffer {
  return openBody(key, spelled(place), `part:${part}`, sealed)
}

function spelled({ exportId, run, name }: FilePlace): string {
  return `${exportId}/${run}/${name}`
}
