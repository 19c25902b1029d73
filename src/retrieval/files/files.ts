/** Uploaded files: received in parts, kept in the database, read back in parts. No file is ever held whole in here. */

import { createHash } from 'node:crypto'
import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { Actor } from '../../registry/actor.ts'
import { MAX_FILE_BYTES, mebibytes } from '../documents/limits.ts'
import {
  deleteUnfinished,
  type FileRow,
  findFile,
  findPart,
  finishFile,
  insertPart,
  reserveFile,
} from './store.ts'

export type FileDeps = { sql: Sql; clock: Clock }
export type Received = { id: string; bytes: number; sha256: string }
export type FilePurpose = (typeof PURPOSES)[number]

/** Those that OpenAI takes for uploads. What a file may be used for here does not depend on it. */
export const PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const
/** Of all files of a project. More belongs into a source that is read from a folder. */
const MAX_PROJECT_BYTES = 10 * 1024 ** 3
const PART_BYTES = 1024 ** 2
/** An upload that takes longer has broken off: the server waits two minutes for a request. */
const RECEIVING_MS = 3_600_000

/**
 * Takes a file's bytes as they come, a part of 1 MiB at a time. Nobody sees it before `keepFile`; when anything fails,
 * nothing of it stays. `sizeHint` is the most it can have, for making room. Throws RequestError body_too_large, or
 * conflict when the project is full.
 */
export async function receiveFile(
  { sql, clock }: FileDeps,
  actor: Actor,
  bytes: AsyncIterable<Buffer>,
  sizeHint: number,
): Promise<Received> {
  const nowMs = clock.nowMs()
  const id = newId('file', nowMs).replace('_', '-')
  const reserved = {
    id,
    projectId: actor.projectId,
    bytes: Math.min(sizeHint, MAX_FILE_BYTES),
    createdBy: actor.id,
    createdByName: actor.name,
    now: new Date(nowMs).toISOString(),
    until: new Date(nowMs + RECEIVING_MS).toISOString(),
  }
  if (!(await reserveFile(sql, reserved, MAX_PROJECT_BYTES))) {
    const message = `The files of this project may have ${mebibytes(MAX_PROJECT_BYTES)} together, and this one does not fit. Delete some: DELETE /v1/files/{id}`
    throw new RequestError('conflict', message, { param: 'file', headers: { 'x-should-retry': 'false' } })
  }
  try {
    return { id, ...(await storeParts(sql, id, bytes)) }
  } catch (error) {
    await giveUpFile({ sql }, id)
    throw error
  }
}

async function storeParts(sql: Sql, id: string, bytes: AsyncIterable<Buffer>): Promise<Omit<Received, 'id'>> {
  const digest = createHash('sha256')
  let total = 0
  let part = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const flush = async () => {
    if (heldBytes === 0) return
    await insertPart(sql, id, part, Buffer.concat(held))
    part += 1
    held = []
    heldBytes = 0
  }
  for await (const chunk of bytes) {
    total += chunk.length
    if (total > MAX_FILE_BYTES) throw fileTooLarge()
    digest.update(chunk)
    held.push(chunk)
    heldBytes += chunk.length
    if (heldBytes >= PART_BYTES) await flush()
  }
  await flush()
  return { bytes: total, sha256: digest.digest('hex') }
}

/** Makes a received file one that everybody in the project finds. Throws RequestError when it was given up meanwhile. */
export async function keepFile(
  { sql }: Pick<FileDeps, 'sql'>,
  { id, bytes, sha256 }: Received,
  about: { name: string; mediaType: string | null; purpose: FilePurpose; expiresAfterSeconds: number | null },
): Promise<FileRow> {
  const kept = await finishFile(sql, id, { ...about, bytes, sha256 })
  if (kept !== null) return kept
  throw new RequestError('request_timeout', 'The upload took too long and was given up. Send it again.')
}

/** Removes what was received of a file that nobody has seen yet. */
export async function giveUpFile({ sql }: Pick<FileDeps, 'sql'>, id: string): Promise<void> {
  await deleteUnfinished(sql, id)
}

/** Throws RequestError not_found, also for one of another project. */
export async function getFile({ sql, clock }: FileDeps, projectId: string, id: string): Promise<FileRow> {
  const found = await findFile(sql, projectId, id, new Date(clock.nowMs()).toISOString())
  if (found !== null) return found
  throw noSuchFile(id)
}

export function noSuchFile(id: string): RequestError {
  const message = `This project has no file ${JSON.stringify(id.slice(0, 100))}. GET /v1/files lists what there is.`
  return new RequestError('not_found', message, { param: 'file_id' })
}

/** The file's bytes in order, a megabyte at a time. Throws when a part is gone: it was deleted meanwhile. */
export async function* readFileBytes(
  { sql }: Pick<FileDeps, 'sql'>,
  { id, bytes }: Pick<FileRow, 'id' | 'bytes'>,
): AsyncGenerator<Buffer> {
  let sent = 0
  for (let part = 0; sent < bytes; part += 1) {
    const found = await findPart(sql, id, part)
    if (found === null) throw new RequestError('not_found', `The file ${id} was deleted while it was read.`)
    sent += found.length
    yield found
  }
}

export function fileTooLarge(): RequestError {
  const message = `A file may have ${mebibytes(MAX_FILE_BYTES)}. Split it, or read it from a folder: aval source add`
  return new RequestError('body_too_large', message, { param: 'file' })
}
