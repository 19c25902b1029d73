/** Documents that are pushed instead of read from a place. A snapshot is taken when an index is made of them. */

import type { Sql, TransactionSql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import type { JsonObject } from '../../lib/json.ts'
import type { Actor } from '../../registry/actor.ts'
import { contentOf } from '../../registry/content.ts'
import { storedDocument } from './document.ts'
import { pushedSettings, type SourceAbout } from './settings.ts'
import { lockSource, putSource, removeFiles, type SourceRow } from './store.ts'
import { putFiles } from './stored-documents.ts'
import { insertPush } from './sync-rows.ts'

export type PushedDocument = {
  key: string
  text: string
  title: string | null
  language: string | null
  metadata: JsonObject
}

/** Adds or replaces documents by key, the last of a key that comes twice; the source is made when it is not there. Throws RequestError conflict for a source that is read from a place. */
export async function pushDocuments(
  deps: { sql: Sql; clock: Clock },
  actor: Actor,
  name: string,
  documents: readonly PushedDocument[],
  about: SourceAbout = pushedSettings.parse({}),
): Promise<SourceRow> {
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
  const last = new Map(documents.map((document) => [document.key, document]))
  const read = [...last.values()].map(({ key, text, ...rest }) => {
    const document = storedDocument({ key: null, text, ...rest }, key, about)
    const bytes = Buffer.byteLength(text)
    return {
      file: { key, digest: document.hash, bytes, reason: null, error: null },
      documents: [document],
    }
  })
  await inOnePush(deps, source, async (transaction, push) => {
    const { projectId, id: sourceId } = source
    await putFiles(transaction, { projectId, sourceId, sync: push, now }, read)
    return { added: read.length, removed: 0 }
  })
  return source
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

/** Pushes of one source stand in line. */
async function inOnePush(
  { sql, clock }: { sql: Sql; clock: Clock },
  { id: sourceId, projectId }: SourceRow,
  change: (transaction: TransactionSql, push: string) => Promise<{ added: number; removed: number }>,
): Promise<void> {
  const nowMs = clock.nowMs()
  await sql.begin(async (transaction) => {
    const id = newId('syn', nowMs)
    await lockSource(transaction, sourceId)
    const counts = await change(transaction, id)
    await insertPush(transaction, { id, projectId, sourceId, ...counts, now: new Date(nowMs).toISOString() })
  })
}
