/** Which kinds of documents can be read, told from a file's name and a media type. Never looks at the bytes. */

export type DocumentFormat = 'markdown' | 'text' | 'html' | 'pdf' | 'docx' | 'csv' | 'jsonl'

const BY_EXTENSION: ReadonlyMap<string, DocumentFormat> = new Map([
  ['md', 'markdown'],
  ['markdown', 'markdown'],
  ['mdx', 'markdown'],
  ['txt', 'text'],
  ['text', 'text'],
  ['log', 'text'],
  ['rst', 'text'],
  ['adoc', 'text'],
  ['html', 'html'],
  ['htm', 'html'],
  ['xhtml', 'html'],
  ['pdf', 'pdf'],
  ['docx', 'docx'],
  ['docm', 'docx'],
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
])

const BY_MEDIA_TYPE: ReadonlyMap<string, DocumentFormat> = new Map([
  ['text/markdown', 'markdown'],
  ['text/x-markdown', 'markdown'],
  ['text/plain', 'text'],
  ['text/html', 'html'],
  ['application/xhtml+xml', 'html'],
  ['application/pdf', 'pdf'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-word.document.macroenabled.12', 'docx'],
  ['text/csv', 'csv'],
  ['text/tab-separated-values', 'csv'],
  ['application/jsonl', 'jsonl'],
  ['application/x-ndjson', 'jsonl'],
  ['application/x-jsonlines', 'jsonl'],
])

/** What can be read, for errors. */
export const READABLE_FORMATS = 'Markdown, text, HTML, PDF, DOCX, CSV and JSONL'

/**
 * The format of a document, null when it is none that can be read. The name's ending decides where it says anything:
 * servers and browsers send `text/plain` and `application/octet-stream` for whatever they do not know.
 */
export function formatOf(name: string, mediaType: string | null): DocumentFormat | null {
  const extension = /\.([a-z0-9]{1,10})$/i.exec(name)?.[1]?.toLowerCase()
  const named = extension === undefined ? undefined : BY_EXTENSION.get(extension)
  if (named !== undefined) return named
  const bare = mediaType?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return BY_MEDIA_TYPE.get(bare) ?? null
}
