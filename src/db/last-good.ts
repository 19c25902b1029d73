/**
 * The last good copy of rows in a file, for a start without the database: lines under one digest, so that a torn or
 * edited file is refused and not half believed. Mode 0600. Whoever writes chooses the digest: with a key (HMAC) nobody
 * else can make such a file.
 */

import { type Hash, type Hmac, timingSafeEqual } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Lines between two turns of the event loop: about a millisecond of work. */
const LINES_PER_TURN = 500

/** Writes beside the file and renames, so that readers see the old or the new rows and nothing between. */
export async function writeLastGood(
  path: string,
  lines: Iterable<string>,
  digest: Hash | Hmac,
): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  const file = await open(beside, 'w', 0o600)
  let batch: string[] = []
  const write = async (): Promise<void> => {
    const text = batch.map((line) => `${line}\n`).join('')
    batch = []
    digest.update(text)
    await file.write(text)
    await nextTurn()
  }
  try {
    for (const line of lines) {
      batch.push(line)
      if (batch.length >= LINES_PER_TURN) await write()
    }
    await write()
    await file.write(`${digest.digest('base64url')}\n`)
    await file.sync()
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

/**
 * The lines that `writeLastGood` was given; null when there is no file. `refusal` ends the sentence that begins with the
 * path when a byte of it is not what was written. Throws an Error that says why a file is refused.
 */
export async function readLastGood(
  path: string,
  digest: Hash | Hmac,
  { maxBytes, refusal }: { maxBytes: number; refusal: string },
): Promise<string[] | null> {
  const size = await sizeOf(path)
  if (size === null) return null
  if (size > maxBytes) throw new Error(`${path} holds ${size} bytes, more than is ever written.`)
  const text = await readFile(path, 'utf8')
  const digestAt = text.lastIndexOf('\n', text.length - 2) + 1
  const expected = digest.update(text.slice(0, digestAt)).digest()
  const found = Buffer.from(text.slice(digestAt).trimEnd(), 'base64url')
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) {
    throw new Error(`${path} ${refusal}`)
  }
  return text.slice(0, digestAt).split('\n').slice(0, -1)
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
