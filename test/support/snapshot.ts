/**
 * Migrates one embedded database and, with TEST_DATABASE_URL, one of that server per test run; every test file starts
 * from copies of them.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { MIGRATIONS, openEmbeddedDatabase } from './embedded-database.ts'
import { createMigratedDatabase } from './server-database.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the packed data folder. */
    databaseSnapshot: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'aval-snapshot-'))
  const database = await openEmbeddedDatabase()
  await migrate(database.connection, { directory: MIGRATIONS })
  const file = join(folder, 'migrated.tar')
  await writeFile(file, await database.dump())
  await database.close()
  project.provide('databaseSnapshot', file)
  // For the gateways that tests start as child processes.
  process.env.AVAL_TEST_SNAPSHOT = file
  const serverUrl = process.env.TEST_DATABASE_URL
  const template = serverUrl ? await createMigratedDatabase(serverUrl, 'aval_test_template') : null
  if (template !== null) process.env.AVAL_TEST_TEMPLATE = template.name
  return async () => {
    await rm(folder, { recursive: true, force: true })
    await template?.drop()
  }
}
