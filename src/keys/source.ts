/** Where the keyring loads keys from: the database, read in pages, with LISTEN for the moment of a change. */

import type { DatabaseConnection } from '../db/client.ts'
import { type Listen, listenOn } from '../db/follower.ts'
import type { Clock } from '../lib/clock.ts'
import type { KeyEntry } from './declared.ts'
import { KEYS_CHANNEL, listLiveKeys, readKeysVersion } from './store.ts'

export type KeySource = {
  /** Changes whenever a key changes. */
  version(): Promise<bigint>
  /** Live keys after an id, in order of ids, at most `limit`. */
  page(after: string, limit: number): Promise<readonly KeyEntry[]>
  listen: Listen
}

/** The source every process uses. */
export function databaseKeySource(
  connection: Pick<DatabaseConnection, 'db' | 'sql' | 'embedded'>,
  clock: Clock,
): KeySource {
  return {
    version: () => readKeysVersion(connection.db),
    page: (after, limit) => listLiveKeys(connection.db, { after, limit, now: new Date(clock.nowMs()) }),
    listen: listenOn(connection, KEYS_CHANNEL),
  }
}
