/**
 * What YAML can write and a version cannot hold: values that JSON has no form for, another object's nature in place of a
 * member, and more than a file this long can mean. Looked at before anything else walks the value.
 */

/** Aliases write a value out many times. */
const MAX_VALUES = 100_000
const MAX_CHARACTERS = 512 * 1024
const MAX_DEPTH = 60

type Counted = { values: number; characters: number }

/** The first thing that is wrong, after its path; null when nothing is. */
export function findForeign(value: unknown): string | null {
  return findIn(value, [], { values: 0, characters: 0 })
}

function findIn(value: unknown, path: readonly string[], counted: Counted): string | null {
  const problem = wrongWith(value, path.length, counted)
  if (problem !== null) return `${path.join('.') || '(top level)'}: ${problem}`
  if (typeof value !== 'object' || value === null) return null
  for (const [name, member] of Object.entries(value)) {
    const wrongName = wrongWithName(name)
    if (wrongName !== null) return `${path.join('.') || '(top level)'}: ${wrongName}`
    const found = findIn(member, [...path, name], counted)
    if (found !== null) return found
  }
  return null
}

function wrongWith(value: unknown, depth: number, counted: Counted): string | null {
  counted.values += 1
  if (depth > MAX_DEPTH) return 'nested too deeply. Write it flatter.'
  if (counted.values > MAX_VALUES) return `with its aliases more than ${MAX_VALUES} values. Use fewer.`
  if (typeof value === 'number' && !Number.isFinite(value))
    return `${value} where a finite number is expected.`
  if (typeof value === 'string') return wrongWithText(value, counted)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  if (Object.getPrototypeOf(value) === Object.prototype) return null
  return 'a YAML tag made something else than a text, a number, a list or an object. Leave it out.'
}

function wrongWithText(text: string, counted: Counted): string | null {
  counted.characters += text.length
  if (counted.characters > MAX_CHARACTERS)
    return `with its aliases more than ${MAX_CHARACTERS} characters. Use fewer.`
  if (!text.isWellFormed()) return 'holds half a character. Write it whole.'
  // The database has no place for it.
  return text.includes('\0') ? 'holds a NUL character. Leave it out.' : null
}

function wrongWithName(name: string): string | null {
  if (name.includes('\0')) return 'a key holds a NUL character. Leave it out.'
  if (name === '__proto__') return 'the key "__proto__" is not allowed. Choose another name.'
  // What YAML makes of an unquoted {{name}}: an object whose key is an object.
  if (!name.startsWith('{ ') && !name.startsWith('{{')) return null
  return 'an object where a text is expected. Put quotes around what begins with {{.'
}
