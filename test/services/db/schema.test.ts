import type { PgTable } from 'drizzle-orm/pg-core'
import { expect, test } from 'vitest'
import * as alertTables from '../../../src/db/alert-tables.ts'
import * as dataTables from '../../../src/db/data-tables.ts'
import * as datasetTables from '../../../src/db/dataset-tables.ts'
import * as fileTables from '../../../src/db/file-tables.ts'
import * as onlineTables from '../../../src/db/online-tables.ts'
import { getTableColumns, getTableConfig, getTableName, isTable } from '../../../src/db/orm.ts'
import * as promotionTables from '../../../src/db/promotion-tables.ts'
import * as retrievalTables from '../../../src/db/retrieval-tables.ts'
import * as reviewTables from '../../../src/db/review-tables.ts'
import * as rollupTables from '../../../src/db/rollup-tables.ts'
import * as runTables from '../../../src/db/run-tables.ts'
import * as schema from '../../../src/db/schema.ts'
import * as shadowTables from '../../../src/db/shadow-tables.ts'
import * as tuningTables from '../../../src/db/tuning-tables.ts'
import * as versionTables from '../../../src/db/version-tables.ts'
import * as workerTables from '../../../src/db/worker-tables.ts'
import { describeDatabases } from '../../support/database.ts'

type Column = { name: string; type: string; nullable: boolean }

const tables = [
  schema,
  versionTables,
  retrievalTables,
  fileTables,
  datasetTables,
  runTables,
  tuningTables,
  reviewTables,
  onlineTables,
  shadowTables,
  promotionTables,
  workerTables,
  alertTables,
  rollupTables,
  dataTables,
]
  .flatMap((module) => Object.values<unknown>(module))
  .filter((value) => isTable(value)) as PgTable[]

describeDatabases('the schema as drizzle sees it', (open) => {
  test('has every table of the migrated database, and no other', async () => {
    const rows = await open().sql<{ name: string }[]>`
      SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname <> 'schema_migrations' ORDER BY relname`

    expect(rows.length).toBeGreaterThan(0)
    expect(tables.map((table) => getTableName(table)).sort()).toEqual(rows.map((row) => row.name))
  })

  test.each(tables.map((table) => [getTableName(table), table] as const))(
    'has the columns of %s with their types and nullability',
    async (name, table) => {
      const described: Column[] = Object.values(getTableColumns(table)).map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        nullable: !column.notNull,
      }))

      expect(sorted(described)).toEqual(sorted(await columnsOf(name)))
    },
  )

  test.each(tables.map((table) => [getTableName(table), table] as const))(
    'has the primary key of %s',
    async (name, table) => {
      const config = getTableConfig(table)
      const described = config.primaryKeys[0]?.columns ?? config.columns.filter((column) => column.primary)

      expect(described.map((column) => column.name)).toEqual(await primaryKeyOf(name))
    },
  )

  async function columnsOf(table: string): Promise<Column[]> {
    return await open().sql<Column[]>`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable
      FROM pg_attribute WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped`
  }

  async function primaryKeyOf(table: string): Promise<string[]> {
    const rows = await open().sql<{ name: string }[]>`
      SELECT attname AS name FROM pg_index, unnest(indkey) WITH ORDINALITY AS key (attnum, place)
      JOIN pg_attribute USING (attnum)
      WHERE indrelid = ${table}::regclass AND indisprimary AND attrelid = indrelid ORDER BY place`
    return rows.map((row) => row.name)
  }
})

function sorted(columns: readonly Column[]): Column[] {
  return [...columns].sort((a, b) => a.name.localeCompare(b.name))
}
