/** What a configuration becomes: defaults, what the environment turns on, what the file says, and that nothing moves. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { configFile } from '../../../src/config/schema.ts'
import { type Config, loadConfig } from '../../../src/config.ts'
import { Secret } from '../../../src/lib/secret.ts'

const SHIPPED = fileURLToPath(new URL('../../../aval.yaml', import.meta.url))
const LONG = 'x'.repeat(40)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aval-config-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function load(yaml: string | null, environment: Record<string, string> = {}): Config {
  rmSync(join(folder, 'aval.yaml'), { force: true })
  if (yaml !== null) writeFileSync(join(folder, 'aval.yaml'), yaml)
  return loadConfig(environment, folder)
}

const upstream = (config: Config, name: string) => config.upstreams.find((one) => one.name === name)

describe('without a file and without an environment', () => {
  test('everything has a default', () => {
    const config = load(null)

    expect(config).toMatchObject({
      home: join(folder, '.aval'),
      configPath: null,
      server: {
        host: '127.0.0.1',
        port: 8700,
        maxBodyBytes: 32 * 1024 ** 2,
        drainMs: 30_000,
        corsOrigins: [],
      },
      database: { url: null },
      redis: { url: null },
      ollama: { url: 'http://127.0.0.1:11434', explicit: false },
      routes: [],
      keys: [],
      limits: { app: { rpm: null, concurrency: null } },
      models: { folder: null, hub: false },
      audit: {
        maxSpoolBytes: null,
        keepMs: 86_400_000,
        redaction: {
          kinds: {
            provider_key: 'mask',
            jwt: 'mask',
            pem: 'mask',
            card: 'mask',
            iban: 'mask',
            email: 'off',
            phone: 'off',
          },
          patterns: [],
        },
      },
      retention: { profile: 'default', days: 90, bodyDays: 90 },
      monitoring: { keep: { minuteDays: 8, hourDays: 90, dayDays: 730 }, readsBodies: false },
      bring: { adminKey: null, appKey: null, pepper: null },
      log: { level: null },
    })
  })

  test('bodies are read each day where somebody wrote so', () => {
    expect(load('monitoring: { read_bodies: true }').monitoring.readsBodies).toBe(true)
    expect(load('monitoring: { read_bodies: false }').monitoring.readsBodies).toBe(false)
  })

  test('the only upstream is local', () => {
    expect(load(null).upstreams.map(({ name, dialect }) => [name, dialect])).toEqual([['local', 'local']])
  })
})

describe('the environment', () => {
  test('wins over the file for the address', () => {
    const config = load('server: { host: 10.0.0.1, port: 1 }', { HOST: '0.0.0.0', PORT: '0' })

    expect(config.server).toMatchObject({ host: '0.0.0.0', port: 0 })
  })

  test('an empty name is a name that is not set', () => {
    const config = load(null, {
      PORT: '',
      OPENAI_API_KEY: '',
      AVAL_ADMIN_KEY: '',
      NO_COLOR: '',
      LOG_LEVEL: '',
    })

    expect(config).toEqual(load(null))
  })

  test.each([
    ['openai', 'OPENAI', 'https://api.openai.com/v1'],
    ['anthropic', 'ANTHROPIC', 'https://api.anthropic.com'],
    ['gemini', 'GEMINI', 'https://generativelanguage.googleapis.com'],
  ])('a key of %s turns the upstream on, at its own address or a given one', (name, prefix, address) => {
    const found = upstream(load(null, { [`${prefix}_API_KEY`]: 'sk-1' }), name)
    const moved = upstream(
      load(null, { [`${prefix}_API_KEY`]: 'sk-1', [`${prefix}_BASE_URL`]: 'http://gpu:1/v1//' }),
      name,
    )

    expect(found).toMatchObject({ name, dialect: name, baseUrl: address })
    expect(found !== undefined && 'key' in found && found.key?.reveal()).toBe('sk-1')
    expect(found !== undefined && 'key' in found && found.key?.source).toBe(`env:${prefix}_API_KEY`)
    expect(moved).toMatchObject({ baseUrl: 'http://gpu:1/v1' })
  })

  test('an address alone turns on openai without a key, for servers that want none', () => {
    expect(upstream(load(null, { OPENAI_BASE_URL: 'http://gpu:8000/v1' }), 'openai')).toMatchObject({
      baseUrl: 'http://gpu:8000/v1',
      key: null,
    })
  })

  test('an address alone turns on neither anthropic nor gemini', () => {
    const config = load(null, { ANTHROPIC_BASE_URL: 'http://a', GEMINI_BASE_URL: 'http://b' })

    expect(config.upstreams.map(({ name }) => name)).toEqual(['local'])
  })

  test('a declared upstream of the same name is not replaced by a found one', () => {
    const yaml = 'upstreams: { openai: { dialect: openai, base_url: "http://gpu:1/v1", key: env:LAB } }'
    const config = load(yaml, { OPENAI_API_KEY: 'found', LAB: 'declared' })
    const openai = upstream(config, 'openai')

    expect(config.upstreams.filter(({ name }) => name === 'openai')).toHaveLength(1)
    expect(openai !== undefined && 'key' in openai && openai.key?.reveal()).toBe('declared')
  })

  test.each([
    ['gpu:11434', 'http://gpu:11434'],
    ['https://gpu/', 'https://gpu'],
  ])('OLLAMA_HOST may be written as %s', (host, url) => {
    expect(load(null, { OLLAMA_HOST: host }).ollama).toEqual({ url, explicit: true })
  })

  test('a pepper may come from a file, whose last line break does not count', () => {
    writeFileSync(join(folder, 'pepper'), `${LONG}\n`)

    const config = load(null, { AVAL_PEPPER_FILE: 'pepper', AVAL_PEPPER: 'y'.repeat(40) })

    expect(config.bring.pepper?.reveal()).toBe(LONG)
  })
})

describe('the file', () => {
  test('lays the timeouts of an upstream over the defaults', () => {
    const config = load('upstreams: { lab: { dialect: openai, timeouts: { connect: 250ms, total: 1.5m } } }')

    expect(upstream(config, 'lab')?.timeouts).toEqual({
      connectMs: 250,
      firstByteMs: 120_000,
      idleMs: 60_000,
      totalMs: 90_000,
    })
  })

  test('splits a target at its first slash, so that model ids may hold more', () => {
    const yaml = `routes: { r: { targets: [local/a/b, { model: "local/c:d", weight: 2, timeouts: { idle: 1s } }] } }`

    expect(load(yaml).routes).toEqual([
      {
        name: 'r',
        owner: null,
        retries: 2,
        labels: {},
        guarantee: { durability: 'process', policy: 'required', deadlineMs: 250 },
        targets: [
          { upstream: 'local', model: 'a/b', weight: null, timeouts: {} },
          { upstream: 'local', model: 'c:d', weight: 2, timeouts: { idleMs: 1000 } },
        ],
      },
    ])
  })

  test('declares keys whose secret is elsewhere', () => {
    const yaml = `keys: [{ name: shop, secret: env:SHOP, roles: [app], routes: ["support-*"], expires: 2030-01-31T00:00:00+01:00, rpm: 5 }]`
    const [key] = load(yaml, { SHOP: LONG }).keys

    expect(key).toMatchObject({
      name: 'shop',
      roles: ['app'],
      project: null,
      routes: ['support-*'],
      expiresAtMs: Date.UTC(2030, 0, 30, 23),
      rpm: 5,
      concurrency: null,
    })
    expect(key?.secret.reveal()).toBe(LONG)
  })

  test('declares whose a key is, in small letters: Anna and anna are one person', () => {
    const of = (owner: string) =>
      load(`keys: [{ name: shop, secret: env:SHOP, roles: [app]${owner} }]`, { SHOP: LONG }).keys[0]?.owner

    expect([of(', owner: Anna@Example.com'), of('')]).toEqual(['anna@example.com', null])
  })

  test('an Azure upstream names its header in lower case', () => {
    const yaml = 'upstreams: { azure: { dialect: openai, key_header: Api-Key, query: { api-version: v1 } } }'

    expect(upstream(load(yaml), 'azure')).toMatchObject({
      keyHeader: 'api-key',
      query: { 'api-version': 'v1' },
    })
  })
})

describe('redaction', () => {
  test('takes what the file says and the defaults for the rest', () => {
    const { redaction } = load(
      'audit: { redaction: { kinds: { card: tokenise, email: drop, jwt: off }, patterns: [{ name: staff, regex: "EMP-[0-9]+" }] } }',
    ).audit

    expect(redaction.kinds).toEqual({
      provider_key: 'mask',
      jwt: 'off',
      pem: 'mask',
      card: 'tokenise',
      iban: 'mask',
      email: 'drop',
      phone: 'off',
    })
    expect(redaction.patterns).toEqual([{ name: 'staff', regex: 'EMP-[0-9]+', action: 'mask' }])
  })
})

describe('the result', () => {
  test('cannot be changed, at any depth', () => {
    const config = load('routes: { r: { targets: [{ model: local/x, timeouts: { idle: 1s } }] } }')
    const open: string[] = []
    const look = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null || value instanceof Secret) return
      if (!Object.isFrozen(value)) open.push(path)
      for (const [key, child] of Object.entries(value)) look(child, `${path}.${key}`)
    }

    look(config, 'config')

    expect(open).toEqual([])
  })

  test('shows no secret, however it is printed', () => {
    const config = load('keys: [{ name: a, secret: env:SHOP, roles: [app] }]', {
      SHOP: `hunter2${LONG}`,
      OPENAI_API_KEY: 'hunter2',
      DATABASE_URL: 'postgres://me:hunter2@db/aval',
      REDIS_URL: 'redis://:hunter2@redis',
      AVAL_ADMIN_KEY: `hunter2${LONG}`,
      AVAL_PEPPER: `hunter2${LONG}`,
      AVAL_KEY: 'hunter2',
    })

    expect(JSON.stringify(config)).not.toContain('hunter2')
    expect(inspect(config, { depth: 20, showHidden: true })).not.toContain('hunter2')
    expect(`${config.database.url}${config.redis.url}`).toBe('******')
  })
})

describe('retention', () => {
  test.each([
    ['profile: ai-act', { profile: 'ai-act', days: 184, bodyDays: 184 }],
    ['profile: hipaa', { profile: 'hipaa', days: 2192, bodyDays: 2192 }],
    ['profile: pci', { profile: 'pci', days: 400, bodyDays: 400 }],
    ['profile: pci, days: 500, bodies: 30d', { profile: 'pci', days: 500, bodyDays: 30 }],
    ['profile: ai-act, days: 3650, bodies: 184d', { profile: 'ai-act', days: 3650, bodyDays: 184 }],
    ['days: 14', { profile: 'default', days: 14, bodyDays: 14 }],
  ])('%s', (text, expected) => {
    expect(load(`retention: { ${text} }`).retention).toEqual(expected)
  })
})

describe('the shipped aval.yaml', () => {
  const shipped = readFileSync(SHIPPED, 'utf8')
  const uncommented = shipped.replaceAll(/^#(?!#)/gm, '')
  const environment = {
    OPENAI_API_KEY: 'a',
    ANTHROPIC_API_KEY: 'b',
    GEMINI_API_KEY: 'c',
    AZURE_OPENAI_API_KEY: 'd',
    WEB_SHOP_KEY: LONG,
    AVAL_AUDIT_KEY: LONG,
    AVAL_SIGNING_KEY: Buffer.alloc(32, 1).toString('base64'),
    OLD_SIGNING_KEY: Buffer.alloc(32, 2).toString('base64'),
    ALERT_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
    SLACK_URL: 'https://hooks.example.org/services/x',
    SMTP_URL: 'smtps://aval:secret@mail.example.org',
  }

  test('changes nothing as it stands', () => {
    expect({ ...load(shipped), configPath: null }).toEqual(load(null))
  })

  test('is a valid configuration with every setting taken in', () => {
    const config = load(uncommented, environment)

    expect(config.routes.map(({ name }) => name)).toEqual(['support-answer', 'docs-answer'])
    expect(config.policies.map(({ name }) => name)).toEqual(expect.arrayContaining(['watched']))
    expect(config.keys.map(({ name }) => name)).toEqual(['web-shop'])
    expect(config.upstreams.map(({ name }) => name)).toEqual([
      'openai',
      'anthropic',
      'gemini',
      'azure',
      'local',
    ])
  })

  test('shows the true defaults', () => {
    const written = load(uncommented, environment)
    const silent = load(null, environment)

    expect(written.server).toEqual(silent.server)
    expect({ ...written.audit, maxSpoolBytes: null, origin: '' }).toEqual({
      ...silent.audit,
      redaction: written.audit.redaction,
      origin: '',
    })
    expect(written.audit.redaction.kinds).toEqual(silent.audit.redaction.kinds)
    expect(written.retention).toEqual(silent.retention)
    for (const name of ['openai', 'anthropic', 'gemini'])
      expect(upstream(written, name)).toEqual(upstream(silent, name))
  })

  test('names every key of the schema', () => {
    const written = new Set(
      [...uncommented.matchAll(/(?<=^|[\s{,])([a-z_]+):(?=\s|$)/gm)].map(([, key]) => key),
    )
    const names = new Set<string>()
    const collect = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return
      if ('properties' in node) for (const key of Object.keys(node.properties as object)) names.add(key)
      for (const child of Object.values(node)) collect(child)
    }

    collect(z.toJSONSchema(configFile, { io: 'input', unrepresentable: 'any' }))

    expect(names.size).toBeGreaterThan(40)
    expect([...names].filter((key) => !written.has(key))).toEqual([])
  })
})
