/**
 * PostgreSQL's text of a composite value, `(a,"b c",,"")`: many columns of a row as one text, which arrives and is compared at once.
 * After "Constructing composite values" of its manual (8.16): nothing is NULL, and two texts that are equal hold equal fields. Pure.
 */

/** What has to stand in quotes: a field that is empty, or holds what has a meaning between fields. */
const QUOTED = /^$|[\s"\\(),]/
const DOUBLED = /["\\]/g

/** One of the texts that PostgreSQL reads as these fields, and the one that it nearly always writes. */
export function compositeText(fields: readonly (string | null)[]): string {
  let text = '('
  for (const [at, field] of fields.entries()) {
    if (at > 0) text += ','
    if (field === null) continue
    text += QUOTED.test(field) ? `"${field.replaceAll(DOUBLED, '$&$&')}"` : field
  }
  return `${text})`
}

/** The fields of a text that PostgreSQL wrote. */
export function compositeFields(text: string): (string | null)[] {
  const fields: (string | null)[] = []
  let at = 1
  do {
    const { field, end } = fieldAt(text, at)
    fields.push(field)
    at = end + 1
  } while (text[at - 1] === ',')
  return fields
}

function fieldAt(text: string, start: number): { field: string | null; end: number } {
  let field: string | null = null
  let quoted = false
  let at = start
  for (; at < text.length; at += 1) {
    const letter = text.charAt(at)
    if (!quoted && (letter === ',' || letter === ')')) break
    if (letter === '"' && !(quoted && text[at + 1] === '"')) {
      quoted = !quoted
      field ??= ''
      continue
    }
    // Of two the second one counts.
    if (letter === '"' || letter === '\\') at += 1
    field = (field ?? '') + text.charAt(at)
  }
  return { field, end: at }
}
