/** The keys of a first start: one admin, one app, made once per database whoever starts first. */

import { createKey, type KeyDeps, type NewKey } from './lifecycle.ts'
import { DEFAULT_PROJECT } from './project.ts'
import { hasAnyKey, lockFirstKeys } from './store.ts'

/** Whole keys, to be shown once; null where none was made. */
export type FirstKeys = { admin: string | null; app: string | null }

/** Makes the wanted keys when the database has never had any. Safe when several processes start at once. */
export async function createFirstKeys(
  deps: KeyDeps,
  wanted: { admin: boolean; app: boolean },
): Promise<FirstKeys> {
  return await deps.db.transaction(async (transaction) => {
    await lockFirstKeys(transaction)
    if (await hasAnyKey(transaction)) return { admin: null, app: null }
    const make = async (name: string, role: 'admin' | 'app') => {
      const key: NewKey = {
        name,
        owner: null,
        project: DEFAULT_PROJECT,
        roles: [role],
        allowedRoutes: null,
        rpm: null,
        concurrency: null,
        expiresAtMs: null,
      }
      return (await createKey({ ...deps, db: transaction }, null, key)).token
    }
    return {
      admin: wanted.admin ? await make('admin', 'admin') : null,
      app: wanted.app ? await make('app', 'app') : null,
    }
  })
}
