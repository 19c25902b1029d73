/** Letting go of what a vector store no longer shows: versions before, and texts that only they had. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { dropIndex } from '../indexes/create.ts'
import { parseManifest } from '../indexes/manifest.ts'
import { findIndexById } from '../indexes/store.ts'
import { findStoreById, indexNameOf, type StoreRow } from './store.ts'
import { deleteStoreRows, emptyStore, forgetTexts, listOtherVersions } from './work-rows.ts'

type DropDeps = { sql: Sql; clock: Clock }

/** A round of a store makes one; those that a label pins stay on the list. */
const MAX_DROPPED = 100

/** Drops every version but the one that is searched and those that a label's release pins. */
export async function dropOtherVersions(deps: DropDeps, { id }: Pick<StoreRow, 'id'>): Promise<void> {
  const store = await findStoreById(deps.sql, id, new Date(deps.clock.nowMs()).toISOString())
  if (store !== null) await dropVersions(deps, store, store.indexId)
}

/** Takes a deleted store away: every version that no label pins, the texts, the rows. */
export async function clearStore(deps: DropDeps, store: StoreRow): Promise<void> {
  await deps.sql.begin((transaction) => emptyStore(transaction, store.id, store.sourceId))
  await dropVersions(deps, store, null)
  await deps.sql.begin((transaction) => deleteStoreRows(transaction, store.id, store.sourceId))
}

async function dropVersions(deps: DropDeps, store: StoreRow, kept: string | null): Promise<void> {
  const { sql } = deps
  const { projectId, sourceId } = store
  const name = indexNameOf(store.id)
  for (const { id } of await listOtherVersions(sql, { projectId, name, kept }, MAX_DROPPED)) {
    const row = await findIndexById(sql, id)
    if (row === null) continue
    try {
      await dropIndex(deps, row)
    } catch (error) {
      // Pinned: it is served, and goes with a later change.
      if (error instanceof RequestError) continue
      throw error
    }
    const snapshotHash = parseManifest(row.content).source.snapshot
    await forgetTexts(sql, { projectId, sourceId, name, snapshotHash })
  }
}
