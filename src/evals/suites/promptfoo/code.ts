/** Code that a javascript assertion names, when it can run alone: nothing but the language is there. Pure. */

import type { JsonObject, JsonValue } from '../../../lib/json.ts'
import { UNKNOWN_IN_CONTEXT } from '../../scorers/javascript.ts'
import type { FilesBeside } from './files-beside.ts'
import { render } from './render.ts'

type Code = { value: JsonObject } | { why: string }

/** What needs more than the language. Said before anything is asked; what else is not there is an error when it runs. */
const NEEDS: readonly (readonly [RegExp, string])[] = [
  [/\brequire\s*\(|\bimport\s*\(|^[ \t]*import\b/m, 'it loads other modules'],
  [/^[ \t]*export\b.*\bfrom\s*['"]/m, 'it loads other modules'],
  [/\bfetch\s*\(/, 'it calls the network'],
  [/\bprocess\s*\./, 'it reads the process'],
  [
    new RegExp(`\\bcontext\\.(?:${UNKNOWN_IN_CONTEXT.join('|')})\\b`),
    'it reads of the context what is not kept here',
  ],
]
const RUNS_ALONE = 'and code runs alone here'

/** Settings of the scorer `javascript`. Lines are filled with the test's variables, files are not. */
export function readCode(
  value: JsonValue | undefined,
  { variables, files }: { variables: JsonObject; files: FilesBeside },
): Code {
  if (typeof value !== 'string' || value.trim() === '') return { why: 'it has no code as its value' }
  if (value.startsWith('file://')) return readFile(value.slice('file://'.length), files)
  const made = render(value, variables)
  return 'why' in made ? made : alone({ code: made.text })
}

/** `name.js`, or one of its exports as `name.js:function`. */
function readFile(given: string, files: FilesBeside): Code {
  const [, path = '', ending = '', exported] = /^(.*\.(\w+))(?::([\w$]+))?$/.exec(given) ?? []
  if (!['js', 'cjs', 'mjs'].includes(ending)) return { why: `${given}: only files of JavaScript are run` }
  const read = files.text(path)
  if ('why' in read) return { why: `${path}: ${read.why}` }
  const isModule = ending === 'mjs' || (ending === 'js' && /^[ \t]*export\b/m.test(read.text))
  const form = isModule ? 'module' : 'commonjs'
  return alone({ code: read.text, form, ...(exported !== undefined && { exported }) })
}

function alone(settings: JsonObject & { code: string }): Code {
  const need = NEEDS.find(([pattern]) => pattern.test(settings.code))
  return need === undefined ? { value: settings } : { why: `${need[1]}, ${RUNS_ALONE}` }
}
