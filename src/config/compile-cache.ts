/**
 * Node's compile cache in the data folder: later starts load no TypeScript compiler, which saves a process about
 * 12 MB for itself and for each of its threads, and part of a second. Nothing depends on it.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join, resolve } from 'node:path'

/** `command` is the first word of the command line; only `serve` may make a data folder. Never throws. */
export function startCompileCache(command: string | undefined): void {
  const home = resolve(process.env.AVAL_HOME || '.aval')
  try {
    // Not recursive: below /proc Node's recursive mkdir never returns. Without its parent the first start has no cache.
    if (command === 'serve' && !existsSync(home)) mkdirSync(home, { mode: 0o700 })
    if (!existsSync(home)) return
    const folder = join(home, 'cache')
    enableCompileCache(folder)
    // Threads and child processes look here.
    process.env.NODE_COMPILE_CACHE = folder
  } catch {
    // A folder that cannot be made is reported by whoever needs it; without a cache everything works the same.
  }
}
