/** An export as gzipped JSON, one row a line: what every tool reads. Streams; never holds more than a row and a window. */

import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { ExportFile } from './export-file.ts'
import type { ExportRecord } from './records.ts'

/** Writes every record; the order of names is the order of the wire, then evidence, then bodies. */
export async function writeJsonLines(
  records: AsyncIterable<readonly ExportRecord[]>,
  file: ExportFile,
): Promise<void> {
  await pipeline(lines(records), createGzip(), async (compressed: AsyncIterable<Buffer>) => {
    for await (const chunk of compressed) await file.append(chunk)
  })
}

async function* lines(records: AsyncIterable<readonly ExportRecord[]>): AsyncGenerator<string> {
  for await (const page of records) {
    for (const { trail, bodies, ...row } of page) {
      yield `${JSON.stringify({ ...row, trail: trail?.toString('base64') ?? null, ...bodies })}\n`
    }
  }
}
