import { afterAll, beforeAll, expect, test } from 'vitest'
import { newTestKey, type RunningGateway, startGateway } from '../../support/gateway.ts'
import { type Answer, call, chatBody, runAval, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

/** Of the shape that other gateways give out. */
const MOVED_KEY = 'sk-from-another-gateway-0123456789abcdef'
const EXTRA_CALLS = 20
let upstream: Upstream
let gateway: RunningGateway

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { OPENAI_API_KEY: 'upstream-key', OPENAI_BASE_URL: upstream.url, MOVED_KEY },
    config: { keys: [{ name: 'moved', secret: 'env:MOVED_KEY', roles: ['app'], project: 'shop' }] },
  })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.close()
})

const ask = (key: string | null, headers: Record<string, string> = {}): Promise<Answer> =>
  call(`${gateway.url}/v1/chat/completions`, key, { body: chatBody('openai/mock'), headers })

/** `aval <words> --json` against the running server. */
async function aval(...words: string[]): Promise<Record<string, string>> {
  const ended = await runAval([...words, '--json'], { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(ended.stdout) as Record<string, string>
}

/** Asks until the status comes, then twenty times more, and returns the statuses of those. */
async function settle(key: string, status: number): Promise<Set<number>> {
  await until(`status ${status}`, async () => (await ask(key)).status === status, 5_000)
  const after = await Promise.all(Array.from({ length: EXTRA_CALLS }, () => ask(key)))
  return new Set(after.map((answer) => answer.status))
}

test('a key works once it is made and no more once it is revoked', async () => {
  const { id = '', token = '' } = await aval('key', 'create', 'web-shop')

  expect(await settle(token, 200)).toEqual(new Set([200]))
  await aval('key', 'revoke', id, '--yes')
  expect(await settle(token, 401)).toEqual(new Set([401]))

  const reached = upstream.journal.length
  await Promise.all(Array.from({ length: EXTRA_CALLS }, () => ask(token)))
  expect(upstream.journal.length).toBe(reached)
})

test('a rotated key works beside its successor until the overlap is over', async () => {
  const old = await aval('key', 'create', 'rotated')
  const fresh = await aval('key', 'rotate', old.id ?? '', '--overlap', '3s')

  expect(await settle(fresh.token ?? '', 200)).toEqual(new Set([200]))
  expect((await ask(old.token ?? '')).status).toBe(200)

  expect(await settle(old.token ?? '', 401)).toEqual(new Set([401]))
  expect(await settle(fresh.token ?? '', 200)).toEqual(new Set([200]))
})

test("a key of another gateway's shape works where aval.yaml declares it, in its own project", async () => {
  expect((await ask(MOVED_KEY)).status).toBe(200)
  expect((await ask(MOVED_KEY, { 'x-aval-project': 'shop' })).status).toBe(200)
  expect((await ask(MOVED_KEY, { 'x-aval-project': 'default' })).status).toBe(401)
  expect((await ask(gateway.appKey, { 'x-aval-project': 'default' })).status).toBe(200)
  const { stdout } = await runAval(['key', 'list', '--json'], {
    cwd: gateway.home,
    env: { AVAL_HOME: gateway.home },
  })
  expect(stdout).not.toContain(MOVED_KEY)
})

test('unknown, wrong, revoked, expired, missing and of another project are one and the same 401', async () => {
  const revoked = await aval('key', 'create', 'revoked')
  await aval('key', 'revoke', revoked.id ?? '', '--yes')
  const expired = await aval('key', 'create', 'expired', '--expires', '4s')
  await settle(expired.token ?? '', 200)
  await settle(revoked.token ?? '', 401)
  await settle(expired.token ?? '', 401)
  const live = await aval('key', 'create', 'live')
  await settle(live.token ?? '', 200)
  const wrongSecret = `${(live.token ?? '').slice(0, -43)}${'A'.repeat(43)}`

  const answers = [
    await ask(newTestKey()),
    await ask(wrongSecret),
    await ask('sk-nobody-has-declared-this-one-000000000'),
    await ask('x'),
    await ask(null),
    await ask(revoked.token ?? ''),
    await ask(expired.token ?? ''),
    await ask(live.token ?? '', { 'x-aval-project': 'somebody-else' }),
  ]

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  const names = (headers: Headers) => [...headers.keys()].sort().join()
  expect(new Set(answers.map(({ headers }) => names(headers))).size).toBe(1)
  expect(answers[0]?.json).toMatchObject({ error: { code: 'invalid_api_key', param: null } })
})

test('calls to /api without a declared length, chunked or empty, are understood and bounded', async () => {
  const chunked = (bytes: string) =>
    fetch(`${gateway.url}/api/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    } as RequestInit)

  const made = await chunked(JSON.stringify({ name: 'chunked' }))
  const large = await chunked(JSON.stringify({ name: 'x'.repeat(2_000_000) }))
  const empty = await call(`${gateway.url}/api/reload`, gateway.adminKey, { method: 'POST' })

  expect(made.status).toBe(201)
  expect(large.status).toBe(413)
  expect(await large.json()).toMatchObject({ error: { code: 'body_too_large' } })
  expect(empty.status).toBe(200)
})
