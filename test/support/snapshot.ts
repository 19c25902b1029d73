/** Makes one migrated, packed embedded database per test run; every test file starts from a copy of it. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { MIGRATIONS, openEmbeddedDatabase } from './embedded-database.ts'

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
  return () => rm(folder, { recursive: true, force: true })
}
