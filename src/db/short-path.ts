/**
 * Short names for folders with sockets in them. The kernel limits the path that names a Unix socket to about a hundred
 * bytes; the socket itself may lie as deep as anyone likes. Never moves a socket out of its folder.
 */

import { constants } from 'node:fs'
import { mkdtemp, open, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** sun_path holds 108 bytes on Linux and 104 on macOS, a terminating zero included (unix(7)). */
const MAX_SOCKET_PATH_BYTES = 103

export type ShortPath = {
  /** A path to the folder, valid in this process alone. */
  path: string
  /** Gives the path up. Sockets that were bound or connected through it stay as they are. */
  remove(): Promise<void>
}

/**
 * The folder itself when `folder/longestName` fits into a socket address. Otherwise, on Linux, the folder's entry under
 * /proc/self/fd, which nobody can replace and which leaves nothing behind; elsewhere a link in a private temporary folder.
 */
export async function shortPath(folder: string, longestName: string): Promise<ShortPath> {
  if (Buffer.byteLength(join(folder, longestName)) <= MAX_SOCKET_PATH_BYTES) {
    return { path: folder, remove: async () => undefined }
  }
  if (process.platform === 'linux') {
    const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    return { path: `/proc/self/fd/${handle.fd}`, remove: () => handle.close() }
  }
  const home = await mkdtemp(join(tmpdir(), 'aval-'))
  const path = join(home, 'd')
  await symlink(folder, path)
  return { path, remove: () => rm(home, { recursive: true, force: true }) }
}
