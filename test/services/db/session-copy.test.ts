import { setTimeout as sleep } from 'node:timers/promises'
import type { TransactionSql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Column } from '../../../src/audit/columns.ts'
import { CopyBuffer, encodeCopy } from '../../../src/audit/copy-encoding.ts'
import { copyIn } from '../../../src/db/copy-in.ts'
import { encodeMessage } from '../../../src/db/wire.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../support/embedded-database.ts'
import { WireClient } from '../../support/wire-client.ts'

type Thing = { id: number; said: string | null; bytes: Buffer | null; kept: string | null }

const MIB = 1024 * 1024
const COPY = 'COPY things (id, said, bytes, kept) FROM STDIN (FORMAT binary)'
const COLUMNS: readonly Column<Thing>[] = [
  { name: 'id', type: 'bigint', value: ({ id }) => id },
  { name: 'said', type: 'text', value: ({ said }) => said },
  { name: 'bytes', type: 'bytea', value: ({ bytes }) => bytes },
  { name: 'kept', type: 'jsonb', value: ({ kept }) => kept },
]
const DONE = encodeMessage('c')

let database: EmbeddedDatabase
const opened: { end(): Promise<void> }[] = []

beforeAll(async () => {
  database = await openEmbeddedDatabase()
  await makeThings(database)
})
beforeEach(() => database.connection.sql`TRUNCATE things`)
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.end()))
})
afterAll(() => database.close())

test('500 rows arrive as they were: numbers, NULLs, texts, bytes, JSON', async () => {
  const { sql } = database.connection
  const things = Array.from({ length: 500 }, (_, id) =>
    aThing(id * 2 ** 40, {
      said: id % 3 === 0 ? null : `"Grüße" \\ {${id}}\n\t,`,
      bytes: id % 5 === 0 ? null : Buffer.from([0, 255, 10, id % 256]),
      kept: id % 7 === 0 ? null : JSON.stringify({ id, deep: ['"', null] }),
    }),
  )

  await sql.begin((transaction) => copy(transaction, things))

  const rows = await sql<
    Thing[]
  >`SELECT id::float8 AS id, said, bytes, kept::text AS kept FROM things ORDER BY id`
  expect(rows.map((row) => ({ ...row, kept: row.kept === null ? null : JSON.parse(row.kept) }))).toEqual(
    things.map((thing) => ({ ...thing, kept: thing.kept === null ? null : JSON.parse(thing.kept) })),
  )
})

test('rows of many megabytes arrive whole', async () => {
  const { sql } = database.connection
  const things = [1, 2, 3].map((id) =>
    aThing(id, { said: 'aval '.repeat(MIB), bytes: Buffer.alloc(5 * MIB, id) }),
  )

  await sql.begin((transaction) => copy(transaction, things))

  const rows = await sql`
    SELECT id::int AS id, said = repeat('aval ', ${MIB}) AS said, length(bytes) AS length, get_byte(bytes, ${5 * MIB - 1}) AS last
    FROM things ORDER BY id`
  expect(rows).toEqual([1, 2, 3].map((id) => ({ id, said: true, length: 5 * MIB, last: id })))
})

test('a copy is part of its transaction: seen in it, and gone when it is rolled back', async () => {
  const { sql } = database.connection
  let seen = 0

  const ended = await sql
    .begin(async (transaction) => {
      await transaction`INSERT INTO things (id) VALUES (7)`
      await copy(transaction, [aThing(8), aThing(9)])
      seen = (await transaction`SELECT FROM things`).length
      throw new Error('rolled back on purpose')
    })
    .catch((error: unknown) => error)

  expect(seen).toBe(3)
  expect(ended).toMatchObject({ message: 'rolled back on purpose' })
  expect(await countThings()).toBe(0)
})

test.each([
  ['breaks a rule of the table', aThing(-1), '23514'],
  ['is not of its type', aThing(5, { kept: '{"no' }), '22P02'],
])(
  'a row in the middle that %s fails the transaction with its code, and nothing is there',
  async (_name, bad, code) => {
    const { sql } = database.connection
    const things = [aThing(1), bad, aThing(2, { bytes: Buffer.alloc(3 * MIB) })]

    const refusal = await sql
      .begin((transaction) => copy(transaction, things))
      .catch((error: unknown) => error)

    expect(refusal).toMatchObject({ code })
    expect(await countThings()).toBe(0)
    await sql.begin((transaction) => copy(transaction, [aThing(3)]))
    expect(await countThings()).toBe(1)
  },
)

test('after a copy that failed the transaction takes nothing more, and after its end the connection goes on', async () => {
  const client = await connect()
  client.query('BEGIN')
  client.query(COPY)
  await client.until('G')

  client.send(data(streamOf([aThing(-1)])), DONE)
  const refused = await client.until('Z:E')
  client.query('SELECT 1')
  const ignored = await client.until('Z:E')
  client.query('ROLLBACK')
  const ended = await client.until('Z:I')

  expect([refused, ignored, ended]).toEqual([
    ['E:23514', 'Z:E'],
    ['E:25P02', 'Z:E'],
    ['C:ROLLBACK', 'Z:I'],
  ])
})

test('a table that does not exist is said when the copy ends', async () => {
  const client = await connect()
  client.query('COPY nowhere (id) FROM STDIN (FORMAT binary)')

  client.send(data(streamOf([aThing(1)])), DONE)

  expect(await client.until('Z:I')).toEqual(['G', 'E:42P01', 'Z:I'])
})

test('a client that gives its copy up gets the error it asked for, and nothing is there', async () => {
  const client = await connect()
  client.query(COPY)
  await client.until('G')

  client.send(data(streamOf([aThing(1)])), encodeMessage('f', 'never mind'))

  expect(await client.until('Z:I')).toEqual(['E:57014', 'Z:I'])
  expect(await countThings()).toBe(0)
})

test('everything may be sent at once, in pieces that cut rows apart, and each answer comes in its place', async () => {
  const client = await connect()
  const stream = streamOf([aThing(1, { said: 'cut' }), aThing(2)])
  const pieces = Array.from(stream, (_, at) => data(stream.subarray(at, at + 1)))
  const [begin, again] = [encodeMessage('Q', 'BEGIN'), encodeMessage('Q', `/* why */ ${COPY};\n`)]

  client.send(begin, again, ...pieces.slice(0, 5), encodeMessage('S'), ...pieces.slice(5), DONE)
  client.send(again, data(streamOf([aThing(3)])), encodeMessage('H'), DONE, encodeMessage('Q', 'COMMIT'))

  expect(await client.until('Z:I')).toEqual([
    'C:BEGIN',
    'Z:T',
    'G',
    'C:COPY 2',
    'Z:T',
    'G',
    'C:COPY 1',
    'Z:T',
    'C:COMMIT',
    'Z:I',
  ])
  expect(await countThings()).toBe(3)
})

test('a client that is gone in the middle leaves nothing, and who waited for its transaction is served', async () => {
  const client = await connect()
  client.query('BEGIN')
  client.query('INSERT INTO things (id) VALUES (1)')
  client.query(COPY)
  client.send(data(streamOf([aThing(2)])))
  await client.until('G')
  let served = false
  const waiting = countThings().finally(() => {
    served = true
  })
  await sleep(50)
  const early = served

  await client.end()

  expect(early).toBe(false)
  expect(await waiting).toBe(0)
})

test('outside of a transaction a copy that is not complete keeps nobody waiting', async () => {
  const client = await connect()
  client.query(COPY)
  await client.until('G')
  client.send(data(streamOf([aThing(1)])))

  expect(await countThings()).toBe(0)
  client.send(DONE)
  expect(await client.until('Z:I')).toEqual(['C:COPY 1', 'Z:I'])
  expect(await countThings()).toBe(1)
})

test('a notification that comes during a copy is heard, and the copy goes on', async () => {
  const client = await connect()
  client.query('LISTEN meanwhile')
  await client.until('Z:I')
  client.query(COPY)
  await client.until('G')

  await database.connection.sql.notify('meanwhile', 'news')
  await client.until('A')
  client.send(data(streamOf([aThing(1)])), DONE)

  expect(await client.until('Z:I')).toEqual(['C:COPY 1', 'Z:I'])
})

test('a copy above the bound is refused before it ends, its transaction has failed, and the connection goes on', async () => {
  const small = await openEmbeddedDatabase(undefined, { maxCopyBytes: 10_000 })
  await makeThings(small)
  const { sql } = small.connection
  const large = Array.from({ length: 40 }, (_, id) => aThing(id, { bytes: Buffer.alloc(MIB) }))

  const refusal = await sql.begin((transaction) => copy(transaction, large)).catch((error: unknown) => error)

  expect(refusal).toMatchObject({ code: '54000', message: expect.stringContaining('10000 bytes') })
  await sql.begin((transaction) => copy(transaction, [aThing(1)]))
  expect(await sql`SELECT id::int AS id FROM things`).toEqual([{ id: 1 }])
  await small.close()
})

test('a message that has no place in a copy ends the connection, and the others go on', async () => {
  const client = await connect()
  client.query('BEGIN')
  client.query(COPY)
  await client.until('G')

  client.query('SELECT 1')

  expect(await client.until('E:08P01')).toEqual(['E:08P01'])
  expect(await countThings()).toBe(0)
})

test('a copy that holds the session and does not come to its end is ended', async () => {
  const impatient = await openEmbeddedDatabase(undefined, { maxSilenceMs: 50 })
  await makeThings(impatient)
  const client = await WireClient.connect(impatient.url)
  client.query('BEGIN')
  client.query(COPY)

  expect(await client.until('E:25P03')).toContain('G')
  expect(await impatient.connection.sql`SELECT FROM things`).toHaveLength(0)
  await client.end()
  await impatient.close()
})

test.each([
  ['COPY things FROM STDIN', 'E:0A000'],
  ['COPY things (id) FROM STDIN', 'E:0A000'],
  ['COPY things (id) FROM STDOUT (FORMAT binary)', 'E:0A000'],
  [`${COPY}; SELECT 1`, 'E:0A000'],
  [`SELECT 1; ${COPY}`, 'E:57014'],
  ['/* a /* nested */ comment */ COPY things (id) FROM STDIN', 'E:57014'],
])('what begins a copy in another way never waits for a client: %s', async (statement, error) => {
  const client = await connect()

  client.query(statement)
  expect(await client.until('Z:I')).toContain(error)

  client.query("SELECT 'copy what comes from stdin'")
  expect(await client.until('Z:I')).toEqual(['T', 'D', 'C:SELECT 1', 'Z:I'])
})

test('with the extended protocol a copy is refused', async () => {
  const client = await connect()

  client.send(
    encodeMessage('P', '', COPY, Buffer.alloc(2)),
    encodeMessage('B', '', '', Buffer.alloc(6)),
    encodeMessage('E', '', Buffer.alloc(4)),
    encodeMessage('S'),
  )

  expect(await client.until('Z:I')).toEqual(['1', '2', 'E:0A000', 'Z:I'])
})

test('a copy to the client is none of all this', async () => {
  const client = await connect()

  client.query('COPY (SELECT 1) TO STDOUT')

  expect(await client.until('Z:I')).toEqual(['H', 'd', 'c', 'C:COPY 1', 'Z:I'])
})

function aThing(id: number, given: Partial<Thing> = {}): Thing {
  return { id, said: null, bytes: null, kept: null, ...given }
}

function streamOf(things: readonly Thing[]): Buffer {
  return encodeCopy(things, '', COLUMNS, new CopyBuffer())
}

function copy(transaction: TransactionSql, things: readonly Thing[]): Promise<void> {
  return copyIn(transaction, COPY, streamOf(things))
}

function data(bytes: Buffer): Buffer {
  return encodeMessage('d', bytes)
}

async function makeThings({ connection }: EmbeddedDatabase): Promise<void> {
  await connection.sql`
    CREATE TABLE things (id bigint PRIMARY KEY CHECK (id >= 0), said text, bytes bytea, kept jsonb)`
}

async function countThings(): Promise<number> {
  return (await database.connection.sql`SELECT FROM things`).length
}

async function connect(): Promise<WireClient> {
  const client = await WireClient.connect(database.url)
  opened.push(client)
  return client
}
