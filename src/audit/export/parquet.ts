/**
 * An export as Parquet: typed columns for warehouses and data frames. Streams row group by row group; only the footer,
 * some kilobytes for each group, grows with the export.
 */

import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { ExportFile } from './export-file.ts'
import type { ExportBodies, ExportRecord } from './records.ts'

type Kind = 'text' | 'whole' | 'real' | 'yes or no' | 'instant' | 'bytes'
type Column = { name: string; kind: Kind; value: (record: ExportRecord) => unknown }

/** What a group holds at most. Readers skip whole groups, and the writer needs one in memory several times over. */
const GROUP_ROWS = 10_000
const GROUP_BYTES = 32 * 1024 * 1024
/** Of a row without its texts, roughly. */
const ROW_BYTES = 600

const ELEMENTS: Readonly<Record<Kind, Partial<SchemaElement>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  whole: { type: 'INT64' },
  real: { type: 'DOUBLE' },
  'yes or no': { type: 'BOOLEAN' },
  instant: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  bytes: { type: 'BYTE_ARRAY' },
}

const ROW_COLUMNS: readonly Column[] = [
  ...columns('text', 'id', 'project_id', 'key_id', 'key_name', 'method', 'path', 'operation'),
  ...columns('text', 'requested_model', 'route', 'upstream', 'model'),
  ...columns('yes or no', 'stream'),
  ...columns('text', 'outcome'),
  ...columns('whole', 'status'),
  ...columns('text', 'error_code', 'finish_reason'),
  { name: 'started_at', kind: 'instant', value: (record) => BigInt(Date.parse(record.started_at)) },
  ...columns('real', 'duration_ms', 'ttft_ms'),
  ...columns('whole', 'input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens'),
  { name: 'attempts', kind: 'text', value: (record) => JSON.stringify(record.attempts) },
  ...columns(
    'text',
    'client_request_id',
    'subject',
    'replay_of',
    'shadow_of',
    'release_id',
    'prompt',
    'price',
  ),
  ...columns('text', 'index'),
  {
    name: 'retrieval',
    kind: 'text',
    value: (record) => (record.retrieval === null ? null : JSON.stringify(record.retrieval)),
  },
  ...columns('whole', 'request_bytes', 'response_bytes', 'cost_micro_usd'),
  ...columns('yes or no', 'truncated'),
  ...columns('whole', 'occurrences'),
  ...columns('text', 'writer'),
  ...columns('whole', 'seq'),
  ...columns('text', 'open_record', 'close_record'),
  { name: 'trail', kind: 'bytes', value: (record) => record.trail },
]

const BODY_COLUMNS: readonly Column[] = [
  body('request_body'),
  body('request_body_encoding'),
  body('response_body'),
  body('response_body_encoding'),
  body('body_state'),
]

/** Writes every record. `withBodies` adds the columns of bodies, whether any row has some or not. */
export async function writeParquet(
  records: AsyncIterable<readonly ExportRecord[]>,
  file: ExportFile,
  withBodies: boolean,
): Promise<void> {
  const wanted = withBodies ? [...ROW_COLUMNS, ...BODY_COLUMNS] : ROW_COLUMNS
  const bytes = new ByteWriter(1024 * 1024)
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(wanted), createdBy: 'aval' })
  let group: ExportRecord[] = []
  let size = 0
  const flush = async () => {
    if (group.length > 0)
      await writer.write({ columnData: dataOf(wanted, group), rowGroupSize: group.length })
    group = []
    size = 0
    await file.append(bytes.getBytes())
    // The writer goes on counting offsets; only its buffer begins again.
    bytes.index = 0
  }
  for await (const page of records) {
    for (const record of page) {
      group.push(record)
      size += sizeOf(record)
      if (group.length >= GROUP_ROWS || size >= GROUP_BYTES) await flush()
    }
  }
  await flush()
  await writer.finish()
  await file.append(bytes.getBytes())
}

function columns(kind: Kind, ...names: (keyof ExportRecord)[]): Column[] {
  return names.map((name) => ({
    name,
    kind,
    value: (record) => {
      const value = record[name]
      return kind === 'whole' && typeof value === 'number' ? BigInt(Math.round(value)) : value
    },
  }))
}

function body(name: keyof ExportBodies): Column {
  return { name, kind: 'text', value: ({ bodies }) => bodies?.[name] ?? null }
}

function schemaOf(wanted: readonly Column[]): SchemaElement[] {
  return [
    { name: 'requests', num_children: wanted.length },
    ...wanted.map(({ name, kind }) => ({ name, repetition_type: 'OPTIONAL' as const, ...ELEMENTS[kind] })),
  ]
}

function dataOf(wanted: readonly Column[], group: readonly ExportRecord[]) {
  return wanted.map(({ name, kind, value }) => ({
    name,
    data: group.map((record) => value(record) ?? null),
    // Smallest and largest of long texts help nobody.
    statistics: kind !== 'bytes' && !/record|body|attempts/.test(name),
  }))
}

function sizeOf({ open_record, close_record, bodies }: ExportRecord): number {
  const texts = [open_record, close_record, bodies?.request_body, bodies?.response_body]
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), ROW_BYTES)
}
