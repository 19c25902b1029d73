/**
 * The process that takes a scratch folder or database away once its parent has no more use for it, or is no more. Does
 * nothing else, and touches nothing but what it was told.
 */

import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { openPool } from './pool.ts'
import type { Leftover, RemoverMessage } from './scratch.ts'

/** An embedded database whose parent was killed may still write for a while. */
const FOLDER_TRIES = 150
const TRY_EVERY_MS = 200
/** So long must a folder have been gone. */
const TRIES_GONE = 3

let told: RemoverMessage = { kind: 'nothing' }

process.on('message', (message) => {
  told = message as RemoverMessage
})
process.on('disconnect', () => {
  remove(told).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    },
  )
})
// Only the end of the channel ends this process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

async function remove(leftover: RemoverMessage): Promise<void> {
  if (leftover.kind === 'folder') await removeFolder(leftover)
  if (leftover.kind === 'database') await dropDatabase(leftover)
}

async function removeFolder({ path }: Extract<Leftover, { kind: 'folder' }>): Promise<void> {
  let gone = 0
  for (let tries = 0; tries < FOLDER_TRIES && gone < TRIES_GONE; tries += 1) {
    if (tries > 0) await sleep(TRY_EVERY_MS)
    gone = existsSync(path) ? 0 : gone + 1
    // Somebody may write into it at this moment: the next try takes that too.
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
  if (existsSync(path)) throw new Error(`The folder ${path} could not be deleted.`)
}

async function dropDatabase({ server, name }: Extract<Leftover, { kind: 'database' }>): Promise<void> {
  const pool = openPool(server, { maxConnections: 1, applicationName: 'aval scratch' })
  try {
    await pool.sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  } finally {
    await pool.close()
  }
}
