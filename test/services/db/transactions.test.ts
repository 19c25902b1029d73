/** A transaction whose connection is lost fails, and nothing more: neither the process nor the pool goes with it. */

import type { TransactionSql } from 'postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectDatabase, type DatabaseConnection } from '../../../src/db/client.ts'
import { sql as text } from '../../../src/db/orm.ts'
import { describeDatabases } from '../../support/database.ts'
import { type DatabaseLink, linkTo } from '../../support/database-link.ts'

/** Each loss races the driver's next write; one of them may miss. */
const LOSSES = 10

describeDatabases('a transaction', (open) => {
  let link: DatabaseLink
  let connection: DatabaseConnection
  const uncaught: unknown[] = []
  const note = (error: unknown) => void uncaught.push(error)

  beforeEach(async () => {
    uncaught.length = 0
    process.on('uncaughtException', note)
    link = await linkTo(open().url)
    // One connection, so that the next query can only use the one that was lost.
    connection = connectDatabase(link.url, { maxConnections: 1, applicationName: 'aval-test' })
    await open().sql`CREATE TABLE IF NOT EXISTS kept (id int)`
  })
  afterEach(async () => {
    await connection.close()
    await link.close()
    await open().sql`DROP TABLE kept`
    process.off('uncaughtException', note)
  })

  /** Cuts the connection when the database has executed the statement after BEGIN. */
  function cutInside(): void {
    link.statements = 0
    link.onStatement = (statement) => (statement === 2 ? 'cut' : null)
  }

  /** What a transaction of one INSERT is told; the pool is asked afterwards, and a turn of the loop passes. */
  async function lose(run: () => Promise<unknown>): Promise<unknown> {
    const told = await run().then(
      () => 'committed',
      (error: unknown) => error,
    )
    link.onStatement = () => null
    await connection.sql`SELECT 1`
    await new Promise((resolve) => setImmediate(resolve))
    return told
  }

  test.each([
    ['plain SQL', () => connection.sql.begin((transaction) => transaction`INSERT INTO kept VALUES (1)`)],
    [
      'drizzle',
      () =>
        connection.db.transaction((transaction) => transaction.execute(text`INSERT INTO kept VALUES (1)`)),
    ],
  ] as const)('that loses its connection rejects, in %s, and the pool connects anew', async (_, run) => {
    // The driver reads types on a connection's first query; those are statements, too.
    await connection.sql`SELECT 1`
    const told: unknown[] = []
    for (let loss = 0; loss < LOSSES; loss += 1) {
      cutInside()
      told.push(await lose(run))
    }

    expect(told.every((error) => error instanceof Error)).toBe(true)
    expect(uncaught).toEqual([])
    expect(await open().sql`SELECT id FROM kept`).toEqual([])
  })

  test.each([
    ['another statement', (transaction: TransactionSql) => transaction`INSERT INTO kept VALUES (1)`],
    ['unsafe SQL', (transaction: TransactionSql) => transaction.unsafe('INSERT INTO kept VALUES (1)')],
    ['an error of its own', () => Promise.reject(new Error('changed its mind'))],
    ['its value', () => 'done'],
  ] as const)(
    'that goes on after its connection was lost, with %s, rejects and writes nothing',
    async (_, goOn) => {
      const lost = async () => {
        const reachedThen = Promise.withResolvers<void>()
        const goes = Promise.withResolvers<void>()
        const ended = connection.sql.begin(async (transaction) => {
          await transaction`SELECT 1`
          reachedThen.resolve()
          await goes.promise
          return await goOn(transaction)
        })
        const told = ended.then(
          () => 'committed',
          (error: unknown) => error,
        )
        await reachedThen.promise
        await link.down()
        const first = await told
        // Before there is a connection again, and after it: a late statement must not run on it, outside any transaction.
        if (reconnectsFirst) {
          await link.up()
          await connection.sql`SELECT 1`
        }
        goes.resolve()
        await new Promise((resolve) => setImmediate(resolve))
        await new Promise((resolve) => setImmediate(resolve))
        if (!reconnectsFirst) await link.up()
        return first
      }
      let reconnectsFirst = false
      const told = [await lost()]
      reconnectsFirst = true
      told.push(await lost())

      expect(told).toEqual([expect.any(Error), expect.any(Error)])
      await connection.sql`SELECT 1`
      expect(uncaught).toEqual([])
      expect(await open().sql`SELECT id FROM kept`).toEqual([])
    },
  )

  test('that the server ends rejects, and the pool serves again', async ({ skip }) => {
    skip(open().embedded, 'the embedded database ends no session')
    const told: unknown[] = []
    for (let loss = 0; loss < LOSSES; loss += 1) {
      const ended = connection.sql.begin(async (transaction) => {
        const [session] = await transaction<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
        const sleeping = transaction`SELECT pg_sleep(60)`
        await open().sql`SELECT pg_terminate_backend(${session?.pid ?? 0})`
        await sleeping
      })
      told.push(await ended.catch((error: unknown) => error))
      // The driver may give the dead session's last words to the next query.
      await connection.sql`SELECT 1`.catch((error: unknown) => error)
      await connection.sql`SELECT 1`
    }

    expect(told.every((error) => error instanceof Error)).toBe(true)
    expect(uncaught).toEqual([])
  })

  test('that throws by itself rolls back, and one that ends commits and gives its value', async () => {
    const { sql } = connection
    const refusal = await sql
      .begin(async (transaction) => {
        await transaction`INSERT INTO kept VALUES (1)`
        throw new Error('not this one')
      })
      .catch((error: unknown) => error)
    const value = await sql.begin('read write', async (transaction) => {
      await transaction`INSERT INTO kept VALUES (2)`
      return 'done'
    })
    const broken = await sql
      .begin((transaction) => transaction`SELECT 1 / 0`)
      .catch((error: unknown) => error)

    expect(refusal).toMatchObject({ message: 'not this one' })
    expect(value).toBe('done')
    expect(broken).toMatchObject({ code: '22012' })
    expect((await open().sql`SELECT id FROM kept`).map(({ id }) => id)).toEqual([2])
  })
})
