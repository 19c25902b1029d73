/** `aval source push`: the rows of a file into a source, batch by batch. The whole file is looked at before the first. */

import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatBytes } from '../../format.ts'
import { type Look, startProgress } from '../../progress.ts'
import { bringDeclaredSource } from './declared.ts'
import { type Source, sourcePath } from './wire.ts'

type Row = Record<string, unknown>
/** `lines` are those the rows stand on. */
type Batch = { rows: Row[]; lines: number[]; bytesRead: number }

/** What the server takes at once is 1,000 rows and 16 MiB. */
const MAX_ROWS = 1_000
const MAX_BATCH_BYTES = 8 * 1024 ** 2
const MAX_LINE_BYTES = 12 * 1024 ** 2
const LOOK: Look = {
  bar: '{bar} {percentage} %  {rows} documents  {read} of {size}  eta {eta_formatted}',
  line: ({ words }, percent) => `${percent ?? 0} %  ${words?.rows ?? 0} documents`,
}

export function addSourcePushCommand(source: Command, context: CliContext): void {
  withExamples(
    withJson(
      source
        .command('push')
        .argument('<name>', 'a source that is pushed into')
        .argument('<file>', 'JSON lines of {"key", "text", "title"?, "language"?, "metadata"?}')
        .description('add documents to a source, or replace them by key'),
    ),
    'aval source push tickets tickets.jsonl',
    `echo '{"key":"4711","text":"The lamp flickers.","metadata":{"team":"north"}}' > one.jsonl && aval source push tickets one.jsonl`,
  ).action(
    context.run((name: string, file: string, options: { json?: boolean }) =>
      push(context, name, file, options),
    ),
  )
}

async function push(
  context: CliContext,
  name: string,
  file: string,
  { json }: { json?: boolean },
): Promise<undefined> {
  const size = sizeOf(file)
  let rows = 0
  for await (const batch of batchesOf(file)) rows += batch.rows.length
  if (rows === 0) throw new CliError(EXIT.emptyInput, `${file}: no rows. Write one JSON object a line.`)
  await bringDeclaredSource(context, name, json === true)
  const progress = startProgress(context.terminal, LOOK, json === true)
  let done = 0
  let source: Source | null = null
  try {
    for await (const batch of batchesOf(file)) {
      source = await pushBatch(context, name, file, batch)
      done += batch.rows.length
      const words = { rows: String(done), read: formatBytes(batch.bytesRead), size: formatBytes(size) }
      progress.update({ done: batch.bytesRead, total: size, words })
    }
  } finally {
    progress.stop()
  }
  if (json) writeJson(context, { pushed: done, source })
  else context.terminal.write(`${done} pushed; ${name} has ${source?.documents ?? 0} documents.\n`)
  return undefined
}

async function pushBatch(context: CliContext, name: string, file: string, batch: Batch): Promise<Source> {
  const { rows: documents, lines } = batch
  try {
    return await context.client.json<Source>({
      method: 'POST',
      path: `${sourcePath(name)}/documents`,
      body: { documents },
    })
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const where = `${file} lines ${lines[0]} to ${lines.at(-1)}`
    const message = error.message.replace(/documents\.(\d+)/, (_all, at) => `line ${lines[Number(at)]}`)
    throw new CliError(
      error.exitCode,
      `${where}: ${message}\nWhat stands before them is pushed; again is safe.`,
    )
  }
}

function sizeOf(file: string): number {
  try {
    const found = statSync(file)
    if (found.isFile()) return found.size
    throw new CliError(EXIT.emptyInput, `${file}: not a file.`)
  } catch (error) {
    if (error instanceof CliError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    throw new CliError(EXIT.emptyInput, `${file}: cannot be read (${code}). Name a file of JSON lines.`)
  }
}

async function* batchesOf(file: string): AsyncGenerator<Batch> {
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  let batch: Batch = { rows: [], lines: [], bytesRead: 0 }
  let bytes = 0
  let line = 0
  for await (const text of lines) {
    line += 1
    const length = Buffer.byteLength(text)
    if (length > MAX_LINE_BYTES) {
      throw new CliError(
        EXIT.emptyInput,
        `${file} line ${line}: ${length} bytes, more than ${MAX_LINE_BYTES}.`,
      )
    }
    const row = readRow(text, file, line)
    const isFull = batch.rows.length >= MAX_ROWS || bytes + length > MAX_BATCH_BYTES
    if (isFull && batch.rows.length > 0) {
      yield batch
      batch = { rows: [], lines: [], bytesRead: batch.bytesRead }
      bytes = 0
    }
    if (row !== null) {
      batch.rows.push(row)
      batch.lines.push(line)
    }
    batch.bytesRead += length + 1
    bytes += length
  }
  if (batch.rows.length > 0) yield batch
}

function readRow(text: string, file: string, line: number): Row | null {
  const trimmed = (line === 1 ? text.replace(/^\uFEFF/, '') : text).trim()
  if (trimmed === '') return null
  const wrong = (what: string) =>
    new CliError(EXIT.emptyInput, `${file} line ${line}: ${what} Nothing was pushed.`)
  let value: unknown
  try {
    value = JSON.parse(trimmed)
  } catch {
    throw wrong('not JSON. Write one object a line, without line breaks in it.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('not a JSON object.')
  const row = value as Row
  // Files of JSON lines that a folder holds name their rows by "id".
  const { id, ...rest } = row
  const key = rest.key ?? (typeof id === 'number' ? String(id) : id)
  if (typeof key !== 'string') throw wrong('"key" (or "id") is missing, or no text.')
  if (typeof row.text !== 'string') throw wrong('"text" is missing, or no text.')
  return { ...rest, key }
}
