/** Documents that are pushed one by one instead of read from a place: each push is a snapshot. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { storedDocument } from './document.ts'
import { pushedSettings, type SourceAbout } from './settings.ts'
import {
  finishPush,
  insertPush,
  putFile,
  putSource,
  removeFiles,
  type SourceRow,
  takeSnapshot,
} from './store.ts'

export type PushedDocument = {
  key: string
  text: string
  title: string | null
  language: string | null
  metadata: JsonObject
}

/** Adds or replaces documents by key; the source is made when it is not there. Throws RequestError conflict for a source that is read from a place. */
export async function pushDocuments(
  deps: { sql: Sql; clock: Clock },
  actor: Actor,
  name: string,
  documents: readonly PushedDocument[],
  about: SourceAbout = pushedSettings.parse({}),
): Promise<{ source: SourceRow; snapshotId: string }> {
  const { sql, clock } = deps
  const nowMs = clock.nowMs()
  const now = new Date(nowMs).toISOString()
  const put = await putSource(sql, {
    id: newId('src', nowMs),
    projectId: actor.projectId,
    name,
    kind: 'pushed',
    settings: contentOf(about).text,
    createdBy: actor.id,
    createdByName: actor.name,
    createdAt: now,
  })
  if (put === null) {
    const message = `Source "${name}" is read from a place, so nothing can be pushed into it. Choose another name.`
    throw new RequestError('conflict', message, { param: 'source' })
  }
  const { source } = put
  const snapshotId = await inOnePush(deps, source, async (transaction, push) => {
    for (const { key, text, ...rest } of documents) {
      const document = storedDocument({ key: null, text, ...rest }, key, about)
      const file = { key, digest: document.hash, bytes: Buffer.byteLength(text), reason: null, error: null }
      await putFile(
        transaction,
        { projectId: source.projectId, sourceId: source.id, sync: push, now },
        file,
        [document],
      )
    }
    return { added: documents.length, removed: 0 }
  })
  return { source, snapshotId }
}

/** Takes documents away by key; unknown keys are nothing. Gives how many were there. */
export async function removeDocuments(
  deps: { sql: Sql; clock: Clock },
  source: SourceRow,
  keys: readonly string[],
): Promise<number> {
  let removed = 0
  await inOnePush(deps, source, async (transaction) => {
    removed = await removeFiles(transaction, source.id, keys)
    return { added: 0, removed }
  })
  return removed
}

/** Pushes of one source stand in line, so that each snapshot has all that were before it. */
async function inOnePush(
  { sql, clock }: { sql: Sql; clock: Clock },
  { id: sourceId, projectId, name }: SourceRow,
  change: (
    transaction: Parameters<typeof takeSnapshot>[0],
    push: string,
  ) => Promise<{ added: number; removed: number }>,
): Promise<string> {
  const nowMs = clock.nowMs()
  const now = new Date(nowMs).toISOString()
  return await sql.begin(async (transaction) => {
    const push = newId('syn', nowMs)
    await insertPush(transaction, { id: push, projectId, sourceId, now })
    const counts = await change(transaction, push)
    const about = { id: newId('snp', nowMs), projectId, sourceId, source: name, now }
    const snapshotId = await takeSnapshot(transaction, about)
    await finishPush(transaction, push, { ...counts, snapshotId })
    return snapshotId
  })
}
