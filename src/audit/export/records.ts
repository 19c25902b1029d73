/** The rows of an export as they leave Aval, page by page in bounded memory; with open bodies when these are wanted. */

import type { Db } from '../../db/client.ts'
import type { AuditKeys } from '../privacy/audit-keys.ts'
import { type Bodies, readBodies } from '../privacy/read-bodies.ts'
import { listEvidence, type RequestFilter, type StoredRequest, withStoredBodies } from '../store.ts'
import { bodyToWire, rowToWire, type WireRow } from '../wire-row.ts'

/** The wire's names, the row's place, and the records it was made from. */
export type ExportRecord = WireRow & {
  project_id: string | null
  writer: string
  seq: number
  open_record: string | null
  close_record: string | null
  trail: Buffer | null
  bodies: ExportBodies | null
}
export type ExportBodies = {
  request_body: string | null
  request_body_encoding: 'utf8' | 'base64'
  response_body: string | null
  response_body_encoding: 'utf8' | 'base64'
  body_state: Bodies['bodyState']
}

/** Rows without bodies are about 3 KB. */
const PAGE_ROWS = 500
/** Bodies that are open at once; one row may be larger than that alone. */
const BATCH_BYTES = 16 * 1024 * 1024
const BATCH_ROWS = 100

export type ExportSource = {
  db: Db
  filter: Omit<RequestFilter, 'limit' | 'cursor'>
  /** Null leaves bodies out. */
  bodyKeys: Pick<AuditKeys, 'wrapping'> | null
}

/** Newest first, each row once; what is logged meanwhile with an older time than where this is may be among them. */
export async function* exportRecords({ db, filter, bodyKeys }: ExportSource): AsyncGenerator<ExportRecord[]> {
  let cursor: string | undefined
  for (;;) {
    const page = await listEvidence(db, { ...filter, cursor }, PAGE_ROWS)
    if (bodyKeys === null) {
      if (page.rows.length > 0) yield page.rows.map((row) => toRecord(row, null))
    } else {
      for (const batch of batches(page.rows)) {
        const rows = await withStoredBodies(db, batch)
        const bodies = await readBodies(db, bodyKeys, rows)
        yield rows.map((row, at) => toRecord(row, bodies[at] ?? null))
      }
    }
    if (page.nextCursor === null) return
    cursor = page.nextCursor
  }
}

/** Rows whose bodies together stay within the bound; the sizes that rows tell are those of open bodies. */
function* batches(rows: readonly StoredRequest[]): Generator<StoredRequest[]> {
  let batch: StoredRequest[] = []
  let bytes = 0
  for (const row of rows) {
    const size = row.requestBytes + row.responseBytes
    if (batch.length > 0 && (bytes + size > BATCH_BYTES || batch.length >= BATCH_ROWS)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(row)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

function toRecord(row: StoredRequest, bodies: Bodies | null): ExportRecord {
  return {
    ...rowToWire(row),
    project_id: row.projectId,
    writer: row.writer,
    seq: row.seq,
    open_record: row.openRecord,
    close_record: row.closeRecord,
    trail: row.trail,
    bodies: bodies === null ? null : toBodies(bodies),
  }
}

function toBodies(bodies: Bodies): ExportBodies {
  const request = bodyToWire(bodies.requestBody)
  const response = bodyToWire(bodies.responseBody)
  return {
    request_body: request.text,
    request_body_encoding: request.encoding,
    response_body: response.text,
    response_body_encoding: response.encoding,
    body_state: bodies.bodyState,
  }
}
