/** The embedded database's URL for another process. Never opens a connection. */

import { embeddedDirectory, embeddedUrl } from '../lib/database-url.ts'
import { shortPath } from './short-path.ts'
import { SOCKET_NAME } from './wire.ts'

export type SocketUrl = {
  /** For `connectDatabase` in this process. */
  url: string
  /** Gives the short name up; connections opened through it stay. */
  remove(): Promise<void>
}

/**
 * A short name is valid in the process that made it alone, so a process that is given `unix:/a/very/long/folder` makes
 * its own before it connects. The URL of a server is returned as it is.
 */
export async function socketUrl(url: string): Promise<SocketUrl> {
  const folder = embeddedDirectory(url)
  if (folder === null) return { url, remove: async () => undefined }
  const short = await shortPath(folder, SOCKET_NAME)
  return { url: embeddedUrl(short.path), remove: short.remove }
}
