/** Letting go of what a vector store no longer shows: versions before, and texts that only they had. */

import type { Sql, TransactionSql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { type DropOutcome, tryDropIndex } from '../indexes/create.ts'
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
/** Labels and other indexes rarely let go of something, and what waits hurts nobody. */
const SHOWN_REST_MS = 3_600_000
/** Somebody searches it just now. */
const BUSY_REST_MS = 60_000

/**
 * Drops every version but `kept` and those that a label's release pins, and forgets texts that nothing shows any more. Gives after
 * how many milliseconds to look again; null when nothing is left over.
 */
export async function dropOtherVersions(
  deps: DropDeps,
  place: Place,
  kept: string | null,
): Promise<number | null> {
  const about = { projectId: place.projectId, name: indexNameOf(place.id), kept }
  const left = new Set<DropOutcome>()
  // Ends: each page begins behind the one before, and only this run makes versions.
  for (let after = 0; ; ) {
    const page = await listOtherVersions(deps.sql, { ...about, after }, PAGE)
    for (const { id } of page) left.add(await dropVersion(deps, id))
    if (page.length < PAGE) break
    after = page.at(-1)?.version ?? after
  }
  let areForgotten = false
  await deps.own(async (transaction) => {
    areForgotten = await forgetTexts(transaction, { projectId: place.projectId, storeId: place.id })
  })
  if (left.has('busy')) return BUSY_REST_MS
  return left.has('pinned') || !areForgotten ? SHOWN_REST_MS : null
}

/** Takes a deleted store away: versions, texts, rows. Its rows stay while something is left; then as `dropOtherVersions`. */
export async function clearStore(deps: DropDeps, store: Place): Promise<number | null> {
  await deps.own((transaction) => emptyStore(transaction, store.id, store.sourceId))
  const restMs = await dropOtherVersions(deps, store, null)
  if (restMs === null) {
    await deps.own((transaction) => deleteStoreRows(transaction, store.id, store.sourceId))
  }
  return restMs
}

async function dropVersion({ sql, clock, own }: DropDeps, id: string): Promise<DropOutcome> {
  const row = await findIndexById(sql, id)
  if (row === null) return 'dropped'
  // A run that was taken over must not drop what the next one builds; this sign of life holds the store for longer than a drop.
  await own(async () => undefined)
  const { outcome } = await tryDropIndex({ sql, clock }, row)
  return outcome
}
