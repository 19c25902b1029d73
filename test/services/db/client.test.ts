import { eq } from 'drizzle-orm'
import { beforeEach, expect, test } from 'vitest'
import { connectDatabase } from '../../../src/db/client.ts'
import { projects, virtualKeys } from '../../../src/db/schema.ts'
import { ConfigError } from '../../../src/errors.ts'
import { describeDatabases } from '../../support/database.ts'

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

    expect([...(await sql`SELECT subject, version FROM change_counters ORDER BY subject`)]).toEqual([
      { subject: 'erasures', version: '0' },
      { subject: 'keys', version: '0' },
      { subject: 'registry', version: '0' },
    ])
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
