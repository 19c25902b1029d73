/**
 * A database for one benchmark on somebody's PostgreSQL server: made, migrated, and dropped however the run ends.
 * Never uses the database that the address names, nor leaves rows in it.
 */

import { connectDatabase } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { makeScratch } from '../src/db/scratch.ts'
import { MIGRATIONS } from '../test/support/embedded-database.ts'

/** Throws, with the server's own words, where the role may not create databases. */
export async function startScratchDatabase(
  serverUrl: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  try {
    const scratch = await makeScratch(serverUrl)
    const url = scratch.url ?? serverUrl
    const connection = connectDatabase(url, { maxConnections: 1, applicationName: 'aval bench' })
    try {
      await connection.sql`CREATE EXTENSION IF NOT EXISTS vector`
      await migrate(connection, { directory: MIGRATIONS })
    } finally {
      await connection.close()
    }
    return { url, stop: () => scratch.remove() }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const remedy = 'It takes a role with CREATEDB and a server with the vector extension.'
    throw new Error(`No scratch database could be made on the server of --database: ${why}. ${remedy}`, {
      cause,
    })
  }
}
