import { pino } from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import type { VirtualKey } from '../../../src/keys/key.ts'
import { createKeyring } from '../../../src/keys/keyring.ts'
import {
  createKey,
  type KeyDeps,
  listKeys,
  type NewKey,
  revokeKey,
  rotateKey,
} from '../../../src/keys/lifecycle.ts'
import { databaseKeySource } from '../../../src/keys/source.ts'
import { readKeysVersion } from '../../../src/keys/store.ts'
import { pepperKey } from '../../../src/keys/token.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { describeDatabases } from '../../support/database.ts'

const wanted: NewKey = {
  name: 'web-shop',
  owner: null,
  project: 'default',
  roles: ['app'],
  allowedRoutes: ['support-*'],
  rpm: 600,
  concurrency: 50,
  expiresAtMs: null,
}
const admin: VirtualKey = {
  id: 'vk_admin',
  name: 'admin',
  owner: null,
  projectId: 'prj_default',
  roles: ['admin'],
  allowedRoutes: null,
  rpm: null,
  concurrency: null,
  expiresAtMs: null,
}
const logger = pino({ level: 'silent' })

describeDatabases('virtual keys', (open) => {
  beforeEach(() => open().truncate())

  const depsOf = (): KeyDeps => ({
    db: open().db,
    pepper: pepperKey(Buffer.alloc(32, 7)),
    clock: systemClock,
  })
  const replica = async (deps: KeyDeps, options: { listen: boolean; pollMs: number }) => {
    const source = databaseKeySource(open(), systemClock)
    const deaf = { ...source, listen: () => Promise.reject(new Error('no LISTEN here')) }
    const keyring = createKeyring({
      load: options.listen ? source : deaf,
      declared: [],
      pepper: deps.pepper,
      clock: systemClock,
      logger,
      snapshotPath: null,
      pollMs: options.pollMs,
    })
    await keyring.start()
    return keyring
  }

  test('a key that was made opens on a replica that loads it, with its whole scope', async () => {
    const deps = depsOf()
    const minted = await createKey(deps, null, wanted)

    const keyring = await replica(deps, { listen: false, pollMs: 60_000 })

    expect(keyring.authenticate(`Bearer ${minted.token}`)).toEqual({
      id: minted.key.id,
      name: 'web-shop',
      owner: null,
      projectId: 'prj_default',
      roles: ['app'],
      allowedRoutes: ['support-*'],
      rpm: 600,
      concurrency: 50,
      expiresAtMs: null,
    })
    await keyring.stop()
  })

  test.each([
    ['NOTIFY and the poll', { listen: true, pollMs: 400 }],
    ['the poll alone', { listen: false, pollMs: 400 }],
  ])('a revoked key is refused everywhere within a second, by %s', async (_, options) => {
    const deps = depsOf()
    const minted = await createKey(deps, null, wanted)
    const replicas = [await replica(deps, options), await replica(deps, options)]

    await revokeKey(deps, admin, minted.key.id)

    for (const keyring of replicas) {
      await expect
        .poll(() => keyring.authenticate(`Bearer ${minted.token}`), { timeout: 1000, interval: 20 })
        .toBeNull()
      await keyring.stop()
    }
  })

  test.runIf(process.env.TEST_DATABASE_URL)('on a server NOTIFY alone brings a change', async () => {
    if (open().embedded) return
    const deps = depsOf()
    const minted = await createKey(deps, null, wanted)
    // Of this database alone: the server has those of other suites, which listen, too.
    const listeners = () => open().sql`
      SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'listen%'`
    await expect.poll(listeners, { timeout: 10_000 }).toHaveLength(0)
    const keyring = await replica(deps, { listen: true, pollMs: 3_600_000 })
    await expect.poll(listeners, { timeout: 10_000 }).toHaveLength(1)

    await revokeKey(deps, admin, minted.key.id)

    await expect.poll(() => keyring.authenticate(`Bearer ${minted.token}`), { timeout: 1000 }).toBeNull()
    await keyring.stop()
  })

  test('the database never holds the secret', async () => {
    const minted = await createKey(depsOf(), null, wanted)

    const rows = await open().sql`SELECT virtual_keys::text AS row FROM virtual_keys`

    expect(rows).toHaveLength(1)
    expect(String(rows[0]?.row)).not.toContain(minted.token.slice(-43))
  })

  test('every change moves the counter that replicas poll', async () => {
    const deps = depsOf()
    const before = await readKeysVersion(deps.db)

    const minted = await createKey(deps, null, wanted)
    const rotated = await rotateKey(deps, admin, minted.key.id, { overlapMs: 1000 })
    await revokeKey(deps, admin, rotated.key.id)

    expect(await readKeysVersion(deps.db)).toBe(before + 3n)
  })

  test('after a rotation both keys open, and the old one ends with the overlap', async () => {
    const deps = depsOf()
    const minted = await createKey(deps, null, wanted)

    const rotated = await rotateKey(deps, admin, minted.key.id, { overlapMs: 3_600_000 })
    const keyring = await replica(deps, { listen: false, pollMs: 60_000 })

    const old = keyring.authenticate(`Bearer ${minted.token}`)
    expect(old?.expiresAtMs).toBeGreaterThan(Date.now())
    expect(keyring.authenticate(`Bearer ${rotated.token}`)).toMatchObject({ rpm: 600, expiresAtMs: null })
    expect(rotated.replaced).toMatchObject({ state: 'expiring', replacedBy: rotated.key.id })
    await keyring.stop()
  })

  test('two rotations of one key at once make one successor', async () => {
    const deps = depsOf()
    const minted = await createKey(deps, null, wanted)

    const both = await Promise.allSettled([
      rotateKey(deps, admin, minted.key.id, { overlapMs: 1000 }),
      rotateKey(deps, admin, minted.key.id, { overlapMs: 1000 }),
    ])

    expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    const { rows } = await listKeys(deps, { projectId: 'prj_default', cursor: null, limit: 10 })
    expect(rows).toHaveLength(2)
  })

  test('a key of another project is not found', async () => {
    const deps = depsOf()
    const minted = await createKey(deps, null, { ...wanted, project: 'other' })

    await expect(revokeKey(deps, admin, minted.key.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('an engineer hands on no more than it has', async () => {
    const deps = depsOf()
    const engineer: VirtualKey = {
      ...admin,
      roles: ['engineer', 'app'],
      allowedRoutes: ['support-*'],
      rpm: 100,
    }
    const own = { ...wanted, project: null, rpm: 100 }

    await expect(createKey(deps, engineer, own)).resolves.toBeDefined()
    for (const more of [
      { ...own, roles: ['admin'] as const },
      { ...own, allowedRoutes: null },
      { ...own, allowedRoutes: ['sales-*'] },
      { ...own, rpm: 101 },
      { ...own, rpm: null },
      { ...own, project: 'other' },
    ]) {
      await expect(createKey(deps, engineer, more)).rejects.toMatchObject({ code: 'permission_denied' })
    }
  })

  describe('of an owner', () => {
    const engineer: VirtualKey = { ...admin, id: 'vk_eng', roles: ['engineer', 'app'] }
    const own = { ...wanted, project: null }

    test('is its maker’s person, unless an admin names another one', async () => {
      const deps = depsOf()

      const byEngineer = await createKey(deps, { ...engineer, owner: 'anna' }, own)
      const byOwnerless = await createKey(deps, engineer, own)
      const byAdmin = await createKey(deps, { ...admin, owner: 'ada' }, own)
      const named = await createKey(deps, admin, { ...own, owner: 'ben' })
      const first = await createKey(deps, null, wanted)

      const owners = [byEngineer, byOwnerless, byAdmin, named, first].map(({ key }) => key.owner)
      expect(owners).toEqual(['anna', 'vk_eng', 'ada', 'ben', null])
    })

    test('is not made by somebody who is neither that person nor an admin', async () => {
      const anna = { ...engineer, owner: 'anna' }

      const refused = createKey(depsOf(), anna, { ...own, owner: 'ben' })

      await expect(refused).rejects.toMatchObject({
        code: 'permission_denied',
        param: 'owner',
        message: 'Key vk_eng belongs to anna and makes no key of ben. Ask an admin, who may name any owner.',
      })
      await expect(createKey(depsOf(), anna, { ...own, owner: 'anna' })).resolves.toBeDefined()
    })

    test('keeps its person through rotations, and falls into nobody else’s hands by one', async () => {
      const deps = depsOf()
      const first = await createKey(deps, null, wanted)
      const ofBen = await createKey(deps, admin, { ...own, owner: 'ben' })
      const overlap = { overlapMs: 1000 }

      const second = await rotateKey(deps, admin, first.key.id, overlap)
      const third = await rotateKey(deps, admin, second.key.id, overlap)

      expect([second.key.owner, third.key.owner]).toEqual([first.key.id, first.key.id])
      const anna = { ...engineer, owner: 'anna' }
      await expect(rotateKey(deps, anna, ofBen.key.id, overlap)).rejects.toThrow(/makes no key of ben/)
      const byBen = await rotateKey(deps, { ...engineer, owner: 'ben' }, ofBen.key.id, overlap)
      expect(byBen.key.owner).toBe('ben')
    })
  })

  test('pages go through all keys once, newest first', async () => {
    const deps = depsOf()
    for (let at = 0; at < 7; at += 1) await createKey(deps, null, { ...wanted, name: `key ${at}` })

    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof listKeys>> = await listKeys(deps, {
        projectId: 'prj_default',
        cursor,
        limit: 3,
      })
      seen.push(...page.rows.map((row) => row.name))
      cursor = page.nextCursor
    } while (cursor !== null)

    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((at) => `key ${at}`))
  })

  test('a keyring loads thousands of keys in pages', async () => {
    const deps = depsOf()
    await createKey(deps, null, wanted)
    await open().sql`INSERT INTO virtual_keys (id, project_id, name, roles, digest, created_at)
      SELECT 'vk_bulk' || lpad(n::text, 19, '0'), 'prj_default', 'bulk', '{app}', sha256(n::text::bytea), now()
      FROM generate_series(1, 5000) AS n`

    const keyring = await replica(deps, { listen: false, pollMs: 60_000 })

    expect(keyring.status()).toMatchObject({ storedKeys: 5001, problem: null })
    await keyring.stop()
  })
})
