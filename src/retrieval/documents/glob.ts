/** Globs over paths relative to a folder, run by RE2: whoever writes the pattern cannot make matching slow. */

import { compileLinearRegex, type LinearRegex } from '../../lib/linear-regex.ts'
import { DocumentError } from './document-error.ts'

const MAX_GLOBS = 100
const MAX_GLOB_CHARS = 300
const GLOB_RULE = '`*` and `?` stand for letters of one name, `**` for folders, `{a,b}` for either'

/**
 * A test whether a posix path matches one of the globs. `*.md` matches in the root alone, `**` + `/*.md` anywhere; a
 * folder's name with a `/` at its end matches all below it. Throws DocumentError `unsupported` for a wrong pattern.
 */
export function compileGlobs(globs: readonly string[]): (path: string) => boolean {
  if (globs.length > MAX_GLOBS)
    throw new DocumentError('too_many', `${globs.length} patterns are more than ${MAX_GLOBS}. Use {a,b}.`)
  const patterns = globs.map(compileGlob)
  return (path) => patterns.some((pattern) => pattern.matches(path))
}

function compileGlob(glob: string): LinearRegex {
  const shown = JSON.stringify(glob.slice(0, 60))
  if (glob === '' || glob.length > MAX_GLOB_CHARS)
    throw new DocumentError(
      'unsupported',
      `The pattern ${shown} has ${glob.length} characters. Write 1 to ${MAX_GLOB_CHARS}.`,
    )
  const compiled = compileLinearRegex(translate(glob), 'allowed')
  if (!('expected' in compiled)) return compiled
  throw new DocumentError('unsupported', `The pattern ${shown} is none: ${GLOB_RULE}.`)
}

/** The pattern of RE2 that matches what the glob does, as a whole. */
function translate(glob: string): string {
  const whole = (glob.endsWith('/') ? `${glob}**` : glob).replace(/^\.?\//, '')
  const tokens = whole.match(/\*\*\/|\*\*|[\s\S]/gu) ?? []
  let open = 0
  const parts = tokens.map((token) => {
    if (token === '{') open += 1
    if (token === '}') open -= 1
    return translateToken(token, open)
  })
  return `^(?:${parts.join('')})$`
}

function translateToken(token: string, open: number): string {
  switch (token) {
    case '**/':
      return '(?:.*/)?'
    case '**':
      return '.*'
    case '*':
      return '[^/]*'
    case '?':
      return '[^/]'
    case '{':
      return '(?:'
    case '}':
      return ')'
    case ',':
      return open > 0 ? '|' : ','
    default:
      return token.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
  }
}
