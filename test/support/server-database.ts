/**
 * A migrated database of its own on a PostgreSQL server, dropped again by the one who asked for it.
 * Never touches a database that was there before.
 */

import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { connectDatabase } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { MIGRATIONS } from './embedded-database.ts'

export type ServerDatabase = {
  name: string
  url: string
  drop(): Promise<void>
}

/** An empty database `<prefix>_<random>` on the server of `serverUrl`, whose role must be allowed to create one. */
export function createServerDatabase(serverUrl: string, prefix: string): Promise<ServerDatabase> {
  return createDatabase(serverUrl, prefix, '')
}

/** The same with this version's schema: a copy of the run's template, or migrated where there is none. */
export async function createMigratedDatabase(serverUrl: string, prefix: string): Promise<ServerDatabase> {
  // Set by the test run (snapshot.ts).
  const template = process.env.AVAL_TEST_TEMPLATE
  if (template !== undefined) return await createDatabase(serverUrl, prefix, `TEMPLATE ${template}`)
  const database = await createServerDatabase(serverUrl, prefix)
  const connection = connectDatabase(database.url, { maxConnections: 1, applicationName: 'aval-test' })
  try {
    await connection.sql`CREATE EXTENSION IF NOT EXISTS vector`
    await migrate(connection, { directory: MIGRATIONS })
  } catch (cause) {
    await connection.close()
    await database.drop()
    throw cause
  }
  // A database that somebody is connected to cannot be copied.
  await connection.close()
  return database
}

async function createDatabase(serverUrl: string, prefix: string, how: string): Promise<ServerDatabase> {
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, `CREATE DATABASE ${name} ${how}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  // Also cuts whoever is still connected.
  const drop = () => onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  return { name, url: url.href, drop }
}

async function onServer(serverUrl: string, statement: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
