/** Files that a config of another product names: read only where the config lies, and only so much of them. */

import { readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, resolve, sep } from 'node:path'
import type { ReadBeside } from './registry/prompts/imports/promptfoo-prompts.ts'

/** Of a config's folder and what lies in it, and no file elsewhere, by links neither. */
export function readerBeside(config: string, maxBytes: number): ReadBeside {
  const folder = realpathSync(dirname(config))
  return (given) => {
    if (given.includes('\0')) return { why: 'its path holds a NUL character.' }
    const path = resolve(folder, given)
    if (isAbsolute(given) || !path.startsWith(folder + sep))
      return { why: 'its path leads out of the folder of the config.' }
    let real: string
    try {
      real = realpathSync(path)
    } catch (error) {
      return { why: unreadable(error) }
    }
    if (!real.startsWith(folder + sep)) return { why: 'a link leads out of the folder of the config.' }
    return readBounded(real, maxBytes)
  }
}

export function readBounded(path: string, maxBytes: number): { text: string } | { why: string } {
  try {
    const file = statSync(path)
    if (!file.isFile()) return { why: 'not a file.' }
    if (file.size > maxBytes) return { why: `larger than ${maxBytes} bytes.` }
    return { text: readFileSync(path, 'utf8').replace(/^\uFEFF/, '') }
  } catch (error) {
    return { why: unreadable(error) }
  }
}

export function unreadable(error: unknown): string {
  return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`
}

/** That of the file; of its folder where every file of the kind is called the same. */
export function nameOfConfig(path: string): string {
  const stem = basename(path).replace(/\.[^.]+$/, '')
  return ['samples', 'promptfooconfig'].includes(stem) ? basename(dirname(path)) : stem
}
