/**
 * Rows as one PostgreSQL array literal per column, for INSERT … SELECT FROM unnest(…): the way into the embedded
 * database, whose socket does not carry COPY.
 */

import { type Column, type ColumnType, type ColumnValue, withoutNul } from './columns.ts'

/** The statement for `encodeArrays`'s parameters. */
export function unnestStatement<Row>(table: string, columns: readonly Column<Row>[]): string {
  const names = columns.map((column) => column.name).join(', ')
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type === 'utf8' ? 'bytea' : type}[]`)
  const values = columns.map(({ name, type }) => (type === 'utf8' ? `convert_from(${name}, 'UTF8')` : name))
  return `INSERT INTO ${table} (${names}) SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS given (${names})`
}

/** One array literal (`{…}`, https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO) per column. */
export function encodeArrays<Row>(
  rows: readonly Row[],
  writer: string,
  columns: readonly Column<Row>[],
): string[] {
  return columns.map((column) => {
    const elements = rows.map((row) => element(column.type, column.value(row, writer)))
    return `{${elements.join(',')}}`
  })
}

function element(type: ColumnType, value: ColumnValue): string {
  if (value === null) return 'NULL'
  // Hexadecimal needs no escaping, and texts full of quotation marks would need much: bytes go in as bytes.
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`
  if (typeof value === 'string') return quoted(withoutNul(value))
  if (type === 'boolean') return value ? 't' : 'f'
  if (type === 'date') return new Date(Number(value)).toISOString().slice(0, 10)
  return type === 'timestamptz' ? quoted(new Date(Number(value)).toISOString()) : String(value)
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text}"`
}
