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
export async function createServerDatabase(serverUrl: string, prefix: string): Promise<ServerDatabase> {
  const name = `${prefix}_${randomBytes(6).toString('hex')}`
  await onServer(serverUrl, `CREATE DATABASE ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return {
    name,
    url: url.href,
    drop: () => dropDatabase(serverUrl, name),
  }
}

/** Drops it if it is there; also cuts whoever is still connected. */
function dropDatabase(serverUrl: string, name: string): Promise<void> {
  return onServer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

/** The same with this version's schema; dropped at once when it cannot be given one. */
export async function createMigratedDatabase(serverUrl: string, prefix: string): Promise<ServerDatabase> {
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
  await connection.close()
  return database
}

async function onServer(serverUrl: string, statement: string): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
