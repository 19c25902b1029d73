/** A finished request as columns of `requests` and `request_bodies`. */

import { isUtf8 } from 'node:buffer'
import type { ShipEvent, ShipRow } from './pairing.ts'
import type { EventRecord } from './record.ts'

export type ColumnType =
  | 'date'
  | 'uuid'
  | 'bigint'
  | 'integer'
  | 'text'
  /** Text that is always given as UTF-8 bytes without NUL. */
  | 'utf8'
  | 'boolean'
  | 'float8'
  | 'timestamptz'
  | 'jsonb'
  | 'bytea'

/** `date` and `timestamptz` are milliseconds since the epoch. */
export type ColumnValue = string | number | boolean | Buffer | null
export type Column<Row> = { name: string; type: ColumnType; value: (row: Row, writer: string) => ColumnValue }

const MAX_INTEGER = 2_147_483_647
const DAY_MS = 86_400_000

const PLACE_COLUMNS: readonly Column<ShipRow>[] = [
  { name: 'day', type: 'date', value: (row) => dayMs(row) },
  { name: 'writer', type: 'uuid', value: (_row, writer) => writer },
  { name: 'seq', type: 'bigint', value: (row) => row.seq },
]

export const REQUEST_COLUMNS: readonly Column<ShipRow>[] = [
  ...PLACE_COLUMNS,
  { name: 'id', type: 'text', value: ({ open }) => open.id },
  { name: 'project_id', type: 'text', value: ({ open }) => open.projectId },
  { name: 'key_id', type: 'text', value: ({ open }) => open.keyId },
  { name: 'key_name', type: 'text', value: ({ open }) => open.keyName },
  { name: 'method', type: 'text', value: ({ open }) => open.method },
  { name: 'path', type: 'text', value: ({ open }) => open.path },
  { name: 'operation', type: 'text', value: ({ open }) => open.operation },
  { name: 'requested_model', type: 'text', value: ({ open }) => open.requestedModel },
  { name: 'route', type: 'text', value: ({ open }) => open.route },
  { name: 'upstream', type: 'text', value: ({ close }) => close.upstream },
  { name: 'model', type: 'text', value: ({ close }) => close.model },
  { name: 'stream', type: 'boolean', value: ({ open }) => open.stream },
  { name: 'outcome', type: 'text', value: ({ close }) => close.outcome },
  { name: 'status', type: 'integer', value: ({ close }) => whole(close.status) },
  { name: 'error_code', type: 'text', value: ({ close }) => close.errorCode },
  { name: 'finish_reason', type: 'text', value: ({ close }) => close.finishReason },
  { name: 'started_at', type: 'timestamptz', value: ({ open }) => open.startedAtMs },
  { name: 'duration_ms', type: 'float8', value: ({ close }) => close.durationMs },
  { name: 'ttft_ms', type: 'float8', value: ({ close }) => close.ttftMs },
  { name: 'input_tokens', type: 'bigint', value: ({ close }) => count(close.usage?.inputTokens) },
  { name: 'output_tokens', type: 'bigint', value: ({ close }) => count(close.usage?.outputTokens) },
  {
    name: 'cached_input_tokens',
    type: 'bigint',
    value: ({ close }) => count(close.usage?.cachedInputTokens),
  },
  { name: 'reasoning_tokens', type: 'bigint', value: ({ close }) => count(close.usage?.reasoningTokens) },
  { name: 'attempts', type: 'jsonb', value: ({ close }) => jsonText(close.attempts) },
  { name: 'client_request_id', type: 'text', value: ({ open }) => open.clientRequestId },
  { name: 'subject', type: 'text', value: ({ open }) => open.subject },
  { name: 'request_bytes', type: 'bigint', value: ({ close }) => count(close.requestBytes) ?? 0 },
  { name: 'response_bytes', type: 'bigint', value: ({ close }) => count(close.responseBytes) ?? 0 },
  { name: 'truncated', type: 'boolean', value: ({ close }) => close.truncated },
  { name: 'occurrences', type: 'integer', value: ({ close }) => whole(close.occurrences) },
  { name: 'data_key', type: 'text', value: ({ open }) => open.dataKey },
  { name: 'replay_of', type: 'text', value: ({ open }) => open.replayOf ?? null },
  { name: 'shadow_of', type: 'text', value: ({ open }) => open.shadowOf ?? null },
  { name: 'release_id', type: 'text', value: ({ open }) => open.release ?? null },
  { name: 'prompt', type: 'text', value: ({ open }) => open.prompt ?? null },
  { name: 'cost_micro_usd', type: 'bigint', value: ({ close }) => count(close.costMicroUsd) },
  { name: 'price', type: 'text', value: ({ close }) => close.price ?? null },
  { name: 'index', type: 'text', value: ({ open }) => open.index ?? null },
  {
    name: 'retrieval',
    type: 'jsonb',
    value: ({ close }) => (close.retrieval === undefined ? null : jsonText(close.retrieval)),
  },
]

/** The records behind the row; everything above follows from them, and a verifier computes it again. */
export const EVIDENCE_COLUMNS: readonly Column<ShipRow>[] = [
  { name: 'open_record', type: 'utf8', value: ({ openText }) => openText },
  { name: 'close_record', type: 'utf8', value: ({ closeText }) => closeText },
  { name: 'trail', type: 'bytea', value: ({ trail }) => trail },
]

export const BODY_COLUMNS: readonly Column<ShipRow>[] = [
  ...PLACE_COLUMNS,
  { name: 'request_text', type: 'utf8', value: (row) => textual(row, row.requestBody) },
  { name: 'request_raw', type: 'bytea', value: (row) => raw(row, row.requestBody) },
  { name: 'response_text', type: 'utf8', value: (row) => textual(row, row.responseBody) },
  { name: 'response_raw', type: 'bytea', value: (row) => raw(row, row.responseBody) },
]

/** An event's columns. The ends of a writer have no actor and no action but their own. */
export const EVENT_COLUMNS: readonly Column<ShipEvent>[] = [
  { name: 'writer', type: 'uuid', value: (_row, writer) => writer },
  { name: 'seq', type: 'bigint', value: ({ seq }) => seq },
  { name: 'id', type: 'text', value: ({ record }) => record.id },
  { name: 'kind', type: 'text', value: ({ record }) => record.kind },
  { name: 'at', type: 'timestamptz', value: ({ record }) => record.atMs },
  { name: 'project_id', type: 'text', value: ({ record }) => acted(record)?.projectId ?? null },
  { name: 'actor_id', type: 'text', value: ({ record }) => acted(record)?.actorId ?? null },
  { name: 'actor_name', type: 'text', value: ({ record }) => acted(record)?.actorName ?? null },
  { name: 'action', type: 'text', value: ({ record }) => acted(record)?.action ?? `writer.${record.kind}` },
  { name: 'target', type: 'text', value: ({ record }) => acted(record)?.target ?? null },
  { name: 'purpose', type: 'text', value: ({ record }) => acted(record)?.purpose ?? null },
  { name: 'detail', type: 'jsonb', value: ({ record }) => jsonText(acted(record)?.detail ?? {}) },
  { name: 'record', type: 'utf8', value: ({ text }) => text },
  { name: 'trail', type: 'bytea', value: ({ trail }) => trail },
]

function acted(record: ShipEvent['record']): EventRecord | null {
  return 'action' in record ? record : null
}

/** Midnight (UTC) of the day the request began: its partition. */
export function dayMs({ open }: ShipRow): number {
  return Math.floor(open.startedAtMs / DAY_MS) * DAY_MS
}

/** PostgreSQL's text takes every character but NUL. */
export function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}

/** Sealed bytes may look like text by chance, and are none. */
function textual({ open, erased }: ShipRow, body: Buffer): Buffer | null {
  return erased !== true && open.dataKey === null && isText(body) ? body : null
}

function raw({ open, erased }: ShipRow, body: Buffer): Buffer | null {
  return erased === true || (open.dataKey === null && isText(body)) ? null : body
}

/** True for bytes that a text column takes as they are. */
export function isText(body: Buffer): boolean {
  return isUtf8(body) && !body.includes(0)
}

/** jsonb refuses NUL and lone surrogates, which are legal in JSON text; an upstream's message may hold them. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\u')) return text
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? withoutNul(inner).toWellFormed() : inner,
  )
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.max(-MAX_INTEGER, Math.min(MAX_INTEGER, Math.round(value))) : 0
}

function count(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isSafeInteger(Math.round(value))
    ? null
    : Math.round(value)
}
