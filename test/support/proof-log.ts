/** A small signed log in memory, for tests of proofs: records of several requests, as two writers would have them. */

import { auditLeafHash, type LeafType } from '../../src/lib/audit-leaf.ts'
import { formatCheckpoint } from '../../src/lib/checkpoint.ts'
import { cosign, cosigner } from '../../src/lib/cosignature.ts'
import { readPrivateKey } from '../../src/lib/ed25519.ts'
import { chainHead, chainStart } from '../../src/lib/hash-chain.ts'
import { treeRoot } from '../../src/lib/merkle.ts'
import type { RecordToProve, SignedTree } from '../../src/lib/proof-bundle.ts'
import { sha256, sha256Hex } from '../../src/lib/sha256.ts'
import { noteSigner, signNote } from '../../src/lib/signed-note.ts'

const keyFrom = (seed: string) => readPrivateKey(sha256(seed).toString('base64'))

export const LOG = noteSigner('log.example', keyFrom('log'))
export const STRANGER = noteSigner('log.example', keyFrom('stranger'))
export const WITNESS = cosigner('witness.example/w1', keyFrom('witness'))
const TOLD_AT_MS = Date.UTC(2026, 10, 3, 12)

/** The records of one request, or of none, without their places. */
export type Told = { type: LeafType; id: string | null; meta: object | null; first?: string; second?: string }

export function streamed(id: string, parts: number): Told[] {
  const part = (at: number): Told => ({
    type: 'part',
    id,
    meta: null,
    first: `data: piece ${at} of ${id}\n\n`,
  })
  return [
    { type: 'open', id, meta: { id, method: 'POST', requestedModel: 'größtes' }, first: `{"ask":"${id}"}` },
    ...Array.from({ length: parts }, (_, at) => part(at)),
    { type: 'close', id, meta: { id, outcome: 'completed', parts }, first: `data: [DONE] ${id}\n\n` },
  ]
}

export function whole(id: string): Told[] {
  return [
    {
      type: 'whole',
      id,
      meta: { open: { id }, close: { id, status: 429 } },
      first: `ask ${id}`,
      second: 'no',
    },
  ]
}

export class ProofLog {
  readonly writer: string
  readonly records: RecordToProve[] = []

  constructor(writer: string) {
    this.writer = writer
  }

  append(...told: Told[]): void {
    for (const { type, id, meta, first, second } of told) {
      const seq = this.records.length
      this.records.push({
        type,
        seq,
        wallMs: TOLD_AT_MS + seq,
        flags: seq % 2,
        id,
        meta: meta === null ? '' : JSON.stringify(meta),
        firstDigest: first === undefined ? null : sha256Hex(first),
        secondDigest: second === undefined ? null : sha256Hex(second),
        first: first === undefined ? null : Buffer.from(first),
        second: second === undefined ? null : Buffer.from(second),
      })
    }
  }

  of(requestId: string): RecordToProve[] {
    return this.records.filter(({ id }) => id === requestId)
  }

  /** The leaves, and a checkpoint over the first `size` of them, cosigned. */
  tree(size = this.records.length, signer = LOG): SignedTree {
    const leaves = Buffer.concat(this.records.map(leafOf))
    const text = formatCheckpoint({
      origin: `log.example/${this.writer}`,
      size,
      root: treeRoot(leaves, 0, size),
      chain: chainHead(chainStart(), leaves.subarray(0, size * 32)),
      timeMs: TOLD_AT_MS + 10_000,
      previous: null,
    })
    return { writer: this.writer, leaves, checkpoint: cosign(signNote(text, signer), WITNESS, 1_793_707_210) }
  }
}

function leafOf({ meta, first: _first, second: _second, ...facts }: RecordToProve): Buffer {
  return auditLeafHash({ ...facts, metaDigest: meta === '' ? null : sha256Hex(meta) })
}

/** A log in which the records of one streamed request lie between those of others. */
export function busyLog(writer = 'wrt_1'): ProofLog {
  const log = new ProofLog(writer)
  const [open, one, two, close] = streamed('req_a', 2) as [Told, Told, Told, Told]
  const other = streamed('req_b', 1) as [Told, Told, Told]
  log.append(...whole('req_w'), open, other[0], one, other[1], two, ...whole('req_x'), close, other[2])
  log.append({ type: 'gap', id: null, meta: { lost: 0 } }, ...streamed('req_c', 0))
  return log
}
