/** How a version is added, whatever it is a version of: the same content is the same version, another one the next number. */

import type { Db } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import { type IdKind, newId } from '../lib/ids.ts'
import type { Actor } from './actor.ts'
import type { Content } from './content.ts'
import {
  findVersion,
  findVersionByHash,
  insertNextVersion,
  type VersionKind,
  type VersionRow,
} from './store.ts'

const IDS: Record<VersionKind, IdKind> = { prompt: 'pv', model: 'mv', index: 'iv' }

export type Push = {
  kind: VersionKind
  name: string
  content: Content
  /** The newest number that its author has seen, 0 for none: others shall not come in between. Null lets them. */
  expectedVersion: number | null
  /** Each try that is lost means that another push won. */
  tries: number
}

/**
 * Adds the content as the next version of the name in the author's project, or finds the version that has it already,
 * however old: `created` tells which. Null when others won every try, or came in between where they should not.
 */
export async function pushVersion(
  { db, clock }: { db: Db; clock: Clock },
  author: Actor,
  { kind, name, content, expectedVersion, tries }: Push,
): Promise<{ row: VersionRow; created: boolean } | null> {
  const key = { projectId: author.projectId, name }
  const nowMs = clock.nowMs()
  const row = {
    id: newId(IDS[kind], nowMs),
    ...key,
    hash: content.hash,
    content: content.text,
    createdBy: author.id,
    createdByName: author.name,
    createdByPerson: author.person,
    createdAt: new Date(nowMs),
  }
  for (let tried = 0; tried < tries; tried += 1) {
    const same = await findVersionByHash(db, kind, key, content.hash)
    if (same !== null) return { row: same, created: false }
    const inserted = await insertNextVersion(db, kind, row, expectedVersion)
    if (inserted !== null) return { row: inserted, created: true }
    if (expectedVersion === null) continue
    const newest = await findVersion(db, kind, key, null)
    if (newest?.hash !== content.hash && newest?.version !== expectedVersion) return null
  }
  return null
}
