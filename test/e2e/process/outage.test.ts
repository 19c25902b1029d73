import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type TestDatabase, testServerDatabase } from '../../support/database.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { type GatewayOptions, type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, runAval, startAval, temporaryFolder, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

const serverUrl = process.env.TEST_DATABASE_URL ?? ''
const reason = serverUrl === '' ? ' (skipped: TEST_DATABASE_URL is not set)' : ''

describe.skipIf(serverUrl === '')(`a server's database that fails${reason}`, () => {
  let upstream: Upstream
  let database: TestDatabase
  let proxy: FaultProxy
  let gateway: RunningGateway
  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())
  beforeEach(async () => {
    database = await testServerDatabase(serverUrl)
    proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(database.url).port) })
    gateway = await serve()
  })
  afterEach(async () => {
    await gateway.stop()
    await proxy.close()
    await database.close()
  })

  function serve(options: GatewayOptions = {}): Promise<RunningGateway> {
    const url = new URL(database.url)
    url.port = String(proxy.port)
    return startGateway({
      ...options,
      env: { DATABASE_URL: url.href, OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url },
    })
  }

  async function ask(count: number, key = gateway.appKey): Promise<string[]> {
    const ids: string[] = []
    for (let turn = 0; turn < count; turn += 1) {
      const answer = await call(`${gateway.url}/v1/chat/completions`, key, { body: chatBody('openai/mock') })
      expect(answer.status).toBe(200)
      ids.push(answer.headers.get('x-request-id') ?? '')
    }
    return ids
  }

  /** A route with a prompt, served by its label. */
  async function release(): Promise<void> {
    const api = (path: string, body: object, method = 'POST') =>
      call(`${gateway.url}/api/${path}`, gateway.adminKey, { body, method })
    const content =
      'variables: { type: object, required: [name], properties: { name: { type: string } } }\n' +
      'messages: [{ role: user, content: "Greet {{name}}." }]'
    await api('prompts', { name: 'greeting', content })
    await api('model-versions', { name: 'mock', upstream: 'openai', model: 'mock' })
    await api('releases', { route: 'greeting', prompt: 'greeting', models: [{ model: 'mock' }] })
    const moved = await api('labels/greeting/production', { release: 'r1', reason: 'a test' }, 'PUT')
    expect(moved.status).toBe(200)
  }

  const rows = () => database.sql<{ id: string; outcome: string }[]>`SELECT id, outcome FROM requests`
  const health = () => call(`${gateway.url}/health`, null)
  const shipped = (ids: readonly string[]) =>
    until(
      'every row',
      async () => {
        const found = await rows()
        return ids.every((id) => found.some((row) => row.id === id)) && found
      },
      30_000,
    )

  test('cut while serving: requests are answered, health says degraded, and each row arrives once afterwards', async () => {
    const before = await ask(20)
    proxy.set({ refuse: true })
    proxy.cut('rst')

    const during = await ask(200)
    const degraded = await until('degraded', async () => {
      const answer = await health()
      return answer.json.status === 'degraded' && answer
    })
    proxy.set({ refuse: false })
    const all = await shipped([...before, ...during])

    expect(degraded.status).toBe(200)
    expect(all.map(({ id }) => id).sort()).toEqual([...before, ...during].sort())
    expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(['completed']))
    await until('healthy', async () => (await health()).json.status === 'ok')
  }, 60_000)

  test('an answer to COMMIT that never comes: every request is on the log exactly once', async () => {
    const ids: string[] = []
    for (let round = 0; round < 5; round += 1) {
      ids.push(...(await ask(10)))
      proxy.set({ swallow: 'server' })
      ids.push(...(await ask(10)))
      proxy.cut('rst')
      proxy.set({ swallow: 'none' })
    }

    const all = await shipped(ids)

    expect(all.map(({ id }) => id).sort()).toEqual([...ids].sort())
  }, 60_000)

  test('away at the start: a server that knows its keys and releases serves with them, and ships when the database is there', async () => {
    await release()
    const made = await call(`${gateway.url}/api/keys`, gateway.adminKey, { body: { name: 'shop' } })
    const token = String(made.json.token)
    await until('the key', async () => (await call(`${gateway.url}/v1/models`, token)).status === 200)
    const folder = await temporaryFolder()
    const { home } = gateway
    // Served from memory a moment before it is in the file, which is what the next start knows its keys from.
    await until('the key file', () =>
      readFileSync(join(home, 'keys.json'), 'utf8').includes(String(made.json.id)),
    )
    await until('the registry file', () =>
      readFileSync(join(home, 'registry.json'), 'utf8').includes('"route":"greeting"'),
    )
    await gateway.kill9()
    proxy.set({ refuse: true })
    proxy.cut('rst')

    gateway = await serve({ home })
    const greeting = { model: 'greeting', prompt: { variables: { name: 'Ada' } } }
    const greeted = await call(`${gateway.url}/v1/chat/completions`, token, { body: greeting })
    const ids = await ask(10, token)
    const during = await health()
    proxy.set({ refuse: false })
    const all = await shipped(ids)

    expect(greeted.status).toBe(200)
    expect(greeted.headers.get('x-aval-release')).toBe('greeting@r1')
    expect(during).toMatchObject({ status: 200, json: { status: 'degraded' } })
    expect(all.filter(({ id }) => ids.includes(id))).toHaveLength(10)
    await until('healthy', async () => (await health()).json.status === 'ok')
    await folder.remove()
    await gateway.stop()
    await rm(home, { recursive: true, force: true })
  }, 60_000)
})

describe.skipIf(serverUrl === '')(`a server's database and its schema${reason}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let url: string
  const name = `aval_test_${randomBytes(6).toString('hex')}`
  const admin = async (statement: string) => {
    const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined })
    await sql.unsafe(statement)
    await sql.end()
  }
  const aval = (...words: string[]) =>
    runAval(words, { cwd: folder.path, env: { DATABASE_URL: url, PORT: '0' } })

  beforeAll(async () => {
    await admin(`CREATE DATABASE ${name}`)
    const own = new URL(serverUrl)
    own.pathname = `/${name}`
    url = own.href
    folder = await temporaryFolder()
  })
  afterAll(async () => {
    await admin(`DROP DATABASE ${name} WITH (FORCE)`)
    await folder.remove()
  })

  test('behind it is refused with the remedy; migrated it serves; ahead it is refused', async () => {
    const behind = await aval('serve')
    expect(behind).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Run "aval migrate".'),
    })

    const first = await aval('migrate')
    const second = await aval('migrate')
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1\/\d+ {2}0001_/) })
    expect(second).toMatchObject({ code: 0, stdout: 'The database has the schema of this version.\n' })

    const running = startAval(['serve'], { cwd: folder.path, env: { DATABASE_URL: url, PORT: '0' } })
    await until('it serves', () => running.stdout().includes('  then'))
    expect(await running.end()).toMatchObject({ code: 0 })

    const sql = postgres(url, { max: 1 })
    await sql`INSERT INTO schema_migrations (name, sha256, applied_at) VALUES ('9999_later', 'x', now())`
    await sql.end()
    for (const words of [['serve'], ['serve', '--migrate'], ['migrate'], ['work']]) {
      const ahead = await aval(...words)
      expect(ahead).toMatchObject({ code: 2, stderr: expect.stringContaining('9999_later') })
      expect(ahead.stderr).not.toContain('    at ')
    }
  }, 60_000)

  test('`serve --migrate` on an empty database serves; a database that is no PostgreSQL address ends with 2', async () => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined })
    await sql.unsafe('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
    await sql.end()

    const running = startAval(['serve', '--migrate'], {
      cwd: folder.path,
      env: { DATABASE_URL: url, PORT: '0' },
    })
    await until('it serves', () => running.stdout().includes('  then'), 30_000)
    const { code } = await running.end()
    const wrong = await runAval(['serve'], {
      cwd: folder.path,
      env: { DATABASE_URL: 'mysql://user:canary@host/db' },
    })

    expect(code).toBe(0)
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('DATABASE_URL is not a PostgreSQL address.')
    expect(wrong.stderr).not.toContain('canary')
  }, 60_000)
})

test.skipIf(serverUrl === '')(
  `two servers on one database share keys, revocations and the log${reason}`,
  async () => {
    const upstream = await startUpstream()
    const database = await testServerDatabase(serverUrl)
    const folders = await Promise.all([temporaryFolder(), temporaryFolder()])
    const env = {
      DATABASE_URL: database.url,
      PORT: '0',
      AVAL_PEPPER: 'a-pepper-that-both-of-them-share-0123456789',
      OPENAI_API_KEY: 'upstream-key',
      OPENAI_BASE_URL: upstream.url,
    }
    const both = folders.map(({ path }) => startAval(['serve'], { cwd: path, env }))
    const urls = await Promise.all(
      both.map((one) =>
        until(
          'both serve',
          () => one.stdout().includes('  then') && /http:\S+(?=\/v1\n)/.exec(one.stdout())?.[0],
          30_000,
        ),
      ),
    )
    const tokens = both.flatMap((one) => [...one.stdout().matchAll(/^.* (admin|app) +(vk_\S+) /gm)])
    const [admin, app] = ['admin', 'app'].map((role) => tokens.filter((found) => found[1] === role))
    expect([admin?.length, app?.length]).toEqual([1, 1])
    const adminKey = admin?.[0]?.[2] ?? ''
    const ask = (url: string, key: string) =>
      call(`${url}/v1/chat/completions`, key, { body: chatBody('openai/mock') })

    const made = await call(`${urls[0]}/api/keys`, adminKey, { body: { name: 'shop' } })
    const token = String(made.json.token)
    const answers = await Promise.all(
      urls.map((url) =>
        until(
          'the key',
          async () => {
            const answer = await ask(url, token)
            return answer.status === 200 && answer
          },
          5_000,
        ),
      ),
    )
    await call(`${urls[0]}/api/keys/${String(made.json.id)}`, adminKey, { method: 'DELETE' })
    await Promise.all(
      urls.map((url) => until('the revocation', async () => (await ask(url, token)).status === 401, 5_000)),
    )
    const after = await Promise.all(urls.flatMap((url) => Array.from({ length: 10 }, () => ask(url, token))))

    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([401]))
    const ids = answers.map(({ headers }) => headers.get('x-request-id') ?? '')
    await until('rows of both', async () => {
      const rows = await database.sql<{ id: string; writer: string }[]>`
      SELECT id, writer FROM requests WHERE id IN ${database.sql(ids)}`
      return new Set(rows.map(({ writer }) => writer)).size === 2
    })
    const ended = await Promise.all(both.map((one) => one.end()))
    expect(ended.map(({ code }) => code)).toEqual([0, 0])
    await Promise.all([upstream.close(), database.close(), ...folders.map(({ remove }) => remove())])
  },
  60_000,
)
