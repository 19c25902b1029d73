/**
 * The database as stores see it: a pool under drizzle. Opens it and nothing else; it never creates schema and never
 * decides which database to use.
 */

import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import { drizzle } from './orm.ts'
import { type ConnectOptions, openPool, type Pool } from './pool.ts'

/** What a store function takes first: the pool, or a transaction of it. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, Record<string, never>>

/**
 * `sql` is the same pool without drizzle, for COPY, LISTEN and migrations. Drizzle turns date and json conversion off
 * on it: timestamps arrive as text, and dates and json are passed as text with a cast (`${text}::jsonb`).
 */
export type DatabaseConnection = Pool & { db: Db }

/** Opens a pool with drizzle over it; takes what `openPool` takes and throws what it throws. */
export function connectDatabase(url: string, options: ConnectOptions): DatabaseConnection {
  const pool = openPool(url, options)
  return { ...pool, db: drizzle(pool.sql) }
}
