import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestDatabase, testServerDatabase } from '../../support/database.ts'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, runAval, type Started, startAval, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

const SERVER_URL = process.env.TEST_DATABASE_URL ?? ''
/** The key is given in the file alone: the worker, which does not read it, has to get it from its parent. */
const AUDIT_KEY = 'an audit key of at least thirty-two characters'
let upstream: Upstream
const folders: string[] = []

beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.close()
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aval-export-'))
  folders.push(folder)
  return folder
}

async function ask(gateway: RunningGateway, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let at = 0; at < count; at += 1) {
    const answer = await call(`${gateway.url}/v1/chat/completions`, gateway.appKey, {
      body: chatBody('openai/mock', `question ${at}`),
    })
    ids.push(answer.headers.get('x-request-id') ?? '')
  }
  await until('every row', async () => {
    const { json } = await call(`${gateway.url}/api/requests/count?since=1h`, gateway.adminKey)
    return (json.count as number) >= count
  })
  return ids
}

const aval = (gateway: RunningGateway, ...words: string[]) =>
  runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })

type Line = { id: string; request_body?: string }
const linesIn = (folder: string) =>
  gunzipSync(readFileSync(join(folder, 'requests.jsonl.gz')))
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)

describe('the default start', () => {
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startGateway({
      config: { audit: { key: 'env:COMPANY_AUDIT_KEY' } },
      env: { COMPANY_AUDIT_KEY: AUDIT_KEY, OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url },
    })
  })
  afterAll(() => gateway.stop())

  test('gives the log away as files that the manifest can be held to, and records who took it', async () => {
    const ids = await ask(gateway, 5)
    const out = join(await aFolder(), 'files')
    const words = ['audit', 'export', '--since', '1h', '--bodies', '--out', out, '--purpose', 'yearly audit']

    const { code, stdout, stderr } = await aval(gateway, ...words)

    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/100 % {2}of \d+ rows/) })
    expect(stdout).toMatch(/5 rows\. .*manifest\.json says how to check them/)
    const rows = linesIn(out)
    expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
    expect(rows.every(({ request_body }) => /question \d/.test(request_body ?? ''))).toBe(true)
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as {
      files: { name: string; sha256: string }[]
      purpose: string
    }
    for (const { name, sha256 } of manifest.files) {
      expect(
        createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex'),
      ).toBe(sha256)
    }
    expect(readdirSync(out).filter((name) => name.endsWith('.part'))).toEqual([])
    expect(manifest.purpose).toBe('yearly audit')
    const again = await aval(gateway, ...words)
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('has an export already') })
    const listed = await aval(gateway, 'audit', 'exports', 'list')
    expect(listed.stdout).toMatch(/exp_\w+ +cli +done +5 +jsonl, bodies +yearly audit/)
  })
})

describe.skipIf(SERVER_URL === '')(
  `with a worker of its own${SERVER_URL === '' ? ' (skipped: TEST_DATABASE_URL is not set)' : ''}`,
  () => {
    let database: TestDatabase
    let gateway: RunningGateway
    const workers: Started[] = []
    beforeAll(async () => {
      database = await testServerDatabase(SERVER_URL)
      gateway = await startGateway({
        env: {
          DATABASE_URL: database.url,
          AVAL_AUDIT_KEY: AUDIT_KEY,
          OPENAI_API_KEY: 'upstream-key',
          OPENAI_BASE_URL: upstream.url,
        },
      })
    })
    afterAll(async () => {
      for (const worker of workers) await worker.end('SIGKILL')
      await gateway.stop()
      await database.close()
    })

    async function startWorker(): Promise<Started> {
      const home = await aFolder()
      const env = {
        AVAL_HOME: home,
        DATABASE_URL: database.url,
        AVAL_AUDIT_KEY: AUDIT_KEY,
        LOG_LEVEL: 'info',
      }
      const worker = startAval(['work'], { cwd: home, env })
      workers.push(worker)
      await until('the worker', () => worker.stderr().includes('"working"'))
      return worker
    }

    test('an export whose worker is killed in the middle is written by the next one, every row once', async () => {
      const ids = await ask(gateway, 5)
      const first = await startWorker()
      const out = await aFolder()
      const locked = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      // Keeps the worker in the middle: it may claim the export, and not store a chunk of it.
      const holding = database.sql.begin(async (sql) => {
        await sql`LOCK TABLE export_files IN SHARE MODE`
        locked.resolve()
        await release.promise
      })
      await locked.promise
      const options = ['--since', '1h', '--out', out, '--purpose', 'a kill']
      const command = startAval(['audit', 'export', ...options], {
        cwd: gateway.home,
        env: { AVAL_HOME: gateway.home },
      })
      await until('a running export', async () => {
        const rows = await database.sql`SELECT FROM exports WHERE state = 'running'`
        return rows.length === 1
      })

      await first.end('SIGKILL')
      release.resolve()
      await holding
      await startWorker()

      const { code, stderr } = await command.exited
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(
        linesIn(out)
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(ids.toSorted())
      expect(existsSync(join(out, 'manifest.json'))).toBe(true)
      const [exported] = await database.sql`SELECT state, attempts, run FROM exports`
      expect(exported).toMatchObject({ state: 'done', attempts: 2 })
      const runs = await database.sql`SELECT DISTINCT run FROM export_files`
      expect(runs).toEqual([{ run: exported!.run }])
    }, 120_000)
  },
)
