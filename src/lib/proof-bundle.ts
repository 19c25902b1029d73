/**
 * The proof of one request as a file: its records, their places in the log's tree, and the checkpoint that signs the
 * tree. `docs/verify.mjs` reads it without anything of ours. A bundle that would not verify is never made.
 */

import { type AuditLeaf, auditLeafHash, type LeafType } from './audit-leaf.ts'
import { parseTreeHead, type TreeHead } from './checkpoint.ts'
import { consistencyProof, inclusionProofs, verifyInclusion } from './merkle.ts'
import { sha256Hex } from './sha256.ts'
import { parseNote } from './signed-note.ts'

/** Names are those of the JSON file. Digests are hex, hashes and bodies base64. */
type BundleRecord = {
  readonly type: LeafType
  /** Also the index of the leaf. */
  readonly seq: number
  readonly wall_ms: number
  readonly flags: number
  readonly id: string | null
  /** The stored bytes as UTF-8; empty for a record without. */
  readonly meta: string
  readonly first_sha256: string | null
  readonly second_sha256: string | null
  /** Stored bytes; left out when they are erased, or not for the reader. */
  readonly first?: string
  readonly second?: string
  /** Lowest sibling first. */
  readonly proof: readonly string[]
}

/** An ERASE record that names the request, usually of a later writer and so of another tree. */
type BundleErasure = {
  readonly origin: string
  readonly writer: string
  readonly record: BundleRecord
  readonly checkpoint: string
}

export type ProofBundle = {
  readonly format: 'aval-proof/1'
  /** Its last part, behind a `/`, is the writer. */
  readonly origin: string
  readonly request_id: string
  readonly writer: string
  readonly records: readonly BundleRecord[]
  /** The signed note, cosignatures included. */
  readonly checkpoint: string
  /** That the tree begins with the one of an older checkpoint, which the reader holds. */
  readonly consistency?: readonly string[]
  readonly erased?: BundleErasure
}

/** A record of the log, with the bytes the reader may see. `first` and `second` left out or null: not included. */
export type RecordToProve = Omit<AuditLeaf, 'metaDigest'> & {
  readonly meta: string
  readonly first?: Buffer | null
  readonly second?: Buffer | null
}

/** One log's tree: all leaf hashes up to the checkpoint's size or further, 32 bytes each. */
export type SignedTree = { readonly writer: string; readonly leaves: Buffer; readonly checkpoint: string }

export type BundleReason =
  /** The checkpoint is older than the record: sign a newer one first. */
  | 'not_covered'
  /** The record is not the leaf at its place, or the leaves are not the tree that was signed. */
  | 'not_in_tree'
  /** A body is not the one the record commits to. */
  | 'body_altered'
  /** The checkpoint is another writer's. */
  | 'wrong_origin'

export class BundleError extends Error {
  override name = 'BundleError'
  readonly reason: BundleReason
  constructor(reason: BundleReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * Everything about one request: `records` are its OPEN, PARTs and CLOSE, or its WHOLE. `olderSize` adds the proof that
 * a tree of that size is the beginning of this one. Throws BundleError, NoteError for a checkpoint that is none, and
 * RangeError for records that are none.
 */
export function buildProofBundle(input: {
  requestId: string
  records: readonly RecordToProve[]
  tree: SignedTree
  olderSize?: number
  erased?: { record: RecordToProve; tree: SignedTree }
}): ProofBundle {
  const { requestId, records, tree, olderSize, erased } = input
  const head = headOf(tree)
  const inOrder = records.toSorted((one, other) => one.seq - other.seq)
  return {
    format: 'aval-proof/1',
    origin: head.origin,
    request_id: requestId,
    writer: tree.writer,
    records: proveRecords(inOrder, tree, head),
    checkpoint: tree.checkpoint,
    ...(olderSize === undefined
      ? {}
      : { consistency: consistencyProof(olderSize, head.size, tree.leaves).map(base64) }),
    ...(erased === undefined ? {} : { erased: proveErasure(erased.record, erased.tree) }),
  }
}

function proveErasure(record: RecordToProve, tree: SignedTree): BundleErasure {
  const head = headOf(tree)
  const [proven] = proveRecords([record], tree, head)
  if (proven === undefined) throw new RangeError('An erasure has one record.')
  return { origin: head.origin, writer: tree.writer, record: proven, checkpoint: tree.checkpoint }
}

function headOf({ writer, checkpoint }: SignedTree): TreeHead {
  const head = parseTreeHead(parseNote(checkpoint).text)
  if (!head.origin.includes('/') || head.origin.split('/').at(-1) !== writer) {
    throw new BundleError('wrong_origin', `The checkpoint of ${head.origin} is not one of writer ${writer}.`)
  }
  return head
}

function proveRecords(records: readonly RecordToProve[], tree: SignedTree, head: TreeHead): BundleRecord[] {
  const late = records.find(({ seq }) => seq >= head.size)
  if (late !== undefined) {
    throw new BundleError('not_covered', `Record ${late.seq} is newer than the checkpoint of ${head.size}.`)
  }
  const proofs = inclusionProofs(
    records.map(({ seq }) => seq),
    head.size,
    tree.leaves,
  )
  return records.map((record, at) => bundled(record, proofs[at] ?? [], head))
}

function bundled(record: RecordToProve, proof: readonly Buffer[], head: TreeHead): BundleRecord {
  const { meta, first, second, ...facts } = record
  const leaf = auditLeafHash({ ...facts, metaDigest: meta === '' ? null : sha256Hex(meta) })
  if (!verifyInclusion(leaf, facts.seq, head.size, proof, head.root)) {
    throw new BundleError('not_in_tree', `Record ${facts.seq} is not in the tree that was signed.`)
  }
  assertBody(facts.seq, first, facts.firstDigest)
  assertBody(facts.seq, second, facts.secondDigest)
  return {
    type: facts.type,
    seq: facts.seq,
    wall_ms: facts.wallMs,
    flags: facts.flags,
    id: facts.id,
    meta,
    first_sha256: facts.firstDigest,
    second_sha256: facts.secondDigest,
    ...(hasBytes(first) ? { first: base64(first) } : {}),
    ...(hasBytes(second) ? { second: base64(second) } : {}),
    proof: proof.map(base64),
  }
}

function assertBody(seq: number, body: Buffer | null | undefined, digest: string | null): void {
  if (hasBytes(body) && sha256Hex(body) !== digest) {
    throw new BundleError('body_altered', `A body of record ${seq} is not the one that was recorded.`)
  }
}

/** An empty body has no digest, and no bytes to show. */
function hasBytes(body: Buffer | null | undefined): body is Buffer {
  return body !== undefined && body !== null && body.length > 0
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}
