import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SOCKET_NAME } from '../../../src/db/wire.ts'
import { embeddedDirectory } from '../../../src/lib/database-url.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../support/embedded-database.ts'

let database: EmbeddedDatabase
const opened: { end(): Promise<void> }[] = []

beforeAll(async () => {
  database = await openEmbeddedDatabase()
})

afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map((client) => client.end()))
})

afterAll(() => database.close())

test('statements without a name, sent by several connections at once, each get their own answer', async () => {
  const clients = [connect(), connect(), connect(), connect()]

  const answers = await Promise.all(
    clients.flatMap((sql, client) =>
      Array.from({ length: 100 }, async (_, turn) => {
        // `unsafe` with parameters is what drizzle uses: Parse and Describe, a wait, then Bind and Execute.
        const [row] = await sql.unsafe<{ value: string; client: number }[]>(
          `SELECT $1::text AS value, ${client} AS client`,
          [`${client}/${turn}`],
        )
        return row?.value === `${client}/${turn}` && row.client === client
      }),
    ),
  )

  expect(answers.filter((right) => right)).toHaveLength(400)
})

test('transactions of several connections do not see into each other', async () => {
  const [first, second] = [connect(), connect()]
  await first`CREATE TABLE IF NOT EXISTS tally (id int)`
  await first`TRUNCATE tally`

  await Promise.all([
    first.begin(async (transaction) => {
      for (let id = 0; id < 20; id += 1) await transaction`INSERT INTO tally VALUES (${id})`
    }),
    second
      .begin(async (transaction) => {
        for (let id = 0; id < 20; id += 1) await transaction`INSERT INTO tally VALUES (${100 + id})`
        throw new Error('rolled back on purpose')
      })
      .catch(() => undefined),
  ])

  const [row] = await first`SELECT count(*)::int AS count, max(id) AS highest FROM tally`
  expect(row).toEqual({ count: 20, highest: 19 })
})

test('a statement that fails leaves its own connection and the others working', async () => {
  const [first, second] = [connect(), connect()]

  const failures = await Promise.all([
    first`SELECT 1 / ${0}::int AS value`.catch((error: unknown) => error),
    second.unsafe('SELECT nonsense').catch((error: unknown) => error),
  ])

  expect(failures).toEqual([
    expect.objectContaining({ code: '22012' }),
    expect.objectContaining({ code: '42703' }),
  ])
  expect(await first`SELECT 1 AS value`).toEqual([{ value: 1 }])
  expect(await second`SELECT 2 AS value`).toEqual([{ value: 2 }])
})

test('a client that disappears inside a transaction is rolled back and its statements are forgotten', async () => {
  const witness = connect()
  await witness`CREATE TABLE IF NOT EXISTS tally (id int)`
  await witness`TRUNCATE tally`
  const client = await connectPg()
  await client.query('BEGIN')
  await client.query({ name: 'left behind', text: 'INSERT INTO tally VALUES ($1)', values: [1] })

  const stream = (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream
  client.on('error', () => undefined)
  stream.destroy()

  expect(await witness`SELECT id FROM tally`).toEqual([])
  expect(await witness`SELECT name FROM pg_prepared_statements WHERE name = 'left behind'`).toEqual([])
})

test('a connection that holds the session and says nothing is ended, and the others go on', async () => {
  const impatient = await openEmbeddedDatabase(undefined, { maxSilenceMs: 50 })
  const path = `${embeddedDirectory(impatient.url)}/${SOCKET_NAME}`
  const silent = new pg.Client({ host: embeddedDirectory(impatient.url) ?? '', user: 'postgres' })
  const ended = Promise.withResolvers<unknown>()
  silent.on('error', ended.resolve)
  await silent.connect()
  await silent.query('BEGIN')

  const other = connect(path)
  const rows = await other`SELECT 1 AS value`

  expect(rows).toEqual([{ value: 1 }])
  await expect(ended.promise).resolves.toMatchObject({ code: '25P03' })
  await other.end()
  await impatient.close()
})

test('a notification reaches the connections that listen to its channel and no other', async () => {
  const [listener, stranger, sender] = [connect(), await connectPg(), connect()]
  const heard = Promise.withResolvers<string>()
  const strange: unknown[] = []
  stranger.on('notification', (notification) => strange.push(notification))
  await stranger.query('LISTEN other_things')
  await listener.listen('news', heard.resolve)

  await sender.notify('news', 'it works')

  await expect(heard.promise).resolves.toBe('it works')
  expect(await stranger.query('SELECT 1 AS value').then((result) => result.rows)).toEqual([{ value: 1 }])
  expect(strange).toEqual([])
})

test('LISTEN is understood behind comments', async () => {
  const [listener, sender] = [await connectPg(), connect()]
  const heard = Promise.withResolvers<string | undefined>()
  listener.on('notification', (notification) => heard.resolve(notification.payload))
  await listener.query('-- what for\n/* and\n why */ LISTEN remarks;\n')

  await sender.notify('remarks', 'heard')

  await expect(heard.promise).resolves.toBe('heard')
})

test('a listener goes on hearing after another one stops listening to the same channel', async () => {
  const [listener, leaver, sender] = [connect(), await connectPg(), connect()]
  const heard = Promise.withResolvers<string>()
  await listener.listen('news', heard.resolve)
  await leaver.query('LISTEN news')
  await leaver.query('UNLISTEN news')

  await sender.notify('news', 'still here')

  await expect(heard.promise).resolves.toBe('still here')
})

test('the search path asked for at login belongs to that connection alone', async () => {
  const plain = connect()
  await plain`CREATE SCHEMA IF NOT EXISTS "Other"`
  const pathed = await connectPg({ options: '-c search_path="Other"' })

  const seen = [
    await pathed.query('SHOW search_path').then((result) => result.rows[0]),
    (await plain`SHOW search_path`)[0],
    await pathed.query('SHOW search_path').then((result) => result.rows[0]),
  ]

  expect(seen).toEqual([{ search_path: '"Other"' }, { search_path: 'public' }, { search_path: '"Other"' }])
})

test('COPY FROM STDIN in another form is refused with the way around it, and the connection goes on', async () => {
  const client = await connectPg()
  await client.query('CREATE TABLE IF NOT EXISTS tally (id int)')

  const refusal = await client.query('COPY tally FROM STDIN').catch((error: unknown) => error)

  expect(refusal).toMatchObject({ code: '0A000', message: expect.stringContaining('unnest') })
  expect((await client.query('SELECT 1 AS value')).rows).toEqual([{ value: 1 }])
})

test('a message of many megabytes arrives whole', async () => {
  const sql = connect()
  const text = 'aval '.repeat(2_000_000)

  const [row] = await sql`SELECT length(${text}) AS length, md5(${text}) = md5(${text}) AS same`

  expect(row).toEqual({ length: 10_000_000, same: true })
})

test('one connection too many is told so at once', async () => {
  const small = await openEmbeddedDatabase(undefined, { maxConnections: 1 })
  const path = `${embeddedDirectory(small.url)}/${SOCKET_NAME}`
  await small.connection.sql`SELECT 1`

  const refusal = await connect(path)`SELECT 1`.catch((error: unknown) => error)

  expect(refusal).toMatchObject({ code: '53300' })
  await small.close()
})

function connect(path = `${embeddedDirectory(database.url)}/${SOCKET_NAME}`) {
  const sql = postgres({
    path,
    user: 'postgres',
    database: 'postgres',
    max: 1,
    fetch_types: false,
    onnotice: () => undefined,
  })
  opened.push(sql)
  return sql
}

async function connectPg(extra: pg.ClientConfig = {}) {
  const client = new pg.Client({ host: embeddedDirectory(database.url) ?? '', user: 'postgres', ...extra })
  await client.connect()
  opened.push(client)
  return client
}
