/** JSONL: a document a line, `{id?, text, title?, language?, metadata?}`. One wrong line refuses the file, by its number. */

import { isJsonObject, type JsonObject } from '../../lib/json.ts'
import { nearest } from '../../lib/nearest.ts'
import { DocumentError } from './document-error.ts'
import type { ParsedDocument } from './parsed-document.ts'
import { RowDocuments, textMember } from './rows.ts'

const MEMBERS = ['id', 'text', 'title', 'language', 'metadata']
const SHAPE = '{"id"?, "text", "title"?, "language"?, "metadata"?}'

/** Blank lines are passed over. Throws DocumentError. */
export function readJsonl(text: string): ParsedDocument[] {
  const rows = new RowDocuments()
  let from = 0
  for (let line = 1; from < text.length; line += 1) {
    const end = text.indexOf('\n', from)
    const json = text.slice(from, end === -1 ? text.length : end).trim()
    from = end === -1 ? text.length : end + 1
    if (json !== '') addLine(rows, json, line)
  }
  return rows.documents
}

function addLine(rows: RowDocuments, json: string, line: number): void {
  const where = `Line ${line}`
  const row = parseLine(json, where)
  const unknown = Object.keys(row).find((name) => !MEMBERS.includes(name))
  if (unknown !== undefined) {
    const meant = nearest(unknown.slice(0, 60), MEMBERS)
    const remedy = meant === null ? 'Move it into "metadata".' : `Did you mean "${meant}"?`
    throw new DocumentError(
      'broken',
      `${where}: unknown member ${JSON.stringify(unknown.slice(0, 60))}. ${remedy}`,
    )
  }
  const { id, metadata = {} } = row
  if (!isJsonObject(metadata))
    throw new DocumentError('broken', `${where}: "metadata" is not an object. Write {"name": value}.`)
  const text = textMember(row, 'text', where)
  if (text === null) throw new DocumentError('broken', `${where}: "text" is missing. Write ${SHAPE}.`)
  rows.add(
    {
      id: typeof id === 'number' ? String(id) : textMember(row, 'id', where),
      title: textMember(row, 'title', where),
      language: textMember(row, 'language', where),
      text,
      metadata,
    },
    line,
  )
}

function parseLine(json: string, where: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    // V8's message quotes the document; where it stopped is enough.
    throw new DocumentError('broken', `${where}: not valid JSON. Write ${SHAPE} on one line.`, {
      cause: error,
    })
  }
  if (!isJsonObject(value)) throw new DocumentError('broken', `${where}: not an object. Write ${SHAPE}.`)
  return value
}
