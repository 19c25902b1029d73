/**
 * The keys of the last good load on disk, for a start without a database. Holds digests, never secrets; mode 0600;
 * sealed with an HMAC, so that a torn or edited file, or one of another pepper, is refused and not half believed.
 */

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyEntry } from './declared.ts'
import { ROLES, type Role } from './key.ts'

export type SavedKeys = { version: bigint; savedAtMs: number; entries: KeyEntry[] }

const FORMAT = 'aval-keys-1'
/** 100,000 keys with the longest names and routes stay below it. */
const FILE_MAX_BYTES = 256 * 1024 ** 2
/** Lines between two turns of the event loop: about a millisecond of work. */
const LINES_PER_TURN = 1000

/** Writes beside the file and renames, so that readers see the old or the new keys and nothing between. */
export async function writeSnapshotFile(path: string, pepper: KeyObject, saved: SavedKeys): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  const seal = createHmac('sha256', pepper)
  const file = await open(beside, 'w', 0o600)
  try {
    let lines = [JSON.stringify([FORMAT, String(saved.version), saved.savedAtMs, saved.entries.length])]
    for (const [at, entry] of saved.entries.entries()) {
      lines.push(toLine(entry))
      if (at % LINES_PER_TURN === LINES_PER_TURN - 1) {
        await append(lines)
        lines = []
        await nextTurn()
      }
    }
    await append(lines)
    await file.write(`${seal.digest('base64url')}\n`)
    await file.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(beside, path)

  async function append(batch: readonly string[]): Promise<void> {
    const text = batch.map((line) => `${line}\n`).join('')
    seal.update(text)
    await file.write(text)
  }
}

/** Reads a file made by `writeSnapshotFile`. Null when there is none; throws an Error that says why one is refused. */
export async function readSnapshotFile(
  path: string,
  pepper: KeyObject,
  maxKeys: number,
): Promise<SavedKeys | null> {
  const size = await sizeOf(path)
  if (size === null) return null
  if (size > FILE_MAX_BYTES) throw new Error(`${path} holds ${size} bytes, more than any keyring writes.`)
  const text = await readFile(path, 'utf8')
  const sealAt = text.lastIndexOf('\n', text.length - 2) + 1
  const expected = createHmac('sha256', pepper).update(text.slice(0, sealAt)).digest()
  const found = Buffer.from(text.slice(sealAt).trimEnd(), 'base64url')
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new Error(`${path} is damaged or was written with another pepper. It is replaced at the next load.`)
  }
  const lines = text.slice(0, sealAt).split('\n').slice(0, -1)
  const [format, version, savedAtMs, count] = JSON.parse(lines[0] ?? '[]') as [string, string, number, number]
  if (format !== FORMAT || count !== lines.length - 1 || count > maxKeys) {
    throw new Error(
      `${path} has the format ${format} with ${count} keys; ${FORMAT} with at most ${maxKeys} is read.`,
    )
  }
  return { version: BigInt(version), savedAtMs, entries: lines.slice(1).map(fromLine) }
}

type Line = [
  id: string,
  digest: string,
  name: string,
  projectId: string,
  roles: string[],
  routes: string[] | null,
  rpm: number | null,
  concurrency: number | null,
  expiresAtMs: number | null,
]

function toLine({ key, digest }: KeyEntry): string {
  return JSON.stringify([
    key.id,
    digest.toString('base64url'),
    key.name,
    key.projectId,
    [...key.roles],
    key.allowedRoutes === null ? null : [...key.allowedRoutes],
    key.rpm,
    key.concurrency,
    key.expiresAtMs,
  ] satisfies Line)
}

/** The seal has been checked: a line is what `toLine` wrote. */
function fromLine(text: string): KeyEntry {
  const [id, digest, name, projectId, roles, allowedRoutes, rpm, concurrency, expiresAtMs] = JSON.parse(
    text,
  ) as Line
  const known = roles.filter((role): role is Role => ROLES.some((one) => one === role))
  return {
    digest: Buffer.from(digest, 'base64url'),
    key: { id, name, projectId, roles: known, allowedRoutes, rpm, concurrency, expiresAtMs },
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
