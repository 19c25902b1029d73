/** What parsing makes of a file: one document, or one for each row. */

import type { JsonObject } from '../../lib/json.ts'

export type ParsedDocument = {
  /** A row's id in its file (`row-3` for a row without one); null for a whole file. */
  key: string | null
  title: string | null
  /** BCP 47, when the document says so. */
  language: string | null
  /** NFC, `\n` line ends, headings as Markdown's `#` lines; never blank. */
  text: string
  metadata: JsonObject
}
