/**
 * Brings a database to the schema of the migrations folder, forward only, and says when it is not there.
 * Never edits or undoes a migration: a file that was applied once is frozen by its checksum.
 */

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sql, TransactionSql } from 'postgres'
import { ConfigError } from '../errors.ts'

/** The database and the migrations folder disagree, so this version of Aval must not serve. */
export class SchemaError extends ConfigError {
  override name = 'SchemaError'
  /** `behind`: run the migrations. `ahead`: a newer Aval migrated it. `changed`: an applied file was edited. */
  readonly state: 'behind' | 'ahead' | 'changed'
  constructor(state: SchemaError['state'], problems: readonly string[]) {
    super(problems)
    this.state = state
  }
}

export type MigrateOptions = {
  /** Folder with `0001_name.sql`, `0002_name.sql`, … without gaps. */
  directory: string
  /** Called before each file that will be applied. */
  onProgress?: (file: { name: string; position: number; total: number }) => void
}

type Migration = { name: string; text: string; sha256: string }
type Applied = { name: string; sha256: string }

/** Any constant nobody else uses; the letters are "aval", 1 = migrations. */
const MIGRATION_LOCK = 0x6176_616c_01
const MAX_FILES = 9999

/**
 * Applies what is missing, one transaction per file, each under the same advisory lock, so that any number of
 * processes may start at once and a killed one leaves whole files only. Returns the names applied by this call.
 * A file cannot hold statements that refuse a transaction (CREATE INDEX CONCURRENTLY, VACUUM).
 *
 * Throws ConfigError for a folder that makes no sense and SchemaError when an applied file was changed or the
 * database knows a migration that the folder does not.
 */
export async function migrate(connection: { sql: Sql }, options: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(options.directory)
  const appliedHere: string[] = []
  // One turn per file and one more to see that nothing is left.
  for (let turn = 0; turn <= migrations.length; turn += 1) {
    const name = await connection.sql.begin((transaction) => applyNext(transaction, migrations, options))
    if (name === null) break
    appliedHere.push(name)
  }
  return appliedHere
}

/**
 * Throws SchemaError unless the database holds exactly the migrations of the folder. A gateway calls this before it
 * serves. Reads only, so it also works for a role without rights to create anything.
 */
export async function checkSchema(connection: { sql: Sql }, options: { directory: string }): Promise<void> {
  const migrations = await readMigrations(options.directory)
  const applied = await connection.sql.begin('read only', (transaction) => readApplied(transaction))
  const pending = comparePlan(migrations, applied)
  if (pending.length === 0) return
  const names = pending.map((migration) => migration.name).join(', ')
  throw new SchemaError('behind', [
    `The database lacks ${pending.length} of ${migrations.length} migrations (${names}). Run "aval migrate".`,
  ])
}

async function applyNext(
  transaction: TransactionSql,
  migrations: readonly Migration[],
  options: MigrateOptions,
): Promise<string | null> {
  await transaction`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`
  // Filling a new column may take longer than any statement of the running product should.
  await transaction`SET LOCAL statement_timeout = 0`
  await transaction`SET LOCAL idle_in_transaction_session_timeout = 0`
  await transaction.unsafe(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL
  )`)
  const pending = comparePlan(migrations, await readApplied(transaction))
  const next = pending[0]
  if (next === undefined) return null
  const position = migrations.length - pending.length + 1
  options.onProgress?.({ name: next.name, position, total: migrations.length })
  await transaction.unsafe(next.text).simple()
  await transaction`
    INSERT INTO schema_migrations (name, sha256, applied_at) VALUES (${next.name}, ${next.sha256}, now())`
  return next.name
}

async function readApplied(transaction: TransactionSql): Promise<Applied[]> {
  const [table] = await transaction<{ found: boolean }[]>`
    SELECT to_regclass('schema_migrations') IS NOT NULL AS found`
  if (table?.found !== true) return []
  return await transaction<Applied[]>`
    SELECT name, sha256 FROM schema_migrations ORDER BY name LIMIT ${MAX_FILES}`
}

/** The migrations still to apply, in order. Throws SchemaError when the two histories differ. */
function comparePlan(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  for (const [position, row] of applied.entries()) {
    const migration = migrations[position]
    if (migration === undefined || migration.name !== row.name) {
      throw new SchemaError('ahead', [
        `The database has migration ${row.name}, which this version of Aval does not know. Run the version that applied it, or a newer one.`,
      ])
    }
    if (migration.sha256 !== row.sha256) {
      throw new SchemaError('changed', [
        `Migration ${row.name} was changed after it was applied. Restore the file and put the change into a new migration.`,
      ])
    }
  }
  return migrations.slice(applied.length)
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  if (names.length === 0) throw new ConfigError([`The migrations folder ${directory} holds no .sql file.`])
  for (const [position, name] of names.entries()) {
    const prefix = `${String(position + 1).padStart(4, '0')}_`
    if (name.startsWith(prefix) && /^[0-9]{4}_[a-z0-9_]+\.sql$/.test(name)) continue
    throw new ConfigError([
      `Migration ${name} in ${directory} should be called ${prefix}<name>.sql: numbers have no gaps and occur once.`,
    ])
  }
  return await Promise.all(names.map((name) => readMigration(directory, name)))
}

async function readMigration(directory: string, file: string): Promise<Migration> {
  const text = await readFile(join(directory, file), 'utf8')
  return {
    name: file.slice(0, -'.sql'.length),
    text,
    sha256: createHash('sha256').update(text).digest('hex'),
  }
}
