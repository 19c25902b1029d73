/** The JSON part of a record: written once per request on the hot path, so no copy is made unless a text is too long. */

import { MAX_META_BYTES } from './frames.ts'
import type { CloseRecord, EventRecord, OpenRecord } from './record.ts'

/** A caller can send megabytes as `model` or `user`; the request's bytes are kept anyway. */
const MAX_TEXT = 4096
const MAX_ATTEMPTS = 64

export function openMeta(record: OpenRecord): string {
  return JSON.stringify(bounded(record))
}

export function closeMeta(record: CloseRecord): string {
  const meta = JSON.stringify(record)
  // A letter takes at most three bytes.
  if (meta.length * 3 <= MAX_META_BYTES) return meta
  const attempts = record.attempts.slice(0, MAX_ATTEMPTS).map((attempt) => ({
    ...attempt,
    detail: clip(attempt.detail),
    error: clip(attempt.error),
  }))
  return JSON.stringify({ ...record, attempts, finishReason: clip(record.finishReason) })
}

export function wholeMeta(open: OpenRecord, close: CloseRecord): string {
  return `{"open":${openMeta(open)},"close":${closeMeta(close)}}`
}

export function eventMeta(record: EventRecord): string {
  return JSON.stringify(record)
}

export function parseEvent(meta: Buffer): EventRecord {
  return JSON.parse(meta.toString('utf8')) as EventRecord
}

export function parseOpen(meta: Buffer): OpenRecord {
  return JSON.parse(meta.toString('utf8')) as OpenRecord
}

export function parseClose(meta: Buffer): CloseRecord {
  return JSON.parse(meta.toString('utf8')) as CloseRecord
}

export function parseWhole(meta: Buffer): { open: OpenRecord; close: CloseRecord } {
  return JSON.parse(meta.toString('utf8')) as { open: OpenRecord; close: CloseRecord }
}

function bounded(record: OpenRecord): OpenRecord {
  const long =
    record.path.length > MAX_TEXT ||
    (record.requestedModel?.length ?? 0) > MAX_TEXT ||
    (record.subject?.length ?? 0) > MAX_TEXT ||
    (record.clientRequestId?.length ?? 0) > MAX_TEXT
  if (!long) return record
  return {
    ...record,
    path: record.path.slice(0, MAX_TEXT),
    requestedModel: clip(record.requestedModel),
    subject: clip(record.subject),
    clientRequestId: clip(record.clientRequestId),
  }
}

function clip(text: string | null): string | null {
  return text === null || text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT)
}
