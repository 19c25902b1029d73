/** A document as it is kept: its content and the hash of all of it. */

import { contentOf } from '../../registry/content.ts'
import type { ParsedDocument } from '../documents/parsed-document.ts'
import type { SourceAbout } from './settings.ts'
import type { StoredDocument } from './stored-documents.ts'

/** `file` is the key of the file it stood in; rows of a table have their own key behind it. */
export function storedDocument(
  { key, title, language, text, metadata }: ParsedDocument,
  file: string,
  about: SourceAbout,
): StoredDocument {
  const whole = {
    key: key === null ? file : `${file}#${key}`,
    title,
    language: language ?? about.language,
    licence: about.licence,
    metadata,
    body: text,
  }
  return { ...whole, metadata: JSON.stringify(metadata), hash: contentOf(whole).hash }
}
