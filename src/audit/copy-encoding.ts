/**
 * Rows in PostgreSQL's binary COPY format (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"):
 * bodies go from the spool to the socket as they are, without becoming strings and without escaping.
 */

import { type Column, type ColumnType, type ColumnValue, withoutNul } from './columns.ts'

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** 2000-01-01, from which PostgreSQL counts. */
const EPOCH_MS = 946_684_800_000
const DAY_MS = 86_400_000
const JSONB_VERSION = 1
const FIRST_BYTES = 64 * 1024
/** A batch of large bodies needs more, and gives it back. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024

/** One complete COPY stream for these rows; valid until the next call with the same buffer. */
export function encodeCopy<Row>(
  rows: readonly Row[],
  writer: string,
  columns: readonly Column<Row>[],
  out: CopyBuffer,
): Buffer {
  out.start()
  out.bytes(SIGNATURE)
  for (const row of rows) {
    out.int16(columns.length)
    for (const column of columns) writeField(out, column.type, column.value(row, writer))
  }
  out.int16(-1)
  return out.finish()
}

function writeField(out: CopyBuffer, type: ColumnType, value: ColumnValue): void {
  if (value === null) {
    out.int32(-1)
    return
  }
  if (Buffer.isBuffer(value)) {
    out.int32(value.length)
    out.bytes(value)
    return
  }
  if (typeof value === 'string') {
    writeText(out, type, value)
    return
  }
  writeNumber(out, type, Number(value))
}

function writeText(out: CopyBuffer, type: ColumnType, value: string): void {
  if (type === 'uuid') {
    out.int32(16)
    out.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'))
    return
  }
  out.text(type === 'jsonb' ? value : withoutNul(value), type === 'jsonb' ? JSONB_VERSION : null)
}

function writeNumber(out: CopyBuffer, type: ColumnType, value: number): void {
  if (type === 'boolean') {
    out.int32(1)
    out.int8(value)
  } else if (type === 'integer' || type === 'date') {
    out.int32(4)
    out.int32(type === 'date' ? (value - EPOCH_MS) / DAY_MS : value)
  } else {
    out.int32(8)
    if (type === 'float8') out.float8(value)
    else out.int64(type === 'timestamptz' ? Math.round((value - EPOCH_MS) * 1000) : value)
  }
}

/** A buffer that grows by doubling, for one stream after another. */
export class CopyBuffer {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0

  start(): void {
    this.#at = 0
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  int8(value: number): void {
    this.#at = this.#room(1).writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#at = this.#room(2).writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#at = this.#room(4).writeInt32BE(value, this.#at)
  }

  int64(value: number): void {
    this.#at = this.#room(8).writeBigInt64BE(BigInt(value), this.#at)
  }

  float8(value: number): void {
    this.#at = this.#room(8).writeDoubleBE(value, this.#at)
  }

  bytes(value: Buffer): void {
    this.#at += value.copy(this.#room(value.length), this.#at)
  }

  /** Length and UTF-8 bytes, after one leading byte when given. */
  text(value: string, lead: number | null): void {
    const buffer = this.#room(5 + value.length * 3)
    const leadBytes = lead === null ? 0 : 1
    if (lead !== null) buffer.writeUInt8(lead, this.#at + 4)
    const written = buffer.write(value, this.#at + 4 + leadBytes, 'utf8')
    buffer.writeInt32BE(leadBytes + written, this.#at)
    this.#at += 4 + leadBytes + written
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes))
      this.#buffer.copy(grown, 0, 0, this.#at)
      this.#buffer = grown
    }
    return this.#buffer
  }
}
