/** Parsing as tests ask for it: one document's text, or the word with which it was refused. */

import { DocumentError } from '../../src/retrieval/documents/document-error.ts'
import type { DocumentFormat } from '../../src/retrieval/documents/format.ts'
import { parseDocuments } from '../../src/retrieval/documents/parse.ts'
import type { ParsedDocument } from '../../src/retrieval/documents/parsed-document.ts'

export async function parseOne(format: DocumentFormat, content: string | Buffer): Promise<ParsedDocument> {
  const [document, ...more] = await parseDocuments(Buffer.from(content), { name: 'document', format })
  if (document === undefined || more.length > 0) throw new Error(`${more.length} more documents than one.`)
  return document
}

/** `reason: message` of the refusal; anything else that is thrown comes through. */
export async function refusal(parsing: Promise<unknown>): Promise<string> {
  try {
    await parsing
  } catch (error) {
    if (error instanceof DocumentError) return `${error.reason}: ${error.message}`
    throw error
  }
  return 'was not refused'
}
