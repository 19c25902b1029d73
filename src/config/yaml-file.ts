/** One YAML file -> one plain value, or sentences about why not. Never throws. */

import { readFileSync } from 'node:fs'
import { parseYaml } from '../lib/yaml.ts'

/** An empty file is an empty object. */
export function readYaml(path: string): { value: unknown } | { problems: readonly string[] } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error'
    return { problems: [`${path}: cannot be read (${code}). Name a file that this user may read.`] }
  }
  return parseYaml(text, path)
}
