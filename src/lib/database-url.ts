/** How the embedded database is named where a server would have a URL. Pure. */

import { isAbsolute } from 'node:path'

const PREFIX = 'unix:'

/**
 * `unix:/directory` for a database that listens on `/directory/.s.PGSQL.5432`.
 * Throws a RangeError when the directory is not absolute.
 */
export function embeddedUrl(directory: string): string {
  if (!isAbsolute(directory)) throw new RangeError(`The socket directory "${directory}" is not absolute.`)
  return `${PREFIX}${directory}`
}

/** The socket directory in a URL made by `embeddedUrl`; null for the URL of a server. */
export function embeddedDirectory(url: string): string | null {
  return url.startsWith(PREFIX) ? url.slice(PREFIX.length) : null
}
