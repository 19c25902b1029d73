/** The round of vector stores and files: what expired goes, and stores whose bell was lost are named. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { deleteUnfinished, listExpiredFiles } from '../files/store.ts'
import { deleteFile } from './change.ts'
import { markDeleted } from './store.ts'
import { SILENT_MS } from './update.ts'
import { expireStore, listExpiring, listForgottenStores, listLongExpired } from './work-rows.ts'

/** The gateway rings at once; after this the bell was lost. */
const FORGOTTEN_MS = 20_000
/** An expired store is still listed, as one; after this it is not. */
const KEEP_EXPIRED_MS = 30 * 86_400_000
const MAX_AT_ONCE = 100

/** Deletes and expires at most a hundred of each. Gives the stores that a worker has to look at. Safe to run at any time. */
export async function tidyStores({ sql, clock }: { sql: Sql; clock: Clock }): Promise<string[]> {
  const nowMs = clock.nowMs()
  const at = (ms: number) => new Date(ms).toISOString()
  for (const { id, projectId, whole } of await listExpiredFiles(sql, at(nowMs), MAX_AT_ONCE)) {
    if (whole) await deleteFile({ sql, clock }, projectId, id)
    else await deleteUnfinished(sql, id)
  }
  for (const { id } of await listExpiring(sql, at(nowMs), MAX_AT_ONCE)) {
    await sql.begin((transaction) => expireStore(transaction, id, at(nowMs)))
  }
  for (const id of await listLongExpired(sql, at(nowMs - KEEP_EXPIRED_MS), MAX_AT_ONCE)) {
    await markDeleted(sql, id, at(nowMs))
  }
  const before = { waiting: at(nowMs - FORGOTTEN_MS), alive: at(nowMs - SILENT_MS), now: at(nowMs) }
  return await listForgottenStores(sql, before, MAX_AT_ONCE)
}
