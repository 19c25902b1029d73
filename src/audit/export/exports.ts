/** Exports as the gateway handles them: takes the order, and reads finished files back. The worker writes them. */

import { createSecretKey, randomBytes } from 'node:crypto'
import type { Db } from '../../db/client.ts'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { AuditKeys } from '../privacy/audit-keys.ts'
import { unwrapKey, wrapKey } from '../privacy/sealing.ts'
import type { RequestScope } from '../store.ts'
import { openChunk } from './export-file.ts'
import {
  countLiveExports,
  type ExportFilter,
  type ExportFormat,
  findChunk,
  hasErasureSince,
  insertExport,
  type StoredExport,
  type WrittenFile,
} from './store.ts'

export type ExportsDeps = { db: Db; keys: Pick<AuditKeys, 'wrapping'>; clock: Clock }

export type ExportOrder = {
  /** `exp_…`, already on the log. */
  id: string
  scope: RequestScope
  filters: ExportFilter
  format: ExportFormat
  withBodies: boolean
  purpose: string
  createdBy: string
  createdByName: string | null
}

/** Long enough to fetch them after a weekend; open bodies should not lie around, sealed or not. */
const KEEP_MS = 72 * 3_600_000
/** They run one beside the other and share the database with the gateways. */
const MAX_LIVE = 3
const KEY_BYTES = 32

/** Throws RequestError when the project has too many that are not finished. */
export async function createExport(
  { db, keys, clock }: ExportsDeps,
  order: ExportOrder,
): Promise<StoredExport> {
  const { id, scope, ...rest } = order
  if ((await countLiveExports(db, scope.projectId)) >= MAX_LIVE) {
    throw new RequestError(
      'conflict',
      `${MAX_LIVE} exports of this project are not finished yet. Wait for one: aval audit exports list`,
    )
  }
  const key = createSecretKey(randomBytes(KEY_BYTES))
  const nowMs = clock.nowMs()
  const now = new Date(nowMs)
  return await insertExport(db, {
    ...rest,
    id,
    ...scope,
    createdAt: now,
    updatedAt: now,
    state: 'queued',
    expiresAt: new Date(nowMs + KEEP_MS),
    wrappedKey: wrapKey(keys.wrapping, id, { projectId: scope.projectId, subject: null }, key),
  })
}

/** The file of this name. Throws RequestError when it is not there, or may no longer be read. */
export async function findExportFile(db: Db, stored: StoredExport, name: string): Promise<WrittenFile> {
  if (stored.state !== 'done') {
    throw new RequestError('conflict', `The export ${stored.id} is ${stored.state}; it has no files.`)
  }
  const file = stored.files.find((one) => one.name === name)
  if (file === undefined) {
    const names = stored.files.map((one) => one.name).join(', ')
    throw new RequestError('not_found', `The export ${stored.id} has no file "${name}". It has: ${names}.`)
  }
  if (stored.withBodies && (await hasErasureSince(db, stored.projectId, stored.createdAt))) {
    throw new RequestError(
      'conflict',
      'A subject of this project was erased after this export was asked for, and its bodies may be in it. Export again.',
    )
  }
  return file
}

/** The file's bytes in order, a megabyte at a time. Throws SealError when they are not what the worker stored. */
export async function* readExportFile(
  { db, keys }: Pick<ExportsDeps, 'db' | 'keys'>,
  { id, run, projectId, wrappedKey }: StoredExport,
  { name, parts }: WrittenFile,
): AsyncGenerator<Buffer> {
  if (run === null) throw new Error(`The export ${id} is done without a run.`)
  const key = unwrapKey(keys.wrapping, id, { projectId, subject: null }, wrappedKey)
  for (let part = 0; part < parts; part += 1) {
    const sealed = await findChunk(db, { id, run }, name, part)
    if (sealed === null) throw new Error(`Chunk ${part} of ${name} of ${id} is gone.`)
    yield openChunk(key, { exportId: id, run, name }, part, sealed)
  }
}
