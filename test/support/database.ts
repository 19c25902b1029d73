/**
 * A migrated database for a test file: embedded always, a real PostgreSQL server too when TEST_DATABASE_URL is set.
 * Each call gives its own database, so files never see each other's rows.
 */

import { readFile } from 'node:fs/promises'
import type { TransactionSql } from 'postgres'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { connectDatabase, type DatabaseConnection } from '../../src/db/client.ts'
import { openEmbeddedDatabase } from './embedded-database.ts'
import { createMigratedDatabase } from './server-database.ts'

export type TestDatabase = DatabaseConnection & {
  /** For opening further connections to the same database. */
  url: string
  /** Empties every table but leaves the schema and what the migrations themselves insert as they were. */
  truncate(): Promise<void>
}

/** A migrated embedded database. Close it in `afterAll`. */
export async function testDatabase(): Promise<TestDatabase> {
  const embedded = await openEmbeddedDatabase(await readFile(inject('databaseSnapshot')))
  return {
    ...embedded.connection,
    url: embedded.url,
    ...(await truncation(embedded.connection)),
    close: embedded.close,
  }
}

/** A migrated database of its own on the server of TEST_DATABASE_URL; dropped by `close`. */
export async function testServerDatabase(serverUrl: string): Promise<TestDatabase> {
  const { url, drop } = await createMigratedDatabase(serverUrl, 'aval_test')
  const connection = connectDatabase(url, { maxConnections: 8, applicationName: 'aval-test' })
  return {
    ...connection,
    url,
    ...(await truncation(connection)),
    close: async () => {
      await connection.close()
      await drop()
    },
  }
}

/**
 * Runs a suite against the embedded database and against the server of TEST_DATABASE_URL. Inside tests `open()` gives
 * the suite's database. Without the variable the server's suite is reported as skipped, with the reason in its name.
 *
 * @example
 * describeDatabases('the request log', (open) => {
 *   test('keeps a row', async () => {
 *     const { db } = open()
 *   })
 * })
 */
export function describeDatabases(subject: string, suite: (open: () => TestDatabase) => void): void {
  describe(`${subject}, on the embedded database`, () => {
    suite(databaseOfSuite(testDatabase))
  })
  const serverUrl = process.env.TEST_DATABASE_URL
  if (serverUrl === undefined || serverUrl === '') {
    describe.skip(`${subject}, on PostgreSQL (TEST_DATABASE_URL is not set)`, () => {
      suite(() => {
        throw new Error('TEST_DATABASE_URL is not set.')
      })
    })
    return
  }
  describe(`${subject}, on PostgreSQL`, () => {
    suite(databaseOfSuite(() => testServerDatabase(serverUrl)))
  })
}

function databaseOfSuite(create: () => Promise<TestDatabase>): () => TestDatabase {
  let database: TestDatabase | undefined
  beforeAll(async () => {
    database = await create()
  })
  afterAll(() => database?.close())
  return () => {
    if (database === undefined) throw new Error('Call open() inside a test or a hook.')
    return database
  }
}

/** What the migrations insert (counters and the like) is read once and put back after each TRUNCATE. */
async function truncation({ sql }: DatabaseConnection): Promise<Pick<TestDatabase, 'truncate'>> {
  const seeds = await sql<
    { subject: string; version: string }[]
  >`SELECT subject, version FROM change_counters`
  return {
    truncate: async () => {
      // Versions refuse to go, by trigger; a superuser's session that takes itself for a replica fires none.
      await sql.begin(async (transaction) => {
        await transaction`SET LOCAL session_replication_role = replica`
        const filled = await lockFilledTables(transaction)
        if (filled.length > 0) await transaction.unsafe(`TRUNCATE ${filled.join(', ')} CASCADE`)
      })
      for (const seed of seeds) {
        await sql`INSERT INTO change_counters (subject, version) VALUES (${seed.subject}, ${seed.version})`
      }
    },
  }
}

/**
 * Names of the tables that hold rows: emptying one takes new files for it and each of its indexes, a look takes none.
 * All are locked first, so that a transaction under way has ended and what it wrote is seen.
 */
async function lockFilledTables(transaction: TransactionSql): Promise<string[]> {
  const tables = await transaction<{ name: string }[]>`
    SELECT quote_ident(relname) AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname <> 'schema_migrations'`
  await transaction.unsafe(`LOCK TABLE ${tables.map(({ name }) => name).join(', ')}`)
  const looks = tables.map(({ name }) => `SELECT '${name}' AS name WHERE EXISTS (SELECT FROM ${name})`)
  const filled = await transaction.unsafe<{ name: string }[]>(looks.join(' UNION ALL '))
  return filled.map(({ name }) => name)
}
