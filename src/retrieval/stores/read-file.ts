/** From the bytes of an uploaded file to the documents of a store, or to why there are none. */

import type { Sql } from 'postgres'
import type { JsonObject } from '../../lib/json.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'
import { DocumentError, type DocumentProblem } from '../documents/document-error.ts'
import { type DocumentFormat, formatOf, READABLE_FORMATS } from '../documents/format.ts'
import { MAX_TITLE_CHARS } from '../documents/limits.ts'
import type { Parser } from '../documents/parser.ts'
import { type FileRow, findPart } from '../files/store.ts'
import { storedDocument } from '../sources/document.ts'
import { pushedSettings } from '../sources/settings.ts'
import type { StoredDocument } from '../sources/stored-documents.ts'
import type { WaitingFile } from './work-rows.ts'

export type FileProblem = { code: 'unsupported_file' | 'invalid_file'; message: string }

/** Source code and data that people put into vector stores: text, whatever its language. */
const TEXT_FILES =
  /\.(?:c|cc|cpp|cs|css|go|h|hpp|java|js|json|jsx|kt|lua|mjs|php|pl|py|r|rb|rs|scala|sh|sql|swift|tex|toml|ts|tsx|xml|ya?ml)$/i
const TEXT_TYPES = /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|javascript|typescript|sql|x-sh)\b)/i
const UNSUPPORTED: ReadonlySet<DocumentProblem> = new Set(['unsupported', 'binary'])
/** As much as `last_error.message` of a client should have to show. */
const MAX_MESSAGE_LETTERS = 500

/**
 * The documents of a file, each with the file's id as its key. What the client says of the file stands in their metadata
 * beside what the file says of itself, and its store, so that no two stores share a text.
 */
export async function readStoreFile(
  { sql, parser }: { sql: Sql; parser: Pick<Parser, 'parse'> },
  storeId: string,
  { file, attributes, chunker }: WaitingFile,
): Promise<{ documents: StoredDocument[] } | { problem: FileProblem }> {
  try {
    const format = formatOfFile(file)
    const parsed = await parser.parse(await wholeFile(sql, file), { name: file.name, format })
    const given = JSON.parse(attributes) as JsonObject
    const cut = chunker === null ? null : (JSON.parse(chunker) as ChunkerSettings)
    const about = pushedSettings.parse({})
    const documents = parsed.map((document) => {
      const metadata = { ...document.metadata, ...given, filename: file.name, vector_store_id: storeId }
      const title = document.title ?? file.name.slice(0, MAX_TITLE_CHARS)
      return storedDocument({ ...document, title, metadata }, file.id, about, cut)
    })
    return { documents }
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error
    const code = UNSUPPORTED.has(error.reason) ? 'unsupported_file' : 'invalid_file'
    return { problem: { code, message: error.message.slice(0, MAX_MESSAGE_LETTERS) } }
  }
}

function formatOfFile({ name, mediaType }: FileRow): DocumentFormat {
  const format = formatOf(name, mediaType)
  if (format !== null) return format
  if (TEXT_FILES.test(name) || (mediaType !== null && TEXT_TYPES.test(mediaType))) return 'text'
  throw new DocumentError(
    'unsupported',
    `${name.slice(0, 100)} has no format that can be read. Upload ${READABLE_FORMATS}, or source code.`,
  )
}

/** At most 64 MiB: parsers want all of it. */
async function wholeFile(sql: Sql, { id, bytes }: FileRow): Promise<Buffer> {
  const whole = Buffer.alloc(bytes)
  let at = 0
  for (let part = 0; at < bytes; part += 1) {
    const found = await findPart(sql, id, part)
    if (found === null || found.length === 0) {
      throw new DocumentError('unreadable', 'The file was deleted before it was read.')
    }
    at += found.copy(whole, at)
  }
  return whole
}
