/** The thread in which strangers' documents are parsed: a document in, its texts or its error out. Holds nothing between. */

import { parentPort } from 'node:worker_threads'
import { DocumentError, type DocumentProblem } from './document-error.ts'
import { type DocumentInput, parseDocuments } from './parse.ts'
import type { ParsedDocument } from './parsed-document.ts'

export type ParseOrder = { bytes: Uint8Array<ArrayBuffer>; about: DocumentInput }
export type ParseReport =
  | { kind: 'parsed'; documents: ParsedDocument[] }
  | { kind: 'refused'; reason: DocumentProblem; message: string }

async function parse({ bytes, about }: ParseOrder): Promise<ParseReport> {
  try {
    const documents = await parseDocuments(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), about)
    return { kind: 'parsed', documents }
  } catch (error) {
    if (error instanceof DocumentError)
      return { kind: 'refused', reason: error.reason, message: error.message }
    // A library that fell over a document: the next one is read as if nothing had been.
    const why = error instanceof Error ? error.name : 'an error'
    const message = `The document cannot be read: ${why} while parsing ${about.format}. Save it again, or as text.`
    return { kind: 'refused', reason: 'broken', message }
  }
}

parentPort?.on('message', (order: ParseOrder) => {
  void parse(order).then((report) => parentPort?.postMessage(report))
})
