/**
 * A migration that dies after any statement leaves whole files, and the next run goes on from there to the very same
 * schema. Files that were applied once are frozen and one loop applies them all, so that a death in an old file says
 * little that it has not said before: each run holds a sample of the older files, chosen by the file's number, at least
 * one death in each and one after every kind of object, and every death there is in the newest files. AVAL_SOAK=1 holds
 * every one in all of them. Never starts again from nothing: what a death leaves is where the next one begins.
 */

import { fileURLToPath } from 'node:url'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate } from '../../../src/db/migrate.ts'
import { openPool, type Pool } from '../../../src/db/pool.ts'
import { describeDatabases } from '../../support/database.ts'
import { type DatabaseLink, linkTo } from '../../support/database-link.ts'
import { MIGRATIONS } from '../../support/embedded-database.ts'
import { finish, REPOSITORY, start } from '../../support/process.ts'
import { randomOf } from '../../support/random.ts'
import { emptySchema, listApplied, listSchema } from '../../support/schema-listing.ts'
import { createServerDatabase, type ServerDatabase } from '../../support/server-database.ts'
import { printCount, soakCount } from '../../support/soak.ts'

const PROGRAM = fileURLToPath(new URL('../../support/programs/run-migrations.ts', import.meta.url))
const NEWEST = 2
/** Statements of the driver's own on each new connection: it asks for the types there are. */
const OPENING = 1
const OBJECTS_PER_OLDER_FILE = soakCount(2, Number.POSITIVE_INFINITY)
const MOMENTS_PER_OLDER_FILE = soakCount(1, Number.POSITIVE_INFINITY)

/** So many of an older file's places in their order, others for each file; all of one of the newest files. */
function sampleOf<T>(places: readonly T[], file: number, files: number, count: number): T[] {
  if (file >= files - NEWEST) return [...places]
  const random = randomOf(file)
  const chosen = new Set(
    places
      .map((place) => ({ place, at: random() }))
      .sort((one, other) => one.at - other.at)
      .slice(0, count)
      .map(({ place }) => place),
  )
  return places.filter((place) => chosen.has(place))
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

  /** A whole run, watched: the statements after which answers came, and the one that ended each file. */
  async function watchRun(): Promise<{ moments: number[]; ends: number[] }> {
    const moments: number[] = []
    const ends: number[] = []
    let together = false
    link.onStatement = (statement) => {
      // Answers that arrive together are one moment: nobody can be killed between them.
      if (!together) moments.push(statement)
      together = true
      queueMicrotask(() => {
        together = false
      })
      if (link.commits > ends.length) ends.push(statement)
      return null
    }
    const clean = await finish(begin(), 'a clean run')
    link.onStatement = () => null
    expect(clean).toMatchObject({ code: 0, stderr: '' })
    // After the last file one more transaction sees that nothing is left.
    return { moments, ends: ends.slice(0, -1) }
  }

  test('leaves whole files behind, whichever statement was the last, and the next run goes on from there', async () => {
    const { moments, ends } = await watchRun()
    const wanted = await stateOf(open().sql)
    const files = wanted.applied.length
    const kills = ends.flatMap((end, file) => {
      const ofFile = moments.filter((moment) => moment > (ends[file - 1] ?? 0) && moment <= end)
      return sampleOf(ofFile, file, files, MOMENTS_PER_OLDER_FILE)
    })
    const every = [...new Set([moments[0]!, ...kills, moments.at(-1)!])]

    await emptySchema(open().sql)
    let applied = 0
    let state = NOTHING
    for (const moment of every) {
      const name = `killed after statement ${moment}`
      const statements = applied === 0 ? moment : moment - ends[applied - 1]! + OPENING
      expect(await killAfter(statements), name).toBe('SIGKILL')
      const left = await stateOf(open().sql)
      const whole = ends.filter((end) => end <= moment).length
      expect(left.applied, name).toEqual(wanted.applied.slice(0, whole))
      if (whole === applied) expect(left, name).toEqual(state)
      if (whole === files) expect(left, name).toEqual(wanted)
      applied = whole
      state = left
    }
    expect(await finish(begin(), 'the last run')).toMatchObject({ code: 0, stderr: '' })

    expect(await stateOf(open().sql)).toEqual(wanted)
    expect(ends).toHaveLength(files)
    expect(applied).toBe(files)
    expect(every.length).toBeGreaterThan(files)
    printCount(`migrations: killed at ${every.length} of ${moments.length} moments`)
  }, 3_600_000)
})

/** What the driver says of a connection that the server ended: the server's reason, or only that it is gone. */
const LOST = new Set(['57P01', 'CONNECTION_CLOSED'])

type Object = { file: number; place: number; kind: string }

/**
 * Inside a file the answers of all its statements arrive together, so that a killed client cannot stop between two of
 * them. The server can: an event trigger notes each object that is made, and ends the session after the n-th.
 */
async function armDeath({ sql }: Pool): Promise<void> {
  await sql.unsafe(`
    CREATE SCHEMA aval_test;
    CREATE TABLE aval_test.made (file int, place int, kind text);
    CREATE FUNCTION aval_test.count_and_die() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE
      made int := 1 + coalesce(nullif(current_setting('aval_test.made', true), ''), '0')::int;
      file int;
    BEGIN
      PERFORM set_config('aval_test.made', made::text, false);
      IF made = coalesce(nullif(current_setting('aval_test.die_after', true), ''), '0')::int THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
      END IF;
      SELECT count(*) INTO file FROM public.schema_migrations;
      INSERT INTO aval_test.made VALUES (file, made, tg_tag);
    END $$;
    CREATE EVENT TRIGGER aval_test_death ON ddl_command_end EXECUTE FUNCTION aval_test.count_and_die()`)
}

const SERVER_URL = process.env.TEST_DATABASE_URL

describe.skipIf(!SERVER_URL)(
  `a migration whose connection is ended inside a file, on PostgreSQL${SERVER_URL ? '' : ' (TEST_DATABASE_URL is not set)'}`,
  () => {
    let database: ServerDatabase
    let watch: Pool
    const connect = () => openPool(database.url, { maxConnections: 1, applicationName: 'aval-test' })

    beforeEach(async () => {
      database = await createServerDatabase(SERVER_URL ?? '', 'aval_test')
      watch = connect()
      await emptySchema(watch.sql)
      await armDeath(watch)
    })
    afterEach(async () => {
      await watch.close()
      await database.drop()
    })

    /** One run of all migrations over a connection of its own: how it ended, and whatever else went wrong as it is. */
    async function run(): Promise<unknown> {
      const connection = connect()
      const outcome = await migrate(connection, { directory: MIGRATIONS }).then(
        () => 'migrated',
        (error: { code?: string }) => (LOST.has(error.code ?? '') ? 'lost' : error),
      )
      // Closed in order, the driver would wait for the transaction of a connection that is gone.
      await connection.sql.end({ timeout: 0 })
      return outcome
    }

    async function runUntil(objects: number): Promise<unknown> {
      await watch.sql.unsafe(`ALTER DATABASE ${database.name} SET aval_test.die_after = '${objects}'`)
      return await run()
    }

    /** What each file makes, in its order; what is made first in each is the look for the table of migrations. */
    async function objectsOf(files: number): Promise<Object[][]> {
      const rows = await watch.sql<Object[]>`SELECT file, place, kind FROM aval_test.made ORDER BY place`
      return Array.from({ length: files }, (_, file) => rows.filter((row) => row.file === file))
    }

    test('leaves whole files behind, whichever object was the last, and the next run goes on from there', async () => {
      expect(await run()).toBe('migrated')
      const wanted = await stateOf(watch.sql)
      const files = wanted.applied.length
      const made = await objectsOf(files)
      const chosen = made.map((objects, file) =>
        sampleOf(objects.slice(1), file, files, OBJECTS_PER_OLDER_FILE),
      )
      for (const kind of new Set(made.flat().map((one) => one.kind))) {
        if (chosen.flat().some((one) => one.kind === kind)) continue
        const one = made.flat().find((object) => object.kind === kind)!
        chosen[one.file] = made[one.file]!.filter(
          (object) => object === one || chosen[one.file]!.includes(object),
        )
      }

      await watch.sql`DROP EVENT TRIGGER aval_test_death`
      await emptySchema(watch.sql)
      await watch.sql`CREATE EVENT TRIGGER aval_test_death ON ddl_command_end EXECUTE FUNCTION aval_test.count_and_die()`
      let deaths = 0
      let state = NOTHING
      for (const [file, objects] of made.entries()) {
        const before = objects[0]!.place - 1
        for (const { place, kind } of chosen[file]!) {
          const name = `${kind}, object ${place - before} of ${wanted.applied[file]}`
          expect(await runUntil(place - before), name).toBe('lost')
          expect(await stateOf(watch.sql), name).toEqual(state)
          deaths += 1
        }
        // At the look for the table of migrations that comes before the next file, this one is whole.
        expect(await runUntil(objects.length + 1)).toBe('lost')
        state = await stateOf(watch.sql)
        expect(state.applied).toEqual(wanted.applied.slice(0, file + 1))
      }

      expect(await runUntil(0)).toBe('migrated')
      expect(state).toEqual(wanted)
      expect(await stateOf(watch.sql)).toEqual(wanted)
      expect(deaths).toBeGreaterThan(files)
      printCount(`migrations: ended after ${deaths} of ${made.flat().length - files} objects`)
    }, 3_600_000)
  },
)

type State = { schema: string[]; applied: string[] }

const NOTHING: State = { schema: [], applied: [] }

async function stateOf(sql: Sql): Promise<State> {
  return { schema: await listSchema(sql), applied: await listApplied(sql) }
}
