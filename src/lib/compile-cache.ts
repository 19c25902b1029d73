/** What a thread needs of its process's environment to load its code compiled. */

import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'

/**
 * The environment that gives a thread the process's compile cache and nothing else. Threads here end often, and V8 may
 * abort where one ends that has loaded TypeScript's compiler (github.com/nodejs/node/issues/64500).
 */
export function compileCache(): Record<string, string> {
  const folder = getCompileCacheDir()
  // The folder in use is the one asked for and a name for Node's version.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) }
}
