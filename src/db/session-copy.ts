/**
 * COPY … FROM STDIN on the embedded database's socket. The database cannot wait for a client, since WebAssembly has the thread:
 * so a copy is gathered here until it ends, and then executed at once, by the database's own protocol. Knows which statements begin
 * one. Pure: knows no socket and no database, and changes no statement.
 */

import { encodeMessage, type WireMessage } from './wire.ts'

const IDENTIFIER = /"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*/gi
const NAME = `(?:${IDENTIFIER.source})`
/** The form that is carried: its columns are named, so they are counted without asking the database. */
const CARRIED = new RegExp(
  `^copy\\s+${NAME}(?:\\s*\\.\\s*${NAME})?\\s*\\((\\s*${NAME}(?:\\s*,\\s*${NAME})*\\s*)\\)` +
    '\\s*from\\s+stdin\\s*(?:\\bwith\\s*)?\\(\\s*format\\s+binary\\s*\\)\\s*;?\\s*$',
  'i',
)
/** PostgreSQL takes STDOUT for STDIN here. */
const ANY_FORM = /^copy\b[\s\S]*\bfrom(?:\s|--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)+std(?:in|out)\b/i

const REMEDY =
  'The embedded database carries COPY table (columns) FROM STDIN (FORMAT binary), as the one statement of a simple query. Write it so, or insert batches with unnest().'

/** How many columns a statement copies in; null when it is no COPY of the form that is carried. */
export function copiedColumns(text: string): number | null {
  const list = CARRIED.exec(text)?.[1]
  return list === undefined ? null : [...list.matchAll(IDENTIFIER)].length
}

/** True for a statement that begins a copy in any form. */
export function copies(text: string): boolean {
  return ANY_FORM.test(text)
}

/** True for text that may hold such a statement somewhere; whether it does, its parser alone can say. */
export function mayCopy(text: string): boolean {
  let at = 0
  for (const word of [/\bcopy\b/gi, /\bfrom\b/gi, /\bstd(?:in|out)\b/gi]) {
    word.lastIndex = at
    if (!word.test(text)) return false
    at = word.lastIndex
  }
  return true
}

/** A Query, or a Parse by this name, that fails with 0A000 and the remedy: in the place of one that begins a copy. */
export function refusedCopy(type: string, name: string): Buffer {
  const statement = failing('feature_not_supported', REMEDY)
  return type === 'Q' ? encodeMessage('Q', statement) : encodeMessage('P', name, statement, Buffer.alloc(2))
}

/** Behind a query: ends with the remedy a copy that it may begin, and is nothing to the database when it begins none. */
export function endOfCopy(): Buffer {
  return encodeMessage('f', REMEDY)
}

function failing(condition: string, why: string): string {
  return `DO $$ BEGIN RAISE EXCEPTION '${why}' USING ERRCODE = '${condition}'; END $$`
}

/** CopyData, CopyDone and CopyFail. Outside of a copy they mean nothing: sent before the client read that it had failed. */
export function isCopyMessage(message: WireMessage): boolean {
  return ['d', 'c', 'f'].includes(message.type)
}

/** One copy from its statement to its end. */
export class GatheredCopy {
  readonly #parts: Buffer[]
  readonly #maxBytes: number
  #bytes = 0

  /** `statement` is the Query message. */
  constructor(statement: WireMessage, maxBytes: number) {
    this.#parts = [statement.bytes]
    this.#maxBytes = maxBytes
  }

  /**
   * Everything to execute when this message ends the copy, null while it goes on. A copy above its bound ends at once, in a
   * statement that fails with 54000. Throws RangeError for a message that has no place in a copy.
   */
  take(message: WireMessage): Buffer | null {
    const { type } = message
    // Sync and Flush, which the protocol lets a client send here.
    if (type === 'S' || type === 'H') return null
    if (!isCopyMessage(message)) throw new RangeError(`A message of type ${type} came before the copy's end.`)
    this.#bytes += message.bytes.length
    if (this.#bytes > this.#maxBytes) {
      const why = `A COPY into the embedded database has at most ${this.#maxBytes} bytes. Copy fewer rows at a time.`
      return encodeMessage('Q', failing('program_limit_exceeded', why))
    }
    this.#parts.push(message.bytes)
    return type === 'd' ? null : Buffer.concat(this.#parts)
  }
}
