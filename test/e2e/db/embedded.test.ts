import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectDatabase, type DatabaseConnection } from '../../../src/db/client.ts'
import { type Embedded, type EmbeddedEvent, startEmbedded } from '../../../src/db/embedded.ts'
import { AlreadyRunningError } from '../../../src/db/lock.ts'
import { prepareHome } from '../../support/gateway.ts'
import { kill, startProgram } from '../../support/programs.ts'

type Line = { started: boolean; child?: number; pid?: number }
const HOLD_DATABASE = new URL('../../support/programs/hold-database.ts', import.meta.url)
let folder: string
const running: Embedded[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aval-embedded-'))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((embedded) => embedded.close()))
  await rm(folder, { recursive: true, force: true })
})

test('what was written is there after a stop and a start, and vectors can be stored', async () => {
  const first = await start()
  await use(first, async ({ sql }) => {
    await sql`CREATE TABLE note (id int, place vector(3))`
    await sql`INSERT INTO note VALUES (1, '[1,2,3]')`
  })
  await first.close()

  const second = await start()

  const rows = await use(second, ({ sql }) => sql`SELECT id, place <-> '[1,2,3]' AS distance FROM note`)
  expect(rows).toEqual([{ id: 1, distance: 0 }])
})

test('a killed child is replaced, the same pool goes on, and no acknowledged row is lost', async () => {
  await prepareHome(folder)
  const events: EmbeddedEvent[] = []
  const embedded = await start((event) => events.push(event))
  const connection = connectDatabase(embedded.url, { maxConnections: 2, applicationName: 'test' })
  await connection.sql`CREATE TABLE note (id int PRIMARY KEY)`
  const acknowledged: number[] = []
  let last = 0

  for (let round = 0; round < 2; round += 1) {
    const until = last + 100
    while (last < until) {
      last += 1
      if (last === until - 20) process.kill(embedded.pid() ?? 0, 'SIGKILL')
      const written = await connection.sql`INSERT INTO note VALUES (${last})`.then(
        () => true,
        () => false,
      )
      if (written) acknowledged.push(last)
    }
    await vi.waitFor(() => connection.sql`SELECT 1`, { timeout: 20_000 })
  }

  const rows = await connection.sql<{ id: number }[]>`SELECT id FROM note ORDER BY id`
  const stored = new Set(rows.map((row) => row.id))
  expect(acknowledged.length).toBeGreaterThan(100)
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([])
  expect(events.filter((event) => event.kind === 'exited')).toEqual(
    Array.from({ length: 2 }, () => expect.objectContaining({ signal: 'SIGKILL' })),
  )
  await connection.close()
}, 90_000)

test('when the parent is killed the child leaves too, and the folder can be opened again at once', async () => {
  await prepareHome(folder)
  const parent = await startProgram<Line>(HOLD_DATABASE, folder)
  const child = parent.line.child ?? 0
  expect(await isAlive(child)).toBe(true)

  await kill(parent.process)
  const embedded = await start()

  await vi.waitFor(async () => expect(await isAlive(child)).toBe(false), { timeout: 10_000 })
  expect(await use(embedded, ({ sql }) => sql`SELECT 1 AS value`)).toEqual([{ value: 1 }])
})

test('a second starter is told the pid of the first, whose database goes on', async () => {
  await prepareHome(folder)
  const embedded = await start()

  const refusal = await startEmbedded({ dataFolder: folder }).catch((error: unknown) => error)
  const other = await startProgram<Line>(HOLD_DATABASE, folder)

  expect(refusal).toBeInstanceOf(AlreadyRunningError)
  expect(other.line).toEqual({ started: false, pid: process.pid })
  expect(await use(embedded, ({ sql }) => sql`SELECT 1 AS value`)).toEqual([{ value: 1 }])
})

test('of two that start at once one wins and the other is refused', async () => {
  const attempts = await Promise.allSettled([
    startEmbedded({ dataFolder: folder }),
    startEmbedded({ dataFolder: folder }),
  ])

  const winners = attempts.filter((attempt) => attempt.status === 'fulfilled')
  running.push(...winners.map((winner) => winner.value))
  expect(winners).toHaveLength(1)
  expect(attempts.find((attempt) => attempt.status === 'rejected')?.reason).toBeInstanceOf(
    AlreadyRunningError,
  )
})

test('the child survives Ctrl-C, which the terminal sends to it too', async () => {
  await prepareHome(folder)
  const embedded = await start()
  const pid = embedded.pid() ?? 0

  process.kill(pid, 'SIGINT')
  process.kill(pid, 'SIGTERM')

  expect(await use(embedded, ({ sql }) => sql`SELECT 1 AS value`)).toEqual([{ value: 1 }])
  expect(embedded.pid()).toBe(pid)
})

test('the child has no environment variable of its parent', async () => {
  await prepareHome(folder)
  process.env.AVAL_TEST_SECRET = 'do not inherit'
  const embedded = await start()

  const environment = await readFile(`/proc/${embedded.pid()}/environ`, 'utf8')

  expect(environment).not.toContain('AVAL_TEST_SECRET')
  expect(environment).not.toContain('PATH=')
  delete process.env.AVAL_TEST_SECRET
})

test('a data folder with a very long path and strange letters in it works', async () => {
  const deep = join(folder, 'a-rather-long-name-'.repeat(5), `a b'c "d" $HOME ünïcode 数据 🗝`)
  const embedded = await startEmbedded({ dataFolder: deep })
  running.push(embedded)

  expect(await use(embedded, ({ sql }) => sql`SELECT 1 AS value`)).toEqual([{ value: 1 }])
})

test('a cancelled start leaves the folder free', async () => {
  const abort = new AbortController()
  const starting = startEmbedded({ dataFolder: folder, signal: abort.signal }).catch(
    (error: unknown) => error,
  )
  setTimeout(() => abort.abort(), 200)

  expect(await starting).toMatchObject({ message: expect.stringContaining('cancelled') })
  const embedded = await start()
  expect(await use(embedded, ({ sql }) => sql`SELECT 1 AS value`)).toEqual([{ value: 1 }])
})

async function start(onEvent?: (event: EmbeddedEvent) => void): Promise<Embedded> {
  const embedded = await startEmbedded({ dataFolder: folder, ...(onEvent === undefined ? {} : { onEvent }) })
  running.push(embedded)
  return embedded
}

async function use<T>(
  embedded: Embedded,
  work: (connection: DatabaseConnection) => PromiseLike<T>,
): Promise<T> {
  const connection = connectDatabase(embedded.url, { maxConnections: 1, applicationName: 'test' })
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

/** A process that has ended but that nobody has waited for yet still has an entry, in state Z. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat !== '' && !/\) [ZX] /.test(stat)
}
