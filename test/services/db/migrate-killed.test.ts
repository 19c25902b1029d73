/** A migration that dies after any statement leaves whole files, and the next run ends at the very same schema. */

import { fileURLToPath } from 'node:url'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectDatabase, type DatabaseConnection } from '../../../src/db/client.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { describeDatabases } from '../../support/database.ts'
import { type DatabaseLink, linkTo } from '../../support/database-link.ts'
import { MIGRATIONS } from '../../support/embedded-database.ts'
import { finish, REPOSITORY, start } from '../../support/process.ts'
import { emptySchema, listApplied, listSchema } from '../../support/schema-listing.ts'
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.ts'

const PROGRAM = fileURLToPath(new URL('../../support/programs/run-migrations.ts', import.meta.url))
const KILLS = 12

/** So many whole numbers from 1 to `last`, evenly spread, both ends among them. */
function spread(last: number, count: number): number[] {
  const steps = Math.min(last, count)
  return Array.from({ length: steps }, (_, step) => 1 + Math.round((step * (last - 1)) / (steps - 1)))
}

describeDatabases('a killed migration', (open) => {
  let link: DatabaseLink

  beforeEach(async () => {
    link = await linkTo(open().url)
    await emptySchema(open().sql)
  })
  afterEach(() => link.close())

  const begin = () => start(process.execPath, [PROGRAM, link.url, MIGRATIONS], { cwd: REPOSITORY })

  /** Runs the migrations in a process of its own that gets SIGKILL once so many statements have been executed. */
  async function killAfter(statements: number): Promise<number | string> {
    link.statements = 0
    const running = begin()
    link.onStatement = (statement) => {
      if (statement < statements) return null
      process.kill(running.pid, 'SIGKILL')
      return 'cut'
    }
    const { code } = await finish(running, `migrations killed after ${statements} statements`)
    link.onStatement = () => null
    return code
  }

  test('leaves whole files behind, whichever statement was the last, and the next run makes it good', async () => {
    const clean = await finish(begin(), 'a clean run')
    const statements = link.statements
    const wanted = await stateOf(open().sql)

    const codes: (number | string)[] = []
    const left: State[] = []
    const mended: State[] = []
    for (const statement of spread(statements, KILLS)) {
      await emptySchema(open().sql)
      codes.push(await killAfter(statement))
      left.push(await stateOf(open().sql))
      await migrate(open(), { directory: MIGRATIONS })
      mended.push(await stateOf(open().sql))
    }

    expect(clean).toMatchObject({ code: 0, stderr: '' })
    expect(statements).toBeGreaterThan(KILLS)
    expect(new Set(codes)).toEqual(new Set(['SIGKILL']))
    expect(left[0]).toEqual(NOTHING)
    expect(left.at(-1)).toEqual(wanted)
    for (const state of left) expectWholeFiles(state, wanted)
    for (const state of mended) expect(state).toEqual(wanted)
  }, 120_000)
})

/**
 * Inside a file the answers of all its statements arrive together, so that a killed client cannot stop between two of
 * them. The server can: an event trigger ends the session after the n-th object was made.
 */
async function dieAfter({ sql }: DatabaseConnection, database: string, objects: number): Promise<void> {
  await sql.unsafe(`ALTER DATABASE ${database} SET aval_test.die_after = '${objects}'`)
}

async function armDeath({ sql }: DatabaseConnection): Promise<void> {
  await sql.unsafe(`
    CREATE SCHEMA aval_test;
    CREATE FUNCTION aval_test.count_and_die() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE made int := 1 + coalesce(nullif(current_setting('aval_test.made', true), ''), '0')::int;
    BEGIN
      PERFORM set_config('aval_test.made', made::text, false);
      IF made = coalesce(nullif(current_setting('aval_test.die_after', true), ''), '0')::int THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
      END IF;
    END $$;
    CREATE EVENT TRIGGER aval_test_death ON ddl_command_end EXECUTE FUNCTION aval_test.count_and_die()`)
}

const SERVER_URL = process.env.TEST_DATABASE_URL

describe.skipIf(!SERVER_URL)(
  `a migration whose connection is ended inside a file, on PostgreSQL${SERVER_URL ? '' : ' (TEST_DATABASE_URL is not set)'}`,
  () => {
    let database: ServerDatabase
    const connect = () => connectDatabase(database.url, { maxConnections: 1, applicationName: 'aval-test' })

    beforeEach(async () => {
      database = await createServerDatabase(SERVER_URL ?? '', 'aval_test')
    })
    afterEach(() => database.drop())

    /** One run of all migrations in a process of its own, which a lost connection ends; the exit code. */
    async function run(): Promise<number | string> {
      const words = [PROGRAM, database.url, MIGRATIONS]
      return (await finish(start(process.execPath, words, { cwd: REPOSITORY }), 'migrations')).code
    }

    test('leaves whole files behind, whichever object was the last, and the next run makes it good', async () => {
      const watch = connect()
      await emptySchema(watch.sql)
      await armDeath(watch)
      await run()
      const wanted = await stateOf(watch.sql)

      // Each run goes on from where the death before it left off. What a death inside a file leaves is what was there before
      // the file, so every object of every file has its turn without the files before it being made again.
      await emptySchema(watch.sql)
      let deaths = 0
      let state = NOTHING
      for (let objects = 1; ; ) {
        await dieAfter(watch, database.name, objects)
        const code = await run()
        const left = await stateOf(watch.sql)
        if (code === 0) {
          state = left
          break
        }
        deaths += 1
        expectWholeFiles(left, wanted)
        if (left.applied.length === state.applied.length) {
          expect(left, `after object ${objects}`).toEqual(state)
          objects += 1
        } else {
          expect(left.applied.length, `after object ${objects}`).toBe(state.applied.length + 1)
          objects = 1
        }
        state = left
      }
      await watch.close()

      expect(state).toEqual(wanted)
      // At least the tables of the first file; every one of them had its turn.
      expect(deaths).toBeGreaterThanOrEqual(10)
      // A process for every object there is, and each migration adds some.
    }, 300_000)
  },
)

type State = { schema: string[]; applied: string[] }

const NOTHING: State = { schema: [], applied: [] }

async function stateOf(sql: Sql): Promise<State> {
  return { schema: await listSchema(sql), applied: await listApplied(sql) }
}

/** What a death left: the first files whole, the rest not at all. */
function expectWholeFiles(state: State, wanted: State): void {
  expect(state.applied).toEqual(wanted.applied.slice(0, state.applied.length))
  if (state.applied.length === 0) expect(state).toEqual(NOTHING)
  if (state.applied.length === wanted.applied.length) expect(state).toEqual(wanted)
}
