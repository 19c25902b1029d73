/** Opens the bodies of logged requests. Whoever calls it has put the read on the log first. */

import type { KeyObject } from 'node:crypto'
import type { Db } from '../../db/client.ts'
import { isText } from '../columns.ts'
import { RECORD_TYPES } from '../frames.ts'
import { findRequest, type RequestRow, type RequestScope, type StoredRequest } from '../store.ts'
import { decodeTrail } from '../trail.ts'
import type { AuditKeys } from './audit-keys.ts'
import { openBody, SealError, unwrapKey } from './sealing.ts'
import { findDataKeys } from './store.ts'

/** Text, or bytes when it is no UTF-8 text. */
export type Body = string | Buffer | null
/**
 * `erased`: the key is gone, by an erasure or because it has not arrived from the gateway yet. `unreadable`: the bytes
 * do not open, because they were changed or the audit key is another one.
 */
type BodyState = 'kept' | 'erased' | 'unreadable'
export type Bodies = { requestBody: Body; responseBody: Body; bodyState: BodyState }

/** A row with its bodies open, and what was taken out of each before it was kept, by kind; null for nothing. */
export type RequestDetail = RequestRow & Bodies & { requestRedacted: Redacted; responseRedacted: Redacted }
type Redacted = Readonly<Record<string, number>> | null

/** The request with its bodies, or null when the scope has none such. */
export async function findReadable(
  db: Db,
  keys: Pick<AuditKeys, 'wrapping'>,
  wanted: { id: string; scope: RequestScope },
): Promise<RequestDetail | null> {
  const stored = await findRequest(db, wanted)
  if (stored === null) return null
  const [bodies] = await readBodies(db, keys, [stored])
  const { trail: _trail, openRecord, closeRecord, ...row } = stored
  const gone: Bodies = { requestBody: null, responseBody: null, bodyState: 'unreadable' }
  return { ...row, ...(bodies ?? gone), ...redactedOf(openRecord, closeRecord) }
}

/** OPEN and CLOSE, or a WHOLE with both inside. Rows of versions without records have none; a changed one says nothing. */
function redactedOf(
  openText: string | null,
  closeText: string | null,
): { requestRedacted: Redacted; responseRedacted: Redacted } {
  const first = parsed(openText)
  const open = first?.open ?? first
  const close = first?.close ?? parsed(closeText)
  return { requestRedacted: open?.redacted ?? null, responseRedacted: close?.redacted ?? null }
}

type Marked = { redacted?: Readonly<Record<string, number>> }

function parsed(text: string | null): (Marked & { open?: Marked; close?: Marked }) | null {
  if (text === null) return null
  try {
    return JSON.parse(text) as Marked
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** The bodies of these rows, in their order. */
export async function readBodies(
  db: Db,
  keys: Pick<AuditKeys, 'wrapping'>,
  rows: readonly StoredRequest[],
): Promise<Bodies[]> {
  const wanted = new Set(rows.map(({ dataKey }) => dataKey).filter((id) => id !== null))
  const found = await findDataKeys(db, [...wanted])
  const opened = new Map<string, KeyObject | null>()
  for (const { id, projectId, subject, wrapped } of found) {
    opened.set(
      id,
      tryOpen(() => unwrapKey(keys.wrapping, id, { projectId, subject }, wrapped)),
    )
  }
  return rows.map((row) => bodiesOf(row, row.dataKey === null ? null : opened.get(row.dataKey)))
}

function bodiesOf(row: StoredRequest, key: KeyObject | null | undefined): Bodies {
  const { requestBody, responseBody, dataKey } = row
  // A body that was kept is never NULL, not even an empty one.
  const isGone = requestBody === null && responseBody === null
  if (dataKey === null && !isGone) return { requestBody, responseBody, bodyState: 'kept' }
  if (isGone || key === undefined) return { requestBody: null, responseBody: null, bodyState: 'erased' }
  const bodies = key === null ? null : tryOpen(() => unsealed(row, key))
  return bodies === null
    ? { requestBody: null, responseBody: null, bodyState: 'unreadable' }
    : { ...bodies, bodyState: 'kept' }
}

function unsealed(row: StoredRequest, key: KeyObject): { requestBody: Body; responseBody: Body } {
  const request = bytesOf(row.requestBody)
  const response = bytesOf(row.responseBody)
  const pieces: Buffer[] = []
  let at = 0
  let parts = 0
  for (const { type, firstBytes, secondBytes } of decodeTrail(row.trail ?? EMPTY) ?? []) {
    const bytes = type === RECORD_TYPES.whole ? secondBytes : firstBytes
    if (type === RECORD_TYPES.open) continue
    const slot = type === RECORD_TYPES.part ? (`part:${parts}` as const) : 'response'
    if (type === RECORD_TYPES.part) parts += 1
    pieces.push(openBody(key, row.id, slot, response.subarray(at, at + bytes)))
    at += bytes
  }
  return {
    requestBody: readable(openBody(key, row.id, 'request', request)),
    responseBody: readable(Buffer.concat(pieces)),
  }
}

/** Null when it does not open; any other failure is thrown. */
function tryOpen<Value>(open: () => Value): Value | null {
  try {
    return open()
  } catch (error) {
    if (error instanceof SealError) return null
    throw error
  }
}

function bytesOf(body: string | Buffer | null): Buffer {
  return body === null ? EMPTY : Buffer.from(body)
}

function readable(body: Buffer): Body {
  return isText(body) ? body.toString('utf8') : body
}

const EMPTY = Buffer.alloc(0)
