/** Reads a file whose bytes are all of one moment, or says that it keeps changing. Never reads more than a document may be. */

import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { sha256Hex } from '../../lib/sha256.ts'
import { sleep } from '../../lib/sleep.ts'
import { DocumentError } from './document-error.ts'
import { MAX_FILE_BYTES, mebibytes } from './limits.ts'

export type StableFile = {
  bytes: Buffer
  /** SHA-256, 64 hexadecimal digits. */
  digest: string
}

export type ReadOptions = {
  maxBytes?: number
  /** Awaited after each piece that was read; for whoever shows progress. */
  onPiece?: (bytesRead: number) => void | Promise<void>
}

const MAX_READS = 3
/** Writers of whole files are done in less; a log that grows is not. */
const PAUSE_MS = 50
const PIECE_BYTES = 1024 * 1024
/** A named pipe must not hold up the reader, nor a link lead it elsewhere. Windows has neither flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/**
 * Throws DocumentError: `too_large` before anything is read, `changed` after three tries, `unreadable` for what is not
 * there, is no file, is a link, or may not be read.
 */
export async function readStable(path: string, options: ReadOptions = {}): Promise<StableFile> {
  for (let reads = 1; reads <= MAX_READS; reads += 1) {
    const bytes = await asUnreadable(path, () => readOnce(path, options))
    if (bytes !== null) return { bytes, digest: sha256Hex(bytes) }
    if (reads < MAX_READS) await sleep(PAUSE_MS, new AbortController().signal)
  }
  throw new DocumentError(
    'changed',
    `${path} changes while it is read, ${MAX_READS} times now. Try again later.`,
  )
}

/** Null when the file changed meanwhile. */
async function readOnce(
  path: string,
  { maxBytes = MAX_FILE_BYTES, onPiece }: ReadOptions,
): Promise<Buffer | null> {
  const file = await open(path, FLAGS)
  try {
    const before = await file.stat({ bigint: true })
    if (!before.isFile()) throw new DocumentError('unreadable', `${path} is no file. Name a file.`)
    const size = Number(before.size)
    if (size > maxBytes)
      throw new DocumentError(
        'too_large',
        `${path} has ${mebibytes(size)}, more than ${mebibytes(maxBytes)}. Split it.`,
      )
    const bytes = await readExactly(file, size, onPiece)
    if (bytes === null) return null
    const after = await file.stat({ bigint: true })
    // Another file may have taken its name: then what was read is yesterday's.
    const named = await stat(path, { bigint: true })
    return [after, named].every((one) => isSame(before, one)) ? bytes : null
  } finally {
    await file.close()
  }
}

/** Null when the file has fewer bytes than `size`, or more. */
async function readExactly(
  file: FileHandle,
  size: number,
  onPiece: ReadOptions['onPiece'],
): Promise<Buffer | null> {
  // One byte more, to see that the file ends where it said.
  const buffer = Buffer.alloc(size + 1)
  let at = 0
  while (at <= size) {
    const { bytesRead } = await file.read(buffer, at, Math.min(PIECE_BYTES, size + 1 - at), at)
    if (bytesRead === 0) break
    at += bytesRead
    await onPiece?.(at)
  }
  return at === size ? buffer.subarray(0, size) : null
}

type Stat = { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }

function isSame(one: Stat, other: Stat): boolean {
  const { dev, ino, size, mtimeNs, ctimeNs } = one
  return (
    dev === other.dev &&
    ino === other.ino &&
    size === other.size &&
    mtimeNs === other.mtimeNs &&
    ctimeNs === other.ctimeNs
  )
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there. Check the path',
  EACCES: 'may not be read. Give the process the right to',
  EPERM: 'may not be read. Give the process the right to',
  ELOOP: 'is a link. Name the file that it leads to',
  ENXIO: 'is no file. Name a file',
  EISDIR: 'is a folder. Name a file',
  ENOTDIR: 'is not there. Check the path',
}

async function asUnreadable<Result>(path: string, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof DocumentError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new DocumentError('unreadable', `${path} ${REMEDIES[code] ?? `cannot be read (${code})`}.`, {
      cause: error,
    })
  }
}
