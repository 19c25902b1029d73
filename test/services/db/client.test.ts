import { beforeEach, expect, test } from 'vitest'
import { connectDatabase } from '../../../src/db/client.ts'
import { eq } from '../../../src/db/orm.ts'
import { projects, virtualKeys } from '../../../src/db/schema.ts'
import { ConfigError } from '../../../src/errors.ts'
import { describeDatabases } from '../../support/database.ts'
import { until } from '../../support/process.ts'

describeDatabases('the connection', (open) => {
  beforeEach(() => open().truncate())

  test('arrays and bytes go in and come out the same way through drizzle and through plain SQL', async () => {
    const { db, sql } = open()
    const createdAt = new Date('2026-11-23T12:00:00.000Z')
    await db.insert(projects).values({ id: 'prj_1', name: 'default', createdAt })
    await db.insert(virtualKeys).values({
      id: 'vk_1',
      projectId: 'prj_1',
      name: 'both',
      roles: ['app', 'a "quoted", one'],
      digest: Buffer.from([0, 255]),
      createdAt,
    })

    const [mapped] = await db.select().from(virtualKeys).where(eq(virtualKeys.id, 'vk_1'))
    const [plain] = await sql`SELECT roles, digest FROM virtual_keys WHERE roles && ${['app']}`
    const rows = await sql`SELECT * FROM unnest(${[1, 2]}::int[], ${['x', 'y,"']}::text[]) AS pair (id, word)`

    expect(mapped).toMatchObject({
      roles: ['app', 'a "quoted", one'],
      createdAt,
      digest: Buffer.from([0, 255]),
    })
    expect(plain).toEqual({ roles: ['app', 'a "quoted", one'], digest: Buffer.from([0, 255]) })
    expect([...rows]).toEqual([
      { id: 1, word: 'x' },
      { id: 2, word: 'y,"' },
    ])
  })

  test('a transaction that throws leaves nothing', async () => {
    const { db } = open()

    await db
      .transaction(async (transaction) => {
        await transaction.insert(projects).values({ id: 'prj_1', name: 'default', createdAt: new Date() })
        throw new Error('changed my mind')
      })
      .catch(() => undefined)

    expect(await db.select().from(projects)).toEqual([])
  })

  test('truncating brings back what the migrations inserted', async () => {
    const { sql, truncate } = open()
    await sql`UPDATE change_counters SET version = 7`
    await truncate()
    await sql`DELETE FROM change_counters`

    await truncate()

    expect([...(await sql`SELECT subject, version FROM change_counters ORDER BY subject`)]).toEqual([
      { subject: 'erasures', version: '0' },
      { subject: 'keys', version: '0' },
      { subject: 'registry', version: '0' },
    ])
  })

  test('truncating waits for a transaction under way, and takes what it wrote', async () => {
    const { sql, truncate } = open()
    const written = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const writing = sql.begin(async (transaction) => {
      await transaction`INSERT INTO projects (id, name, created_at) VALUES ('prj_late', 'late', now())`
      written.resolve()
      await release.promise
    })
    await written.promise

    let ended = false
    const truncated = truncate().finally(() => {
      ended = true
    })
    // The embedded database has one session at a time: nobody could look.
    if (!open().embedded) {
      const isWaiting = async () =>
        (
          await sql`SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
          WHERE d.datname = current_database() AND NOT granted`
        ).length > 0
      await until('a truncation that waits', async () => ended || (await isWaiting()))
    }
    release.resolve()
    await Promise.all([writing, truncated])

    expect([...(await sql`SELECT id FROM projects`)]).toEqual([])
  })
})

test.each([
  'mysql://root:hunter2@host/db',
  'host=localhost password=hunter2',
  '',
  'postgres://root:hunter2@one,two/db',
])('the address %j is refused, and its password is not repeated', (url) => {
  const attempt = () => connectDatabase(url, { maxConnections: 1, applicationName: 'test' })

  expect(attempt).toThrow(ConfigError)
  expect(attempt).not.toThrow('hunter2')
})
