import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { writeLastGood } from '../../../src/db/last-good.ts'
import { ConfigError } from '../../../src/errors.ts'
import type { DeclaredKey, KeyEntry } from '../../../src/keys/declared.ts'
import { createKeyring, type KeyringOptions } from '../../../src/keys/keyring.ts'
import { readSnapshotFile } from '../../../src/keys/snapshot-file.ts'
import type { KeySource } from '../../../src/keys/source.ts'
import { digestSecret, formatToken, newSecret, pepperKey } from '../../../src/keys/token.ts'
import { newId } from '../../../src/lib/ids.ts'
import { Secret } from '../../../src/lib/secret.ts'

const pepper = pepperKey(randomBytes(32))
const logger = pino({ level: 'silent' })

function mint(expiresAtMs: number | null = null): { token: string; entry: KeyEntry } {
  const parts = { id: newId('vk', 1), secret: newSecret() }
  const scope = { name: 'web-shop', owner: 'anna', projectId: 'prj_default', roles: ['app'] as const }
  return {
    token: formatToken(parts),
    entry: {
      digest: digestSecret(pepper, parts.secret),
      key: { id: parts.id, ...scope, allowedRoutes: null, rpm: null, concurrency: null, expiresAtMs },
    },
  }
}

/** Keys in an array; `fail` makes every read fail, as a database that is away does. */
function memorySource(entries: KeyEntry[]) {
  const state = { version: 1n, fail: false, entries, reads: 0 }
  const source: KeySource = {
    version: async () => {
      state.reads += 1
      if (state.fail) throw new Error('the database is away')
      return state.version
    },
    page: async (after, limit) =>
      state.entries
        .filter((entry) => entry.key.id > after)
        .sort((one, other) => (one.key.id < other.key.id ? -1 : 1))
        .slice(0, limit),
    listen: async () => async () => undefined,
  }
  return { state, source }
}

async function keyringOf(load: KeySource, options: Partial<KeyringOptions> = {}) {
  const keyring = createKeyring({
    load,
    declared: [],
    pepper,
    logger,
    snapshotPath: null,
    pollMs: 3_600_000,
    clock: { nowMs: () => 1000, monotonicMs: () => 0 },
    ...options,
  })
  await keyring.start()
  return keyring
}

const declared = (name: string, secret: string): DeclaredKey => ({
  name,
  owner: null,
  secret: new Secret(secret, 'env:SHOP_KEY'),
  roles: ['app'],
  project: null,
  routes: null,
  expiresAtMs: null,
  rpm: null,
  concurrency: null,
})

test('a key opens as a bearer token and as x-api-key', async () => {
  const { token, entry } = mint()
  const keyring = await keyringOf(memorySource([entry]).source)

  expect(keyring.authenticate(`Bearer ${token}`)?.id).toBe(entry.key.id)
  expect(keyring.authenticate(`bearer  ${token}`)?.id).toBe(entry.key.id)
  expect(keyring.authenticate(undefined, token)?.id).toBe(entry.key.id)
  expect(keyring.authenticate(undefined, undefined)).toBeNull()
  expect(keyring.authenticate(`Basic ${token}`)).toBeNull()
})

test('ten thousand mutated keys open nothing', async () => {
  const minted = Array.from({ length: 50 }, () => mint())
  const keyring = await keyringOf(memorySource(minted.map((one) => one.entry)).source, {
    declared: [declared('shop', 'sk-abcdefghijklmnopqrstuvwxyz0123456789')],
  })
  const tokens = [...minted.map((one) => one.token), 'sk-abcdefghijklmnopqrstuvwxyz0123456789']
  const letters = 'abcXYZ019_-./+'
  const random = (below: number) => randomBytes(4).readUInt32LE() % below

  let tried = 0
  let opened = 0
  while (tried < 10_000) {
    const token = tokens[random(tokens.length)]!
    const at = random(token.length)
    const letter = letters.charAt(random(letters.length))
    const mutated = [
      token.slice(0, at) + letter + token.slice(at + 1),
      token.slice(0, at) + token.slice(at + 1),
      token.slice(0, at) + letter + token.slice(at),
      token.slice(0, at),
      `${token.slice(0, 30)}${tokens[random(tokens.length)]!.slice(30)}`,
      token.toUpperCase(),
    ][random(6)]!
    if (tokens.includes(mutated)) continue
    tried += 1
    if (keyring.authenticate(`Bearer ${mutated}`) !== null) opened += 1
  }

  expect(opened).toBe(0)
})

test('an expired key opens nothing from its last millisecond on', async () => {
  const { token, entry } = mint(1500)
  let nowMs = 1499
  const keyring = await keyringOf(memorySource([entry]).source, {
    clock: { nowMs: () => nowMs, monotonicMs: () => 0 },
  })

  expect(keyring.authenticate(`Bearer ${token}`)).not.toBeNull()
  nowMs = 1500
  expect(keyring.authenticate(`Bearer ${token}`)).toBeNull()
})

test('a check reads nothing but memory', async () => {
  const { token, entry } = mint()
  const { state, source } = memorySource([entry])
  const keyring = await keyringOf(source)
  const before = state.reads

  for (let at = 0; at < 1000; at += 1) keyring.authenticate(`Bearer ${token}`)

  expect(state.reads).toBe(before)
})

test('while the database is away the last keys keep working, and status says so', async () => {
  const { token, entry } = mint()
  const { state, source } = memorySource([entry])
  const keyring = await keyringOf(source)
  state.fail = true

  await keyring.refresh()

  expect(keyring.authenticate(`Bearer ${token}`)).not.toBeNull()
  expect(keyring.status()).toMatchObject({ source: 'database', problem: 'the database is away' })
})

test('a start without a database serves the keys of the file, which is private and holds no secret', async () => {
  const { token, entry } = mint()
  const snapshotPath = join(await mkdtemp(join(tmpdir(), 'aval-keys-')), 'keys')
  const first = await keyringOf(memorySource([entry]).source, { snapshotPath })
  await first.stop()
  const away = memorySource([])
  away.state.fail = true

  const second = await keyringOf(away.source, { snapshotPath })

  expect(second.authenticate(`Bearer ${token}`)).toEqual(entry.key)
  expect(second.status().source).toBe('file')
  expect((await stat(snapshotPath)).mode & 0o777).toBe(0o600)
  expect(await readFile(snapshotPath, 'utf8')).not.toContain(token.slice(-43))
})

test('a key file from before there were owners is read, and its keys have none', async () => {
  const { entry } = mint()
  const path = join(await mkdtemp(join(tmpdir(), 'aval-keys-')), 'keys')
  const { id, name, projectId, roles } = entry.key
  const key = [id, entry.digest.toString('base64url'), name, projectId, roles, null, null, null, null]
  const lines = [JSON.stringify(['aval-keys-1', '1', 1000, 1]), JSON.stringify(key)]
  await writeLastGood(path, lines, createHmac('sha256', pepper))

  const saved = await readSnapshotFile(path, pepper, 10)

  expect(saved?.entries).toEqual([{ ...entry, key: { ...entry.key, owner: null } }])
})

test('an edited key file is refused whole', async () => {
  const { token, entry } = mint()
  const snapshotPath = join(await mkdtemp(join(tmpdir(), 'aval-keys-')), 'keys')
  await (await keyringOf(memorySource([entry]).source, { snapshotPath })).stop()
  await writeFile(snapshotPath, (await readFile(snapshotPath, 'utf8')).replace('"app"', '"admin"'))
  const away = memorySource([])
  away.state.fail = true

  const keyring = await keyringOf(away.source, { snapshotPath })

  expect(keyring.authenticate(`Bearer ${token}`)).toBeNull()
  expect(keyring.status().source).toBe('nothing')
})

test('more keys than the bound keep the last load and say why', async () => {
  const kept = mint()
  const { state, source } = memorySource([kept.entry])
  const keyring = await keyringOf(source, { maxKeys: 2 })
  state.entries = [kept, mint(), mint()].map((one) => one.entry)
  state.version = 2n

  await keyring.refresh()

  expect(keyring.status().problem).toContain('more than 2 live keys')
  expect(keyring.authenticate(`Bearer ${kept.token}`)).not.toBeNull()
})

test('a declared key of another gateway works whole, and not by its beginning', async () => {
  const secret = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789'
  const keyring = await keyringOf(memorySource([]).source, { declared: [declared('shop', secret)] })

  expect(keyring.authenticate(`Bearer ${secret}`)).toMatchObject({ id: 'cfg_shop', projectId: 'prj_default' })
  expect(keyring.authenticate(`Bearer ${secret.slice(0, -1)}`)).toBeNull()
  expect(keyring.authenticate(`Bearer ${secret}0`)).toBeNull()
})

test('a declared key may have our own shape', async () => {
  const { token } = mint()
  const keyring = await keyringOf(memorySource([]).source, { declared: [declared('admin', token)] })

  expect(keyring.authenticate(`Bearer ${token}`)?.id).toBe('cfg_admin')
})

test.each([
  [
    'two with one secret',
    [declared('a', 'x'.repeat(40)), declared('b', 'x'.repeat(40))],
    'same secret as "a"',
  ],
  ['two with one name', [declared('a', 'x'.repeat(40)), declared('a', 'y'.repeat(40))], 'used twice'],
  ['a short secret', [declared('a', 'sk-short')], 'has 8 characters; it needs 32'],
])('declared keys with %s are refused', async (_, keys, message) => {
  const keyring = await keyringOf(memorySource([]).source)

  expect(() => keyring.setDeclared(keys)).toThrow(ConfigError)
  expect(() => keyring.setDeclared(keys)).toThrow(message)
})
