import { beforeEach, expect, test } from 'vitest'
import { ensurePartitions } from '../../../src/db/partitions.ts'
import { describeDatabases, type TestDatabase } from '../../support/database.ts'

describeDatabases('daily partitions', (open) => {
  beforeEach(async () => {
    await open().truncate()
    await dropPartitions(open())
  })

  test('each day gets one partition per table, and a second run creates nothing', async () => {
    const created = await ensurePartitions(open().sql, { fromDay: '2026-12-31', days: 2 })
    const again = await ensurePartitions(open().sql, { fromDay: '2026-12-31', days: 2 })

    expect(created).toEqual([
      'requests_20261231',
      'request_bodies_20261231',
      'rollup_minutes_20261231',
      'requests_20270101',
      'request_bodies_20270101',
      'rollup_minutes_20270101',
    ])
    expect(again).toEqual([])
  })

  test('a row of a prepared day is stored in its partition', async () => {
    await ensurePartitions(open().sql, { fromDay: '2026-11-23', days: 1 })

    await insertBody(open(), '2026-11-23', 1)

    expect(await placesOf(open())).toEqual(['request_bodies_20261123'])
  })

  test('rows that came before their partition move into it, and no other row does', async () => {
    await insertBody(open(), '2026-11-23', 1)
    await insertBody(open(), '2026-11-23', 2)
    await insertBody(open(), '2026-11-24', 3)

    await ensurePartitions(open().sql, { fromDay: '2026-11-23', days: 1 })

    expect(await placesOf(open())).toEqual([
      'request_bodies_20261123',
      'request_bodies_20261123',
      'request_bodies_default',
    ])
  })

  test('many processes that prepare the same days at once create each partition once', async () => {
    const runs = await Promise.all(
      [1, 2, 3, 4].map(() => ensurePartitions(open().sql, { fromDay: '2026-11-23', days: 3 })),
    )

    expect(runs.flat().sort()).toHaveLength(9)
    expect(new Set(runs.flat()).size).toBe(9)
  })

  test('rows written while partitions are made are all kept', async () => {
    const writes = Promise.all(
      Array.from({ length: 60 }, (_, seq) => insertBody(open(), `2026-11-2${3 + (seq % 3)}`, seq)),
    )
    const made = ensurePartitions(open().sql, { fromDay: '2026-11-23', days: 3 })

    await Promise.all([writes, made])

    expect(await placesOf(open())).toHaveLength(60)
  })

  test('every index of the log exists on a new partition, over the same columns', async () => {
    await ensurePartitions(open().sql, { fromDay: '2026-11-23', days: 1 })

    const ofTheLog = await indexesOf(open(), 'requests')

    expect(ofTheLog).toHaveLength(9)
    expect(await indexesOf(open(), 'requests_20261123')).toEqual(ofTheLog)
  })

  test.each(['2026-02-30', '23.11.2026', '2026-11-23T00:00:00Z', "2026-11-23'; --"])(
    'the day %j is refused',
    async (fromDay) => {
      await expect(ensurePartitions(open().sql, { fromDay, days: 1 })).rejects.toThrow(RangeError)
    },
  )
})

async function insertBody({ sql }: TestDatabase, day: string, seq: number): Promise<void> {
  await sql`
    INSERT INTO request_bodies (day, writer, seq, request_text)
    VALUES (${day}, '00000000-0000-7000-8000-000000000000', ${seq}, 'hello')`
}

async function placesOf({ sql }: TestDatabase): Promise<string[]> {
  const rows = await sql<{ place: string }[]>`
    SELECT tableoid::regclass::text AS place FROM request_bodies ORDER BY seq`
  return rows.map((row) => row.place)
}

async function dropPartitions({ sql }: TestDatabase): Promise<void> {
  const rows = await sql<{ name: string }[]>`
    SELECT inhrelid::regclass::text AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE relkind = 'r' AND relname !~ '_default$'`
  for (const row of rows) await sql.unsafe(`DROP TABLE ${row.name}`)
}

/** What each index of a table covers, without the index's own name and its table's. */
async function indexesOf(db: TestDatabase, table: string): Promise<string[]> {
  const rows = await db.sql<{ covers: string }[]>`
    SELECT substring(indexdef from ' USING .*$') AS covers FROM pg_indexes WHERE tablename = ${table} ORDER BY covers`
  return rows.map(({ covers }) => covers)
}
