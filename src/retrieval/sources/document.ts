/** A document as it is kept: its content and the hash of all of it. */

import { contentOf } from '../../registry/content.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'
import type { ParsedDocument } from '../documents/parsed-document.ts'
import type { SourceAbout } from './settings.ts'
import type { StoredDocument } from './stored-documents.ts'

/**
 * `file` is the key of the file it stood in; rows of a table have their own key behind it. `chunker` is how this document
 * wants to be cut, where not as its index says.
 */
export function storedDocument(
  { key, title, language, text, metadata }: ParsedDocument,
  file: string,
  about: SourceAbout,
  chunker: ChunkerSettings | null = null,
): StoredDocument {
  const whole = {
    key: key === null ? file : `${file}#${key}`,
    title,
    language: language ?? about.language,
    licence: about.licence,
    metadata,
    body: text,
  }
  const { hash } = contentOf(chunker === null ? whole : { ...whole, chunker })
  return {
    ...whole,
    metadata: JSON.stringify(metadata),
    chunker: chunker === null ? null : contentOf(chunker).text,
    hash,
  }
}
