/** Where the keyring loads keys from: the database, read in pages, with LISTEN for the moment of a change. */

import type { DatabaseConnection } from '../db/client.ts'
import type { Clock } from '../lib/clock.ts'
import type { KeyEntry } from './declared.ts'
import { KEYS_CHANNEL, listLiveKeys, readKeysVersion } from './store.ts'

export type KeySource = {
  /** Changes whenever a key changes. */
  version(): Promise<bigint>
  /** Live keys after an id, in order of ids, at most `limit`. */
  page(after: string, limit: number): Promise<readonly KeyEntry[]>
  /** Calls back on each change it hears of, and again after a lost connection is back. Returns how to stop. */
  listen(onChange: () => void): Promise<() => Promise<void>>
}

/**
 * The source every process uses. LISTEN takes one connection of its own, which postgres.js opens again when lost. The
 * embedded database has one session behind all connections and cannot address one of them: there the poll does it.
 */
export function databaseKeySource(
  connection: Pick<DatabaseConnection, 'db' | 'sql' | 'embedded'>,
  clock: Clock,
): KeySource {
  return {
    version: () => readKeysVersion(connection.db),
    page: (after, limit) => listLiveKeys(connection.db, { after, limit, now: new Date(clock.nowMs()) }),
    listen: async (onChange) => {
      if (connection.embedded) return async () => undefined
      const listening = await connection.sql.listen(KEYS_CHANNEL, onChange, onChange)
      return () => listening.unlisten()
    },
  }
}
