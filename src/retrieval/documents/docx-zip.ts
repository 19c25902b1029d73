/**
 * The parts of a DOCX, which is a ZIP archive. Sizes are checked twice: as declared, before anything is inflated, and as
 * they come out, because an archive may say what it likes.
 */

import type { Readable } from 'node:stream'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { DocumentError } from './document-error.ts'
import { MAX_UNZIPPED_BYTES, MAX_ZIP_ENTRIES, mebibytes } from './limits.ts'

/** What an encrypted or an old office document begins with (MS-CFB). */
const COMPOUND_FILE = Buffer.from('d0cf11e0a1b11ae1', 'hex')

export type ZipParts = {
  has(name: string): boolean
  /** The bytes of a part, piece by piece. Throws DocumentError when it inflates to more than it declared. */
  read(name: string): AsyncIterable<Buffer>
}

/** Throws DocumentError `encrypted`, `unsupported`, `broken`, `too_many` or `too_large`. */
export async function openZip(bytes: Buffer): Promise<ZipParts> {
  refuseCompound(bytes)
  const entries = new Map<string, Entry>()
  const zip = await asBroken(() => fromBufferPromise(bytes))
  await asBroken(() => listEntries(zip, entries))
  let left = MAX_UNZIPPED_BYTES
  return {
    has: (name) => entries.has(name),
    async *read(name) {
      const entry = entries.get(name)
      if (entry === undefined) return
      const stream = await asBroken(() => zip.openReadStreamPromise(entry))
      for await (const piece of pieces(stream)) {
        left -= piece.length
        if (left < 0) throw bomb()
        yield piece
      }
    },
  }
}

async function listEntries(zip: ZipFile, entries: Map<string, Entry>): Promise<void> {
  let declared = 0
  if (zip.entryCount > MAX_ZIP_ENTRIES)
    throw new DocumentError('too_many', `The DOCX has more than ${MAX_ZIP_ENTRIES} parts. Save it again.`)
  for await (const entry of zip.eachEntry()) {
    if (entry.isEncrypted())
      throw new DocumentError('encrypted', 'The DOCX needs a password. Save it without one.')
    declared += entry.uncompressedSize
    if (declared > MAX_UNZIPPED_BYTES) throw bomb()
    if (entries.has(entry.fileName)) throw new Error('two parts have one name')
    entries.set(entry.fileName, entry)
  }
}

async function* pieces(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of stream) yield piece as Buffer
  } catch (error) {
    if (error instanceof Error && /too many bytes/.test(error.message)) throw bomb(error)
    throw broken(error)
  }
}

function bomb(cause?: unknown): DocumentError {
  return new DocumentError(
    'too_large',
    `The DOCX unpacks to more than it says, or to more than ${mebibytes(MAX_UNZIPPED_BYTES)}. Save it again, or as text.`,
    { cause },
  )
}

function broken(cause: unknown): DocumentError {
  return new DocumentError(
    'broken',
    'The DOCX is broken and cannot be unpacked. Open it and save it again.',
    {
      cause,
    },
  )
}

async function asBroken<Result>(open: () => Promise<Result>): Promise<Result> {
  try {
    return await open()
  } catch (error) {
    throw error instanceof DocumentError ? error : broken(error)
  }
}

function refuseCompound(bytes: Buffer): void {
  if (!bytes.subarray(0, 8).equals(COMPOUND_FILE)) return
  if (bytes.includes(Buffer.from('EncryptedPackage', 'utf16le')))
    throw new DocumentError('encrypted', 'The DOCX needs a password. Save it without one.')
  throw new DocumentError('unsupported', 'The file is of the old .doc format. Save it as .docx.')
}
