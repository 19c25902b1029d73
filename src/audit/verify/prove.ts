/** The proof of one request for somebody who does not have Aval: its records and their places in a signed tree. */

import type { Sql } from 'postgres'
import {
  BundleError,
  buildProofBundle,
  type ProofBundle,
  type RecordToProve,
} from '../../lib/proof-bundle.ts'
import { HASH_BYTES } from '../../lib/sha256.ts'
import { RECORD_TYPES, typeName } from '../frames.ts'
import { decodeTrail, type TrailEntry } from '../trail.ts'
import type { RawRow } from './row-check.ts'
import { findRowOf, listHeads, readLeafRuns } from './source.ts'

/** 64 million records: 2 GB of leaves, more than any writer's life. */
const MAX_LEAVES = 64_000_000

export type ProveProblem = 'not_found' | 'no_evidence' | 'not_signed_yet'

/**
 * The bundle, or why there is none. `withBodies` puts the stored (sealed) bodies in. Throws BundleError when the record
 * does not fit its tree: run a verification then.
 */
export async function proveRequest(
  sql: Sql,
  id: string,
  withBodies: boolean,
): Promise<ProofBundle | ProveProblem> {
  const row = await findRowOf(sql, id)
  if (row === null) return 'not_found'
  const entries = row.trail === null ? null : decodeTrail(row.trail)
  const last = entries?.at(-1)
  if (entries === null || last === undefined) return 'no_evidence'
  const head = (await listHeads(sql, row.writer)).find(({ size }) => size > last.seq)
  if (head === undefined) return 'not_signed_yet'
  const leaves = await readLeaves(sql, row.writer, head.size)
  const records = toRecords(row, entries, withBodies)
  return buildProofBundle({
    requestId: id,
    records,
    tree: { writer: row.writer, leaves, checkpoint: head.note },
  })
}

async function readLeaves(sql: Sql, writer: string, size: number): Promise<Buffer> {
  if (size > MAX_LEAVES)
    throw new RangeError(`The tree of ${writer} has ${size} leaves; ${MAX_LEAVES} can be read.`)
  const leaves = Buffer.alloc(size * HASH_BYTES)
  let next = 0
  while (next < size) {
    const runs = await readLeafRuns(sql, writer, next, size)
    if (runs.length === 0 || runs[0]?.firstSeq !== next) {
      throw new BundleError('not_in_tree', `Leaf ${next} of writer ${writer} is not there.`)
    }
    for (const { firstSeq, leaves: run } of runs) {
      if (firstSeq !== next) break
      run.copy(leaves, firstSeq * HASH_BYTES)
      next = firstSeq + run.length / HASH_BYTES
    }
  }
  return leaves
}

function toRecords(row: RawRow, entries: readonly TrailEntry[], withBodies: boolean): RecordToProve[] {
  let at = 0
  return entries.map((entry) => {
    const { type, firstBytes, secondBytes, firstDigest, secondDigest, seq, wallMs, flags } = entry
    const isOpen = type === RECORD_TYPES.open || type === RECORD_TYPES.whole
    const responseBytes = type === RECORD_TYPES.whole ? secondBytes : isOpen ? 0 : firstBytes
    const response = row.responseBody?.subarray(at, at + responseBytes) ?? null
    at += responseBytes
    const text = type === RECORD_TYPES.close ? row.closeRecord : isOpen ? row.openRecord : null
    return {
      type: typeName(type),
      seq,
      wallMs,
      flags,
      id: row.id,
      meta: text?.toString('utf8') ?? '',
      firstDigest,
      secondDigest,
      first: withBodies ? (isOpen ? row.requestBody : response) : null,
      second: withBodies && type === RECORD_TYPES.whole ? response : null,
    }
  })
}
