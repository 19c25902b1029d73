/** Bytes of a document -> its text, whatever its format. Pure: the same bytes give the same documents; opens no file. */

import type { JsonObject } from '../../lib/json.ts'
import { cleanText } from './clean-text.ts'
import { readCsv } from './csv.ts'
import { decodeText } from './decode.ts'
import { DocumentError } from './document-error.ts'
import { readDocx } from './docx.ts'
import type { DocumentFormat } from './format.ts'
import { readHtml } from './html.ts'
import { readJsonl } from './jsonl.ts'
import { MAX_FILE_BYTES, MAX_TEXT_CHARS, mebibytes } from './limits.ts'
import { readMarkdown } from './markdown.ts'
import type { ParsedDocument } from './parsed-document.ts'
import { readPdf } from './pdf.ts'

/** The name tells a table with tabs from one with commas and stands in no document. */
export type DocumentInput = { name: string; format: DocumentFormat }

/**
 * One document for a file, one for each row of CSV and JSONL; never none. Throws DocumentError for whatever cannot be
 * read as a whole. Strangers' files are better read by `createParser`, which ends what takes too long.
 */
export async function parseDocuments(
  bytes: Buffer,
  { name, format }: DocumentInput,
): Promise<ParsedDocument[]> {
  if (bytes.length > MAX_FILE_BYTES)
    throw new DocumentError(
      'too_large',
      `The file has ${mebibytes(bytes.length)}, more than ${mebibytes(MAX_FILE_BYTES)}. Split it.`,
    )
  if (bytes.length === 0) throw empty()
  if (format === 'csv' || format === 'jsonl') {
    const text = cleanText(decodeText(bytes))
    const documents = format === 'csv' ? readCsv(text, /\.tsv$/i.test(name) ? '\t' : null) : readJsonl(text)
    if (documents.length === 0) throw empty()
    return documents
  }
  return [wholeFile(await readWhole(bytes, format))]
}

type Whole = { text: string; title: string | null; language: string | null; metadata?: JsonObject }

async function readWhole(bytes: Buffer, format: Exclude<DocumentFormat, 'csv' | 'jsonl'>): Promise<Whole> {
  switch (format) {
    case 'markdown':
      return readMarkdown(cleanText(decodeText(bytes)))
    case 'text':
      return { text: cleanText(decodeText(bytes)), title: null, language: null }
    case 'html':
      return readHtml(decodeText(bytes, 'html'))
    case 'docx':
      return await readDocx(bytes)
    case 'pdf': {
      const { pageStarts, ...rest } = await readPdf(bytes)
      return { ...rest, metadata: { pages: pageStarts.length, page_starts: pageStarts } }
    }
  }
}

function wholeFile({ text, title, language, metadata = {} }: Whole): ParsedDocument {
  const cleaned = cleanText(text)
    .replace(/^\s*\n/, '')
    .trimEnd()
  if (cleaned.trim() === '') throw empty()
  if (cleaned.length > MAX_TEXT_CHARS)
    throw new DocumentError(
      'too_large',
      `The document has more text than ${mebibytes(MAX_TEXT_CHARS)}. Split it.`,
    )
  return { key: null, title, language, text: cleaned, metadata }
}

function empty(): DocumentError {
  return new DocumentError('empty', 'The document is empty. Fill it, or take it out.')
}
