/**
 * A place for a database that nobody keeps: a folder for an embedded one, or a database of its own on somebody's server.
 * A process beside this one takes it away as soon as this one is done or gone, also when it was killed.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openPool } from './pool.ts'

/** What the remover is told; it acts when the channel ends. */
export type Leftover = { kind: 'folder'; path: string } | { kind: 'database'; server: string; name: string }
export type RemoverMessage = Leftover | { kind: 'nothing' }

export type Scratch = {
  /** Of the database on the server; null for an embedded one, which gets its folder. */
  url: string | null
  folder: string
  /** Close every connection first. Throws with the name of what could not be taken away. Safe to call twice. */
  remove(): Promise<void>
}

const REMOVER = fileURLToPath(new URL('./scratch-remover.ts', import.meta.url))
const REMOVE_TIMEOUT_MS = 60_000

/** `server` null makes a folder below the system's temporary one. Throws what the server answers to CREATE DATABASE. */
export async function makeScratch(server: string | null): Promise<Scratch> {
  const name = `aval_scratch_${randomBytes(6).toString('hex')}`
  const folder = join(tmpdir(), name)
  const leftover: Leftover =
    server === null ? { kind: 'folder', path: folder } : { kind: 'database', server, name }
  // First, so that there is no moment in which a kill leaves something.
  const remover = startRemover()
  tell(remover, leftover)
  try {
    if (server === null) await mkdir(folder, { mode: 0o700 })
    else await createDatabase(server, name)
  } catch (error) {
    tell(remover, { kind: 'nothing' })
    remover.disconnect()
    throw error
  }
  const what = server === null ? `the folder ${folder}` : `the database ${name}`
  let removed: Promise<void> | null = null
  return {
    url: server === null ? null : databaseUrl(server, name),
    folder,
    remove: () => {
      removed ??= removal(remover, what)
      return removed
    },
  }
}

function startRemover(): ChildProcess {
  // Detached: Ctrl-C signals the whole group, and this one has its work still before it.
  const remover = fork(REMOVER, [], {
    env: {},
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  remover.unref()
  remover.channel?.unref()
  return remover
}

function tell(remover: ChildProcess, message: RemoverMessage): void {
  remover.send(message, () => undefined)
}

async function removal(remover: ChildProcess, what: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const failed = () => reject(new Error(`${what} could not be taken away. Remove it by hand.`))
  const timer = setTimeout(failed, REMOVE_TIMEOUT_MS)
  const ended = (code: number | null) => (code === 0 ? resolve() : failed())
  remover.ref()
  if (remover.exitCode !== null || remover.signalCode !== null) ended(remover.exitCode)
  else remover.once('exit', ended)
  if (remover.connected) remover.disconnect()
  try {
    await promise
  } finally {
    clearTimeout(timer)
    remover.unref()
  }
}

async function createDatabase(server: string, name: string): Promise<void> {
  const pool = openPool(server, { maxConnections: 1, applicationName: 'aval scratch' })
  try {
    await pool.sql.unsafe(`CREATE DATABASE ${name}`)
  } finally {
    await pool.close()
  }
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
