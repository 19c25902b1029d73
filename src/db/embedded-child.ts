/**
 * The process that owns the embedded database: the only one that opens its folder. Lives exactly as long as its parent,
 * takes orders from it alone, and gets no environment.
 */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import type { ChildMessage } from './embedded.ts'
import { AlreadyRunningError, type FolderLock, lockFolder } from './lock.ts'
import { serveSession } from './session-server.ts'
import { shortPath } from './short-path.ts'
import { SOCKET_NAME } from './wire.ts'

/** Enough for the pools of one process: store, shipper, queue, and their listeners. */
const MAX_CONNECTIONS = 32
/** The child of a killed parent leaves when its running statement ends; longer than this is somebody else. */
const ORPHAN_WAIT_MS = 15_000
const ORPHAN_POLL_MS = 50

async function main(folder: string): Promise<void> {
  // Without a parent nobody would ever stop this process, and nobody else could open the folder.
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C and service managers signal the whole group; the parent says when its last row is written.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)

  const socketFolder = join(folder, 'server')
  const lock = await lockPatiently(socketFolder)
  const pglite = await PGlite.create({ dataDir: join(folder, 'data'), extensions: { vector } })
  await pglite.exec('CREATE EXTENSION IF NOT EXISTS vector')
  const short = await shortPath(socketFolder, SOCKET_NAME)
  // Ours alone, since we hold the lock: what a killed process left would make listening fail.
  await rm(join(socketFolder, SOCKET_NAME), { force: true })
  const server = await serveSession(pglite, {
    path: join(short.path, SOCKET_NAME),
    maxConnections: MAX_CONNECTIONS,
    onFatal: (error) => end(error),
  })

  process.on('message', async (message) => {
    if (message !== 'stop') return
    try {
      await server.close()
      // Writes a checkpoint; without it the next start would replay the log.
      await pglite.close()
      await short.remove()
      await lock.release()
      process.exit(0)
    } catch (error) {
      end(error)
    }
  })
  tell({ kind: 'ready' })
}

async function lockPatiently(folder: string): Promise<FolderLock> {
  const deadline = performance.now() + ORPHAN_WAIT_MS
  while (true) {
    try {
      return await lockFolder(folder)
    } catch (error) {
      if (!(error instanceof AlreadyRunningError) || performance.now() > deadline) throw error
    }
    await sleep(ORPHAN_POLL_MS)
  }
}

function tell(message: ChildMessage): void {
  process.send?.(message)
}

/** Leaves at once: after an error in here nothing the database says can be trusted. The parent starts another. */
function end(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  if (error instanceof AlreadyRunningError) tell({ kind: 'locked', pid: error.pid })
  else tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  // Leaves the channel a moment to carry the message; the parent ends this process when it has read it.
  setTimeout(() => process.exit(1), 1_000)
})
