/** A page of rows against the rest of the log: its records' leaves, what stood behind other rows, reasons for what is gone. Pure. */

import { HASH_BYTES } from '../../lib/sha256.ts'
import type { Accounted } from './accounted.ts'
import type { Explanations } from './explanations.ts'
import type { Findings, Place } from './findings.ts'
import type { PageFacts } from './page.ts'
import type { DayOfWriter } from './source.ts'

export type Against = {
  findings: Findings
  explanations: Explanations
  accounted: Accounted
  /** The leaf of a record as it was shipped, null when there is none. */
  leafAt: (seq: number) => Buffer | null
}

/** Row by row in order, so that a finding of one row stands beside the others of it. */
export function judgePage(against: Against, { day, writer }: DayOfWriter, page: PageFacts): void {
  const { findings, explanations } = against
  const problems = page.problems.values()
  const losses = page.losses.values()
  let problem = problems.next()
  let loss = losses.next()
  let record = 0
  for (const [row, id] of page.ids.entries()) {
    const end = record + (page.records[row] ?? 0)
    for (; record < end; record += 1) judgeRecord(against, { writer, id }, page, record)
    const place = { writer, seq: page.places[row] ?? 0, id }
    for (; problem.value?.row === row; problem = problems.next()) {
      findings.add(problem.value.severity, problem.value.kind, place, problem.value.message)
    }
    for (; loss.value?.row === row; loss = losses.next()) {
      const reason = explanations.ofBody(loss.value.of, day)
      if (reason === null) findings.add('altered', loss.value.kind, place, loss.value.message)
      else findings.add('explained', 'body_gone', place, reason)
    }
  }
}

function judgeRecord(
  { findings, accounted, leafAt }: Against,
  row: Place,
  page: PageFacts,
  record: number,
): void {
  const seq = page.seqs[record] ?? 0
  const leaf = leafAt(seq)
  if (leaf === null) {
    findings.add('incomplete', 'leaf_missing', { ...row, seq }, `Record ${seq} has no leaf.`)
    return
  }
  if (!accounted.add(seq)) {
    findings.add('altered', 'record_twice', { ...row, seq }, `Record ${seq} stands behind two rows.`)
  }
  const at = record * HASH_BYTES
  if (leaf.compare(page.leaves, at, at + HASH_BYTES) !== 0) {
    findings.add('altered', 'leaf_mismatch', { ...row, seq }, `Record ${seq} is not what was recorded.`)
  }
}
