import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkSchema, migrate, SchemaError } from '../../../src/db/migrate.ts'
import { ConfigError } from '../../../src/errors.ts'
import { describeDatabases } from '../../support/database.ts'
import { MIGRATIONS } from '../../support/embedded-database.ts'

describeDatabases('migrations', (open) => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aval-migrations-'))
    await cp(MIGRATIONS, directory, { recursive: true })
  })

  afterEach(async () => {
    const { sql } = open()
    await sql`DROP TABLE IF EXISTS extra, more`
    await sql`DELETE FROM schema_migrations WHERE name LIKE '9%' OR name LIKE '%\\_extra' OR name LIKE '%\\_more'`
    await rm(directory, { recursive: true, force: true })
  })

  test('a migrated database is accepted and a second run applies nothing', async () => {
    const applied = await migrate(open(), { directory })

    expect(applied).toEqual([])
    await expect(checkSchema(open(), { directory })).resolves.toBeUndefined()
  })

  test('a gateway refuses a database that is behind, and says which migration is missing', async () => {
    const name = await addMigration(directory, 'extra', 'CREATE TABLE extra (id int)')

    const refusal = await checkSchema(open(), { directory }).catch((error: unknown) => error)

    expect(refusal).toBeInstanceOf(SchemaError)
    expect(refusal).toMatchObject({ state: 'behind', message: expect.stringContaining(name) })
  })

  test('a new file is applied once, with its progress reported before it starts', async () => {
    const name = await addMigration(
      directory,
      'extra',
      'CREATE TABLE extra (id int); INSERT INTO extra VALUES (1)',
    )
    const seen: string[] = []

    const first = await migrate(open(), { directory, onProgress: (file) => seen.push(file.name) })
    const second = await migrate(open(), { directory })

    expect(first).toEqual([name])
    expect(seen).toEqual([name])
    expect(second).toEqual([])
    expect(await open().sql`SELECT id FROM extra`).toHaveLength(1)
  })

  test('two processes that migrate at once apply each file exactly once', async () => {
    const names = [
      await addMigration(directory, 'extra', 'CREATE TABLE extra (id int)'),
      await addMigration(directory, 'more', 'CREATE TABLE more (id int)'),
    ]

    const runs = await Promise.all([1, 2, 3].map(() => migrate(open(), { directory })))

    expect(runs.flat().sort()).toEqual(names)
  })

  test('a file that fails in the middle leaves nothing of itself behind and can be mended', async () => {
    const name = await addMigration(directory, 'extra', 'CREATE TABLE extra (id int); SELECT 1 / 0;')

    const failure = await migrate(open(), { directory }).catch((error: unknown) => error)
    const [leftOver] = await open().sql`SELECT to_regclass('extra') AS found`
    await writeFile(join(directory, `${name}.sql`), 'CREATE TABLE extra (id int)')
    const applied = await migrate(open(), { directory })

    expect(failure).toMatchObject({ message: expect.stringContaining('division by zero') })
    expect(leftOver).toEqual({ found: null })
    expect(applied).toEqual([name])
  })

  test('an applied file that was edited is refused', async () => {
    await writeFile(join(directory, '0001_spine.sql'), 'SELECT 1')

    const refusals = [
      await migrate(open(), { directory }).catch((error: unknown) => error),
      await checkSchema(open(), { directory }).catch((error: unknown) => error),
    ]

    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(SchemaError)
      expect(refusal).toMatchObject({ state: 'changed', message: expect.stringContaining('0001_spine') })
    }
  })

  test('a database that a newer version migrated is refused', async () => {
    await open().sql`
      INSERT INTO schema_migrations (name, sha256, applied_at) VALUES ('9999_future', 'abc', now())`

    const refusals = [
      await migrate(open(), { directory }).catch((error: unknown) => error),
      await checkSchema(open(), { directory }).catch((error: unknown) => error),
    ]

    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(SchemaError)
      expect(refusal).toMatchObject({ state: 'ahead', message: expect.stringContaining('9999_future') })
    }
  })

  test.each(['0099_gap.sql', '0001_twice.sql', '2_short.sql', '0002_Upper.sql'])(
    'a folder with %s is refused before the database is touched',
    async (file) => {
      await writeFile(join(directory, file), 'CREATE TABLE extra (id int)')

      const refusal = await migrate(open(), { directory }).catch((error: unknown) => error)

      expect(refusal).toBeInstanceOf(ConfigError)
      expect(await open().sql`SELECT to_regclass('extra') AS found`).toEqual([{ found: null }])
    },
  )
})

/** Adds the next number to the folder and returns the migration's name. */
async function addMigration(directory: string, word: string, text: string): Promise<string> {
  const number = (await readdir(directory)).length + 1
  const name = `${String(number).padStart(4, '0')}_${word}`
  await writeFile(join(directory, `${name}.sql`), text)
  return name
}
