/** Letting go of what a vector store no longer shows: versions before, and texts that only they had. */

import type { Sql, TransactionSql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { dropIndex } from '../indexes/create.ts'
import { findIndexById } from '../indexes/store.ts'
import { indexNameOf, type StoreRow } from './store.ts'
import { deleteStoreRows, emptyStore, forgetTexts, listOtherVersions } from './work-rows.ts'

export type DropDeps = {
  sql: Sql
  clock: Clock
  /** Runs a change in a transaction of whoever works at the store; throws when that is another run by now. */
  own: (change: (transaction: TransactionSql) => Promise<unknown>) => Promise<void>
}
type Place = Pick<StoreRow, 'id' | 'projectId' | 'sourceId'>

/** Versions that are looked up at once. A round of a store makes one. */
const PAGE = 100

/**
 * Drops every version but `kept` and those that a label's release pins, and forgets texts that nothing shows any more. Gives
 * how many versions are pinned.
 */
export async function dropOtherVersions(deps: DropDeps, place: Place, kept: string | null): Promise<number> {
  const name = indexNameOf(place.id)
  const about = { projectId: place.projectId, name, kept }
  let pinned = 0
  // Ends: each page begins behind the one before, and only this run makes versions.
  for (let after = 0; ; ) {
    const page = await listOtherVersions(deps.sql, { ...about, after }, PAGE)
    for (const { id } of page) if (!(await dropVersion(deps, id))) pinned += 1
    if (page.length < PAGE) break
    after = page.at(-1)?.version ?? after
  }
  await deps.own((transaction) => forgetTexts(transaction, { ...place, storeId: place.id }))
  return pinned
}

/** Takes a deleted store away: versions, texts, rows. False while a label serves one of its versions; then its rows stay, too. */
export async function clearStore(deps: DropDeps, store: Place): Promise<boolean> {
  await deps.own((transaction) => emptyStore(transaction, store.id, store.sourceId))
  if ((await dropOtherVersions(deps, store, null)) > 0) return false
  await deps.own((transaction) => deleteStoreRows(transaction, store.id, store.sourceId))
  return true
}

/** False for a version that a label's release pins. */
async function dropVersion({ sql, clock, own }: DropDeps, id: string): Promise<boolean> {
  const row = await findIndexById(sql, id)
  if (row === null) return true
  // A run that was taken over must not drop what the next one builds; this sign of life holds the store for longer than a drop.
  await own(async () => undefined)
  try {
    await dropIndex({ sql, clock }, row)
    return true
  } catch (error) {
    if (error instanceof RequestError) return false
    throw error
  }
}
