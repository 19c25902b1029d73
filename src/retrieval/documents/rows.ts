/** Rows of a file as documents: their keys are told apart, their number and their size together are bounded. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { cleanLanguage, cleanLine, cleanText } from './clean-text.ts'
import { DocumentError } from './document-error.ts'
import {
  MAX_KEY_CHARS,
  MAX_ROWS,
  MAX_ROWS_CHARS,
  MAX_TEXT_CHARS,
  MAX_TITLE_CHARS,
  mebibytes,
} from './limits.ts'
import { cleanMetadata } from './metadata.ts'
import type { ParsedDocument } from './parsed-document.ts'

export type Row = {
  /** Null when the file names none: then the row's own number is its key. */
  id: string | null
  title: string | null
  language: string | null
  text: string
  metadata: JsonObject
}

export class RowDocuments {
  readonly documents: ParsedDocument[] = []
  readonly #lineOfKey = new Map<string, number>()
  #chars = 0

  /** Throws DocumentError with the line's number for a row that is empty, too large, or has another row's id. */
  add(row: Row, line: number): void {
    const where = `Line ${line}`
    if (this.documents.length === MAX_ROWS)
      throw new DocumentError('too_many', `The file has more than ${MAX_ROWS} rows. Split it.`)
    const text = cleanText(row.text).trim()
    if (text === '')
      throw new DocumentError('empty', `${where}: the text is empty. Fill it, or take the row out.`)
    if (text.length > MAX_TEXT_CHARS)
      throw new DocumentError('too_large', `${where}: more text than ${mebibytes(MAX_TEXT_CHARS)}. Split it.`)
    const metadata = cleanMetadata(row.metadata, where)
    this.#count(text.length + JSON.stringify(metadata).length)
    this.documents.push({
      key: this.#keyOf(row.id, line),
      title: row.title === null ? null : cleanLine(row.title, MAX_TITLE_CHARS),
      language: languageOf(row.language, where),
      text,
      metadata,
    })
  }

  #keyOf(id: string | null, line: number): string {
    const key = cleanText(id ?? `row-${this.documents.length + 1}`).trim()
    if (key === '' || key.length > MAX_KEY_CHARS || /\n/.test(key))
      throw new DocumentError(
        'broken',
        `Line ${line}: an id of ${key.length} characters. Write 1 to ${MAX_KEY_CHARS}, on one line.`,
      )
    const other = this.#lineOfKey.get(key)
    if (other !== undefined)
      throw new DocumentError(
        'broken',
        `Line ${line}: the id ${JSON.stringify(key.slice(0, 60))} is that of line ${other}. Give each row its own.`,
      )
    this.#lineOfKey.set(key, line)
    return key
  }

  #count(chars: number): void {
    this.#chars += chars
    if (this.#chars > MAX_ROWS_CHARS)
      throw new DocumentError(
        'too_large',
        `The rows have more text than ${mebibytes(MAX_ROWS_CHARS)} together. Split the file.`,
      )
  }
}

function languageOf(text: string | null, where: string): string | null {
  if (text === null || text.trim() === '') return null
  const language = cleanLanguage(text)
  if (language === null && text.trim().toLowerCase() !== 'und')
    throw new DocumentError(
      'broken',
      `${where}: the language ${JSON.stringify(text.slice(0, 40))} is none. Write a BCP 47 tag such as "en" or "pt-BR".`,
    )
  return language
}

/** Members of a row that say what kind of value is wrong; shared, so that every format says it alike. */
export function textMember(row: JsonObject, name: string, where: string): string | null {
  const value = row[name]
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  const kind = Array.isArray(value)
    ? 'a list'
    : isJsonObject(value)
      ? 'an object'
      : `the ${typeof value} ${value}`
  throw new DocumentError('broken', `${where}: "${name}" is ${kind} where a text is expected.`)
}
