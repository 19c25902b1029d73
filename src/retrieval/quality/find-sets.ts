/** A folder of sets that are one file each. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export type SetPath = { name: string; path: string }
export type Problems = { problems: readonly string[] }

const FILE_NAME = /^(?<name>.+)\.jsonl(?:\.gz)?$/
const MAX_SETS = 100

/** The sets of a folder, by name. A set given twice, plain and packed, is a problem; other files are none. `shape` says what a row is. */
export function findSetFiles(folder: string, shape: string): { sets: SetPath[] } | Problems {
  let entries: string[]
  try {
    entries = readdirSync(folder).toSorted()
  } catch (error) {
    return { problems: [`${folder}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`] }
  }
  const sets = entries.flatMap((entry) => {
    const name = FILE_NAME.exec(entry)?.groups?.name
    return name === undefined ? [] : [{ name, path: join(folder, entry) }]
  })
  const problems = sets
    .filter(({ name }, at) => sets[at - 1]?.name === name)
    .map(({ name }) => `${folder}: "${name}" is there twice. Keep one file.`)
  if (sets.length === 0)
    problems.push(`${folder}: no set here. One is a file <name>.jsonl or <name>.jsonl.gz. ${shape}`)
  if (sets.length > MAX_SETS)
    problems.push(`${folder}: ${sets.length} sets, more than ${MAX_SETS}. Use several folders.`)
  return problems.length > 0 ? { problems } : { sets }
}
