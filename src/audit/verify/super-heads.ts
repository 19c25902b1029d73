/**
 * The heads over all writers: that each is signed, follows the one before, only grows, and that every writer with
 * anything in the database is among them. A writer that was hidden or dropped shows here.
 */

import type { Sql } from 'postgres'
import { NoteError } from '../../lib/note-error.ts'
import { verifyNote } from '../../lib/signed-note.ts'
import type { VerifierKey } from '../../lib/verifier-key.ts'
import {
  applyHeads,
  readSuperHead,
  superDigest,
  superRoot,
  type WriterHeads,
} from '../evidence/super-head.ts'
import type { Findings } from './findings.ts'
import { listHeads, listSuperHeads } from './source.ts'

type SuperSetup = {
  keys: readonly VerifierKey[]
  /** Everybody the database speaks of. */
  writers: readonly string[]
  findings: Findings
  nowMs: number
}

/** A writer may be this young and not stand in any head yet: two rounds and a slow one. */
const GRACE_MS = 5 * 60_000

/** Checks them all; returns how many there are. */
export async function checkSuperHeads(sql: Sql, setup: SuperSetup): Promise<number> {
  const { keys, findings } = setup
  const stored = await listSuperHeads(sql)
  let heads: WriterHeads = new Map()
  let before: string | null = null
  let expected = 1
  for (const { number, note, heads: changed } of stored) {
    const place = { seq: number }
    if (number !== expected) {
      findings.add(
        'altered',
        'super_missing',
        place,
        `The super-checkpoints ${expected} to ${number - 1} are not there.`,
      )
    }
    expected = number + 1
    try {
      const head = readSuperHead(verifyNote(note, keys).text)
      const next = applyHeads(heads, changed)
      if (next === null)
        findings.add('altered', 'super_shrunk', place, `Super-checkpoint ${number} takes something back.`)
      heads = next ?? heads
      const fits = head.size === heads.size && head.root.equals(superRoot(heads)) && head.previous === before
      if (!fits)
        findings.add(
          'altered',
          'super_mismatch',
          place,
          `Super-checkpoint ${number} is not that of its writers.`,
        )
    } catch (error) {
      if (!(error instanceof NoteError)) throw error
      findings.add('altered', 'super_signature', place, `Super-checkpoint ${number}: ${error.message}`)
    }
    before = superDigest(note)
  }
  if (stored.length > 0) await compareWriters(sql, setup, heads)
  return stored.length
}

async function compareWriters(sql: Sql, setup: SuperSetup, heads: WriterHeads): Promise<void> {
  const { writers, findings, nowMs } = setup
  const known = new Set(writers)
  for (const [writer, { size, root }] of heads) {
    const stored = known.has(writer)
      ? (await listHeads(sql, writer)).find((one) => one.size === size)
      : undefined
    if (!known.has(writer)) {
      findings.add(
        'altered',
        'writer_missing',
        { writer },
        'A writer that was signed for is not in the database.',
      )
    } else if (stored === undefined || !stored.note.includes(root)) {
      findings.add(
        'altered',
        'super_head_missing',
        { writer, seq: size },
        `Its head over ${size} records is not there.`,
      )
    }
  }
  for (const writer of writers) {
    if (heads.has(writer) || nowMs - startedAtMs(writer) < GRACE_MS) continue
    findings.add(
      'altered',
      'writer_hidden',
      { writer },
      'The writer is in the database and in no super-checkpoint.',
    )
  }
}

/** Writers are UUIDv7: the first 48 bits are the milliseconds of their start (RFC 9562 §5.7). */
function startedAtMs(writer: string): number {
  return Number.parseInt(writer.replaceAll('-', '').slice(0, 12), 16)
}
