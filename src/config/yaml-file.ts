/** One YAML file -> one plain value, or sentences about why not. Never throws, never runs a tag, never expands a bomb. */

import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'

/** A config has no use for more; each alias of an alias multiplies what it stands for. */
const MAX_ALIASES = 100

/** An empty file is an empty object. */
export function readYaml(path: string): { value: unknown } | { problems: readonly string[] } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    return { problems: [`${path}: cannot be read (${code}). Name a file that this user may read.`] }
  }
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    merge: false,
    prettyErrors: false,
  })
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map(
        ({ pos, message }) => `${path}: line ${lines.linePos(pos[0]).line}: not valid YAML: ${message}.`,
      ),
    }
  }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {} }
  } catch (error) {
    // The only things toJS throws: an alias without its anchor, and more aliases than allowed.
    const why = error instanceof Error ? error.message : 'its aliases'
    return { problems: [`${path}: not valid YAML: ${why}. Write the value out instead.`] }
  }
}
