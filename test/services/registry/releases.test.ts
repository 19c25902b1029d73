import { createSecretKey } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { listDecisions } from '../../../src/promotion/store.ts'
import { createRelease, type NewRelease } from '../../../src/registry/releases/create.ts'
import { LiveRegistry } from '../../../src/registry/releases/follow.ts'
import { readRegistry } from '../../../src/registry/releases/registry-data.ts'
import { readRegistryFile } from '../../../src/registry/releases/registry-file.ts'
import { findLabel } from '../../../src/registry/releases/store.ts'
import { aFolder } from '../../support/audit-records.ts'
import { describeDatabases } from '../../support/database.ts'
import { refusal } from '../../support/refusal.ts'
import { AUTHOR, NOTHING, seedModel, seedPrompt } from '../../support/registry.ts'

/** On a server both moves are under way at once; the embedded database takes one after the other, each time alike. */
const ROUNDS = { server: 200, embedded: 20 }

describeDatabases('releases', (open) => {
  const make = (route: string, wanted: Partial<NewRelease> = {}) =>
    createRelease({ db: open().db, clock: systemClock }, AUTHOR, { route, ...NOTHING, ...wanted })
  const move = (route: string, to: number, expected: number | null = null) =>
    moveLabel({ db: open().db, clock: systemClock }, AUTHOR, OPEN, {
      route,
      label: 'production',
      to,
      canary: null,
      expected,
      reason: 'a test',
    })

  beforeAll(async () => {
    const { db } = open()
    await seedModel(db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
    await seedModel(db, { name: 'small', version: 2, content: { upstream: 'up', model: 'small-2' } })
    await seedModel(db, {
      name: 'blind',
      content: { upstream: 'up', model: 'blind', capabilities: { tools: false, json: false, vision: false } },
    })
    await seedPrompt(db, { name: 'plain', content: { messages: [{ role: 'user', content: '{{q}}' }] } })
    await seedPrompt(db, {
      name: 'tooled',
      content: { messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'function' }] },
    })
  })

  test('are numbered by route, and the same combination is the same release', async () => {
    const first = await make('numbered', { prompt: 'plain', models: [{ ref: 'small@1', weight: null }] })
    const second = await make('numbered', { models: [{ ref: 'small', weight: null }] })
    const again = await make('numbered', { prompt: 'plain', models: [{ ref: 'small@1', weight: null }] })

    expect(first).toMatchObject({ created: true, release: { number: 1 } })
    // The prompt is that of the release before, the model the newest version.
    expect(JSON.parse(second.release.content)).toMatchObject({
      prompt: { name: 'plain', version: 1 },
      targets: [{ model: { name: 'small', version: 2 } }],
    })
    expect(second.release.number).toBe(2)
    expect(again).toEqual({ created: false, release: first.release })
  })

  test('begin with what production serves', async () => {
    await make('based', { models: [{ ref: 'small@1', weight: null }], parameters: { temperature: 0 } })
    await make('based', { models: [{ ref: 'small@2', weight: null }], parameters: { temperature: 1 } })
    await move('based', 1)

    const made = await make('based', { retries: 5 })

    expect(JSON.parse(made.release.content)).toMatchObject({
      parameters: { temperature: 0 },
      targets: [{ model: { version: 1 } }],
    })
  })

  test('made by many at once have every number once', async () => {
    const made = await Promise.all(
      Array.from({ length: 20 }, (_none, seed) =>
        make('busy', { models: [{ ref: 'small', weight: null }], parameters: { seed } }),
      ),
    )

    const numbers = made.map(({ release }) => release.number).sort((one, other) => one - other)
    expect(numbers).toEqual(Array.from({ length: 20 }, (_none, index) => index + 1))
  })

  test.each([
    ['no model', {}, 'missing_required_parameter'],
    ['a model that is not there', { models: [{ ref: 'large', weight: null }] }, 'not_found'],
    ['a version that is not there', { models: [{ ref: 'small@9', weight: null }] }, 'not_found'],
    ['a prompt that is not there', { prompt: 'nothing@1' }, 'not_found'],
    ['a path as a prompt', { prompt: '../plain' }, 'invalid_value'],
    ['a release that is not there', { from: 7 }, 'not_found'],
    ['a parameter that is the caller’s', { parameters: { stream: true } }, 'invalid_value'],
  ] as const)('with %s are refused', async (_name, wanted, code) => {
    const refused = await refusal(make('refused', wanted as Partial<NewRelease>))

    expect(refused.code).toBe(code)
  })

  test('whose model cannot do what the prompt needs are refused with the reason', async () => {
    const refused = await refusal(
      make('unable', { prompt: 'tooled', models: [{ ref: 'blind', weight: null }] }),
    )

    expect(refused.code).toBe('conflict')
    expect(refused.message).toContain('Model blind@1 has no tools, and prompt tooled@1 declares tools.')
  })

  test.each(['releases', 'decisions'])('no row of %s is changed or removed, by SQL either', async (table) => {
    await make('frozen', { models: [{ ref: 'small', weight: null }] })
    await move('frozen', 1).catch(() => undefined)
    const { sql } = open()

    await expect(sql.unsafe(`UPDATE ${table} SET route = 'x'`)).rejects.toThrow(/never changed/)
    await expect(sql.unsafe(`DELETE FROM ${table}`)).rejects.toThrow(/never changed/)
    await expect(sql.unsafe(`TRUNCATE ${table} CASCADE`)).rejects.toThrow(/never changed/)
  })

  describe('a label', () => {
    test('is moved with a decision that says from where and why', async () => {
      await make('moved', { models: [{ ref: 'small@1', weight: null }] })
      await make('moved', { models: [{ ref: 'small@2', weight: null }] })
      const first = await move('moved', 1)
      const second = await move('moved', 2, 1)

      const page = { route: 'moved', before: null, limit: 10 }
      const decisions = await listDecisions(open().db, AUTHOR.projectId, page)
      expect(decisions.map(({ fromReleaseId, toReleaseId }) => [fromReleaseId, toReleaseId])).toEqual([
        [first.to.id, second.to.id],
        [null, first.to.id],
      ])
      expect(decisions[0]).toMatchObject({ reason: 'a test', decidedByName: 'ada' })
    })

    test('that points somewhere else than expected stays, and no decision is kept', async () => {
      await make('kept', { models: [{ ref: 'small@1', weight: null }] })
      await make('kept', { models: [{ ref: 'small@2', weight: null }] })
      await move('kept', 1)

      const refused = await refusal(move('kept', 2, 2))

      expect(refused.code).toBe('conflict')
      expect(refused.message).toContain('serves r1, not r2')
      const page = { route: 'kept', before: null, limit: 10 }
      expect(await listDecisions(open().db, AUTHOR.projectId, page)).toHaveLength(1)
    })

    test('moved by two at once, again and again: one wins, the other gets a conflict', async () => {
      const rounds = open().embedded ? ROUNDS.embedded : ROUNDS.server
      await make('raced', { models: [{ ref: 'small@1', weight: null }] })
      await make('raced', { models: [{ ref: 'small@2', weight: null }] })
      await make('raced', { models: [{ ref: 'blind', weight: null }] })
      await move('raced', 1)
      let at = 1
      for (let round = 0; round < rounds; round += 1) {
        const others = [1, 2, 3].filter((number) => number !== at)
        const outcomes = await Promise.allSettled(others.map((to) => move('raced', to, at)))

        const won = outcomes.filter(({ status }) => status === 'fulfilled')
        const lost = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
        expect([won.length, lost.length]).toEqual([1, 1])
        expect(lost[0]?.reason).toMatchObject({ code: 'conflict' })
        at = (won[0] as PromiseFulfilledResult<Awaited<ReturnType<typeof move>>>).value.to.number
        const label = await findLabel(open().db, AUTHOR.projectId, 'raced', 'production')
        expect(label?.releaseId).toBe(
          (won[0] as PromiseFulfilledResult<Awaited<ReturnType<typeof move>>>).value.to.id,
        )
      }
      const page = { route: 'raced', before: null, limit: 1000 }
      expect(await listDecisions(open().db, AUTHOR.projectId, page)).toHaveLength(rounds + 1)
    })
  })

  describe('followed by a gateway', () => {
    const pepper = createSecretKey(Buffer.alloc(32, 1))
    const follow = (path: string | null, connection = open()) =>
      new LiveRegistry({
        connection,
        file: path === null ? null : { path, pepper },
        onEvent: () => undefined,
        pollMs: 50,
      })

    test('are served as soon as a label points to them', async () => {
      await make('followed', { models: [{ ref: 'small@1', weight: null }] })
      const live = follow(null)
      await live.start()
      const before = live.book.byLabel(AUTHOR.projectId, 'followed', 'production', 'u')

      await move('followed', 1)
      await live.look()

      expect(before).toBeNull()
      expect(live.book.byLabel(AUTHOR.projectId, 'followed', 'production', 'u')).toMatchObject({
        number: 1,
        targets: [{ upstream: 'up', model: 'small-1', modelVersion: 'small@1' }],
      })
      await live.stop()
    })

    test('bring along the versions that they pin, and none that nobody serves', async () => {
      await seedPrompt(open().db, { name: 'draft', content: { messages: ['{{messages}}'] } })
      await make('pinning', { prompt: 'plain', models: [{ ref: 'small@1', weight: null }] })

      const { prompts, models } = await readRegistry(open().db, '1')

      expect(prompts.map(({ name }) => name)).toContain('plain')
      expect(prompts.map(({ name }) => name)).not.toContain('draft')
      expect(new Set(models.map(({ name, version }) => `${name}@${version}`)).size).toBe(models.length)
    })

    test('are read once, and one that came in below the newest is not missed', async () => {
      const { db, sql } = open()
      const wanted = { models: [{ ref: 'small@1', weight: null }] }
      await make('read-once', wanted)
      const first = await readRegistry(db, '1')
      const kept = first.releases[0]!
      const { release } = await make('read-once', { ...wanted, parameters: { seed: 1 } })
      const second = await readRegistry(db, '2', first)
      // Of a gateway whose clock was behind.
      await sql`
        INSERT INTO releases SELECT 'rel_0', project_id, 'read-late', 1, hash, content, created_by, created_by_name, created_at, created_by_person
        FROM releases WHERE id = ${release.id}`
      const third = await readRegistry(db, '3', second)

      expect(second.releases.at(-1)?.id).toBe(release.id)
      expect(second.releases).toHaveLength(first.releases.length + 1)
      // The very same object: it was not read again.
      expect(second.releases[0]).toBe(kept)
      expect(second.models).toBe(first.models)
      expect(third.releases.map(({ id }) => id)).toContain('rel_0')
      expect(third).toEqual(await readRegistry(db, '3'))
    })

    test('are filed once for many changes that follow one another, and the last of them when the process stops', async () => {
      const path = `${aFolder()}/registry.json`
      const live = follow(path)
      await live.start()
      const firstFile = (await stat(path)).ino
      for (const seed of [1, 2, 3]) {
        await make('filed-late', { models: [{ ref: 'small@1', weight: null }], parameters: { seed } })
        await live.look()
      }
      const meanwhile = (await stat(path)).ino
      await live.stop()

      expect(live.book.byNumber(AUTHOR.projectId, 'filed-late', 3)).not.toBeNull()
      expect(meanwhile).toBe(firstFile)
      const filed = await readRegistryFile(path, pepper)
      expect(filed?.releases.filter(({ route }) => route === 'filed-late')).toHaveLength(3)
    })

    test('are there without a database, from the last good file', async () => {
      await make('filed', { models: [{ ref: 'small@1', weight: null }] })
      await move('filed', 1)
      const path = `${aFolder()}/registry.json`
      const first = follow(path)
      await first.start()
      await first.stop()
      const away = { ...open(), db: open().db }
      const broken = new LiveRegistry({
        connection: {
          ...away,
          db: new Proxy(away.db, {
            get: () => () => {
              throw new Error('The database is away.')
            },
          }),
        },
        file: { path, pepper },
        onEvent: () => undefined,
        pollMs: 60_000,
      })
      await broken.start()

      expect(broken.problem).toContain('away')
      expect(broken.book.byLabel(AUTHOR.projectId, 'filed', 'production', 'u')?.number).toBe(1)
      await broken.stop()
    })
  })
})
