import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type RunningGateway, startGateway } from '../../support/gateway.ts'
import { call, chatBody, openStream, runAval, temporaryFolder, until } from '../../support/process.ts'
import { startUpstream, type Upstream } from '../../support/upstream.ts'

describe('a wrong aval.yaml before the start', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => {
    folder = await temporaryFolder()
  })
  afterEach(() => folder.remove())

  test.each(['serve', 'check', 'migrate', 'doctor'])(
    'ends `aval %s` with path, kind of value and fix',
    async (command) => {
      const path = join(folder.path, 'aval.yaml')
      writeFileSync(
        path,
        stringify({ server: { prot: 9000, drain: 30 }, routes: { answer: { targets: ['nope/model'] } } }),
      )

      const ended = await runAval([command], { cwd: folder.path })

      expect(ended.code).toBe(2)
      expect(ended.stderr).toContain(`${path}: server: unknown key "prot". Did you mean "port"?`)
      expect(ended.stderr).toContain(
        `${path}: server.drain: number 30 where a duration such as 250ms, 30s or 5m, at most 24h is expected.`,
      )
      expect(ended.stderr).not.toContain('    at ')
      expect(ended.stdout).not.toContain('Aval 0')
    },
  )

  test('a secret that the environment lacks, and an upstream nobody configured, are named', async () => {
    writeFileSync(
      join(folder.path, 'aval.yaml'),
      stringify({
        upstreams: { lab: { dialect: 'openai', base_url: 'http://127.0.0.1:1/v1', key: 'env:LAB_KEY' } },
        routes: { answer: { targets: ['nope/model'] } },
      }),
    )

    const ended = await runAval(['check'], { cwd: folder.path })

    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('LAB_KEY')
    expect(ended.stderr).toContain('routes.answer.targets.0: no upstream "nope"')
  })
})

test('`aval check` says where each secret comes from and never what it is', async () => {
  const folder = await temporaryFolder()
  writeFileSync(join(folder.path, 'lab.key'), 'canary-file-000000000000000000000000')
  writeFileSync(
    join(folder.path, 'aval.yaml'),
    stringify({
      upstreams: { lab: { dialect: 'openai', base_url: 'http://127.0.0.1:1/v1', key: 'file:lab.key' } },
      keys: [{ name: 'shop', secret: 'env:SHOP_KEY', roles: ['app'] }],
    }),
  )
  const env = {
    OPENAI_API_KEY: 'canary-openai-0000000000000000000000',
    SHOP_KEY: 'canary-shop-000000000000000000000000',
    DATABASE_URL: 'postgres://aval:canary-password@127.0.0.1:1/aval',
    REDIS_URL: 'redis://:canary-redis@127.0.0.1:1',
    AVAL_PEPPER: 'canary-pepper-0000000000000000000000',
    AVAL_ADMIN_KEY: 'canary-admin-00000000000000000000000',
  }

  const [text, json] = await Promise.all([
    runAval(['check'], { cwd: folder.path, env }),
    runAval(['check', '--json'], { cwd: folder.path, env }),
  ])

  const sources = [
    'env:OPENAI_API_KEY',
    'env:SHOP_KEY',
    'env:DATABASE_URL',
    'env:REDIS_URL',
    'env:AVAL_PEPPER',
    'env:AVAL_ADMIN_KEY',
    'file:lab.key',
  ]
  for (const { code, stdout, stderr } of [text, json]) {
    expect(code).toBe(0)
    expect(`${stdout}${stderr}`).not.toContain('canary')
    for (const source of sources) expect(stdout).toContain(`*** (${source})`)
  }
  expect(JSON.parse(json.stdout)).toMatchObject({ database: { url: '*** (env:DATABASE_URL)' } })
  await folder.remove()
})

describe('aval.yaml of a running server', () => {
  let upstream: Upstream
  let gateway: RunningGateway
  const credential = () => join(gateway.home, 'upstream.key')
  const config = (changes: object = {}) => ({
    upstreams: { lab: { dialect: 'openai', base_url: upstream.url, key: 'file:upstream.key' } },
    routes: { answer: { targets: ['lab/first'] } },
    ...changes,
  })
  const write = (value: object | string) =>
    writeFileSync(join(gateway.home, 'aval.yaml'), typeof value === 'string' ? value : stringify(value))
  const aval = (...words: string[]) => runAval(words, { cwd: gateway.home, env: { AVAL_HOME: gateway.home } })
  const ask = (model: string, key = gateway.appKey) =>
    call(`${gateway.url}/v1/chat/completions`, key, { body: chatBody(model) })

  beforeAll(async () => {
    upstream = await startUpstream()
    const folder = await temporaryFolder()
    writeFileSync(join(folder.path, 'upstream.key'), 'first-credential')
    writeFileSync(
      join(folder.path, 'aval.yaml'),
      stringify({
        upstreams: { lab: { dialect: 'openai', base_url: upstream.url, key: 'file:upstream.key' } },
        routes: { answer: { targets: ['lab/first'] } },
      }),
    )
    gateway = await startGateway({ home: folder.path })
    return async () => {
      await gateway.stop()
      await folder.remove()
    }
  })
  afterAll(() => upstream.close())

  test.each([
    ['SIGHUP', async () => void process.kill(gateway.pid, 'SIGHUP')],
    ['aval reload', async () => void expect((await aval('reload')).code).toBe(0)],
  ])(
    '%s takes up a changed route: a running stream finishes, new requests go the new way',
    async (how, reload) => {
      const before = `before-${how.length}`
      const after = `after-${how.length}`
      write(config({ routes: { answer: { targets: [`lab/${before}`] } } }))
      expect((await aval('reload')).code).toBe(0)
      upstream.on(before, { tokens: 100, chunkMs: 50 })
      const stream = await openStream(gateway, 'answer')
      await until('the first words', () => stream.text().includes('word2'))
      write(config({ routes: { answer: { targets: [`lab/${after}`] } } }))

      await reload()
      const answer = await until('an answer by the new route', async () => {
        const one = await ask('answer')
        expect(one.status).toBe(200)
        return upstream.calls(after).length > 0 && one
      })

      expect(answer.headers.get('x-aval-model')).toBe(`lab/${after}`)
      expect(stream.text()).not.toContain('word99')
      const { text, failed } = await stream.ended()
      expect(failed).toBeNull()
      expect(text).toContain('word99')
      expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
      expect(upstream.calls(before).map(({ finished }) => finished)).not.toContain('aborted')
    },
  )

  test.each([
    ['not YAML', 'routes: [unclosed'],
    ['an unknown key', 'rotues: {}'],
    [
      'a secret that is not there',
      'upstreams: { lab: { dialect: openai, base_url: "http://127.0.0.1:1/v1", key: "env:NOT_THERE" } }',
    ],
    [
      'two keys with one name',
      'keys: [{ name: shop, secret: "file:upstream.key", roles: [app] }, { name: shop, secret: "file:upstream.key", roles: [app] }]',
    ],
  ])('a file with %s changes nothing and shows in the log, in doctor and in health', async (_, text) => {
    write(config())
    expect((await aval('reload')).code).toBe(0)
    const logged = gateway.stderr().length
    write(text)

    const refused = await aval('reload')
    const [answer, doctor, health] = await Promise.all([
      ask('answer'),
      aval('doctor', '--json'),
      call(`${gateway.url}/health`, null),
    ])

    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('the last good one stays in force')
    expect(answer.status).toBe(200)
    expect(gateway.stderr().slice(logged)).toContain('config_refused')
    const { checks } = JSON.parse(doctor.stdout) as {
      checks: { name: string; status: string; remedy: string }[]
    }
    expect(checks.find(({ name }) => name === 'config')).toMatchObject({
      status: 'warning',
      remedy: expect.stringContaining('aval reload'),
    })
    expect(health).toMatchObject({ status: 200, json: { status: 'degraded' } })

    write(config())
    expect((await aval('reload')).code).toBe(0)
    expect(await call(`${gateway.url}/health`, null)).toMatchObject({ json: { status: 'ok' } })
  })

  test('a declared key works after the reload that brings it and no more after the one that takes it', async () => {
    const secret = 'sk-from-another-gateway-0000000000000000'
    writeFileSync(join(gateway.home, 'shop.key'), secret)
    expect((await ask('answer', secret)).status).toBe(401)

    write(config({ keys: [{ name: 'shop', secret: 'file:shop.key', roles: ['app'] }] }))
    await aval('reload')
    const granted = await ask('answer', secret)
    write(config())
    await aval('reload')
    const refused = await ask('answer', secret)

    expect(granted.status).toBe(200)
    expect(refused.status).toBe(401)
  })

  test('a changed upstream credential is used for new calls', async () => {
    const sent = () => upstream.calls('first').at(-1)?.headers.authorization
    write(config())
    await aval('reload')
    await ask('answer')
    expect(sent()).toBe('Bearer first-credential')

    writeFileSync(credential(), 'second-credential')
    await aval('reload')
    await ask('answer')

    expect(sent()).toBe('Bearer second-credential')
  })

  test('fifty reloads under load drop no request', async () => {
    write(config())
    let over = false
    const statuses = new Map<number, number>()
    const clients = Array.from({ length: 4 }, async () => {
      while (!over) {
        const { status } = await ask('answer')
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const before = gateway.stderr().split('config_applied').length

    for (let turn = 0; turn < 50; turn += 1) {
      write(config({ routes: { answer: { targets: [`lab/turn-${turn % 2}`] } } }))
      await call(`${gateway.url}/api/reload`, gateway.adminKey, { method: 'POST' })
    }
    over = true
    await Promise.all(clients)

    expect([...statuses.keys()]).toEqual([200])
    expect(gateway.stderr().split('config_applied').length - before).toBe(50)
  })
})
