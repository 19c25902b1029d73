import { beforeEach, expect, test } from 'vitest'
import {
  findDataset,
  getDataset,
  pushDataset,
  pushItems,
} from '../../../src/evals/datasets/dataset-versions.ts'
import { diffDatasets } from '../../../src/evals/datasets/diff.ts'
import { listDatasetVersions, listNewestDatasets, readItems } from '../../../src/evals/datasets/store.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { JsonValue } from '../../../src/lib/json.ts'
import { describeDatabases } from '../../support/database.ts'

const ADA = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'ada@example.com' }
const EVE = { id: 'vk_eve', name: 'eve', projectId: 'prj_other', person: 'vk_eve' }
const ASKS = { properties: { input: { type: 'string' } }, required: ['input'] }
const asking = (id: string, input = `what is ${id}?`, more = {}) => ({ id, input, ...more })

describeDatabases('versions of a dataset', (open) => {
  const deps = () => ({ sql: open().sql, clock: systemClock })
  const push = async (
    items: readonly object[],
    {
      schema = null,
      description = null,
      name = 'questions',
      author = ADA,
    }: {
      schema?: JsonValue
      description?: string | null
      name?: string
      author?: typeof ADA
    } = {},
  ) => {
    const hashes = await pushItems(deps(), author.projectId, items)
    return await pushDataset(deps(), author, { name, hashes, schema, description })
  }
  const diff = async (from: string, to: string, page = { after: null as string | null, limit: 50 }) => {
    const { sql } = open()
    const [one, other] = await Promise.all([from, to].map((ref) => findDataset(sql, 'prj_default', ref)))
    if (!one || !other) throw new Error('A version of the test is not there.')
    return await diffDatasets(sql, { from: one, to: other }, page)
  }

  beforeEach(() => open().truncate())

  test('are numbered from 1, and the same items in the same order are the version that has them', async () => {
    const first = await push([asking('a'), asking('b')], { description: 'Two.' })
    const second = await push([asking('b'), asking('a')])
    const again = await push([asking('a'), asking('b')], { description: 'Others.' })

    expect([first, second, again].map(({ created, version }) => [created, version.version])).toEqual([
      [true, 1],
      [true, 2],
      [false, 1],
    ])
    expect(again.version).toEqual(first.version)
    expect(first.version.createdByPerson).toBe(ADA.person)
    expect(first.version).toMatchObject({
      id: expect.stringMatching(/^ds_/),
      items: 2,
      description: 'Two.',
      createdBy: 'vk_ada',
      createdByName: 'ada',
    })
  })

  test('are another one with another schema', async () => {
    const [plain, strict] = [await push([asking('a')]), await push([asking('a')], { schema: ASKS })]

    expect([strict.created, strict.version.version]).toEqual([true, 2])
    expect(strict.version.hash).not.toBe(plain.version.hash)
  })

  test('are dense and single when twenty are pushed at once, and one when they are the same', async () => {
    const several = await Promise.all(Array.from({ length: 20 }, (_, at) => push([asking(`q${at}`)])))
    const same = await Promise.all(Array.from({ length: 20 }, () => push([asking('a')], { name: 'same' })))

    const numbers = several.map(({ version }) => version.version).toSorted((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(same.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(same.map(({ version }) => version.id)).size).toBe(1)
  })

  test('keep an item once, whichever versions name it', async () => {
    await push([asking('a'), asking('b')])
    await push([asking('a'), asking('c')])

    const [row] = await open().sql<{ count: number }[]>`SELECT count(*)::integer AS count FROM dataset_items`
    expect(row?.count).toBe(3)
  })

  test.each(['dataset_versions', 'dataset_items', 'dataset_version_items'])(
    'never lose or change a row of %s, by SQL either',
    async (table) => {
      await push([asking('a')])
      const { sql } = open()

      await expect(sql.unsafe(`UPDATE ${table} SET hash = 'x'`)).rejects.toThrow('never changed or removed')
      await expect(sql.unsafe(`DELETE FROM ${table}`)).rejects.toThrow('never changed or removed')
      await expect(sql.unsafe(`TRUNCATE ${table} CASCADE`)).rejects.toThrow('never changed or removed')
    },
  )

  test('are read in their order, so many at once as come to a bound', async () => {
    const items = Array.from({ length: 12 }, (_, at) => asking(`q${at}`, 'x'.repeat(100)))
    const { version } = await push(items)
    const { sql } = open()
    const ids = (found: Awaited<ReturnType<typeof readItems>>) => found.map(({ itemId }) => itemId)

    const three = await readItems(sql, version.id, { from: 0, limit: 3, bytes: 1_000_000 })
    const rest = await readItems(sql, version.id, { from: 3, limit: 50, bytes: 1_000_000 })
    const small = await readItems(sql, version.id, { from: 2, limit: 50, bytes: 300 })
    const one = await readItems(sql, version.id, { from: 2, limit: 50, bytes: 1 })

    expect(three[0]).toEqual({
      position: 0,
      itemId: 'q0',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      item: items[0],
    })
    expect(ids(three)).toEqual(['q0', 'q1', 'q2'])
    expect(ids(rest)).toEqual(items.slice(3).map(({ id }) => id))
    expect([ids(small), ids(one)]).toEqual([['q2', 'q3'], ['q2']])
    expect(await readItems(sql, version.id, { from: 12, limit: 5, bytes: 1000 })).toEqual([])
  })

  test('of many items are whole and in order', async () => {
    const items = Array.from({ length: 12_000 }, (_, at) => asking(`q${at}`))
    const { version } = await push(items)

    const last = await readItems(open().sql, version.id, { from: 11_998, limit: 10, bytes: 1_000_000 })

    expect(version.items).toBe(12_000)
    expect(last.map(({ position, itemId }) => [position, itemId])).toEqual([
      [11_998, 'q11998'],
      [11_999, 'q11999'],
    ])
  })

  test('belong to a project: another sees none of them and cannot name their items', async () => {
    const hashes = await pushItems(deps(), 'prj_default', [asking('a')])
    await pushDataset(deps(), ADA, { name: 'questions', hashes, schema: null, description: null })

    const theirs = pushDataset(deps(), EVE, { name: 'questions', hashes, schema: null, description: null })

    await expect(theirs).rejects.toMatchObject({ code: 'not_found', param: 'items' })
    expect(await findDataset(open().sql, 'prj_other', 'questions')).toBeNull()
    expect(await listNewestDatasets(open().sql, 'prj_other', { after: null, limit: 10 })).toEqual([])
    expect((await push([asking('a')], { author: EVE })).version.version).toBe(1)
  })

  test('are refused without items, with an id twice, and with items that were never pushed', async () => {
    const [one, two] = await pushItems(deps(), 'prj_default', [asking('a', 'x'), asking('a', 'y')])
    const make = (hashes: readonly (string | undefined)[]) =>
      pushDataset(deps(), ADA, { name: 'q', hashes: hashes.map(String), schema: null, description: null })

    await expect(make([])).rejects.toThrow('A dataset has one item at least.')
    await expect(make([one, two])).rejects.toThrow('items.1: the id "a" comes twice.')
    await expect(make([one, one])).rejects.toThrow('items.1: the id "a" comes twice.')
    await expect(make([one, 'f'.repeat(64)])).rejects.toThrow('1 of 2 items were never pushed')
    expect(await findDataset(open().sql, 'prj_default', 'q')).toBeNull()
  })

  test('are refused when items do not fit the schema, each by its id, and when the schema is none', async () => {
    const metadata = { properties: { team: { type: 'string' } }, required: ['team'] }
    const schema = { properties: { metadata }, required: ['metadata'] }
    const fits = asking('a', 'x', { metadata: { team: 'north' } })

    await expect(push([fits, asking('b'), asking('c', 'x', { metadata: {} })], { schema })).rejects.toThrow(
      /^Item "b" does not fit the schema: .+\nItem "c" does not fit the schema: /,
    )
    await expect(push([fits], { schema: { tpye: 'object' } })).rejects.toMatchObject({ param: 'item_schema' })
    await expect(
      push([fits], { schema: JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) }),
    ).rejects.toThrow('nested deeper than 64 levels')
    expect((await push([fits], { schema })).version.itemSchema).toBe(JSON.stringify(schema))
  })

  test('are found by name for the newest, or by number, and told apart when missing', async () => {
    await push([asking('a')])
    await push([asking('b')])
    await push([asking('c')], { name: 'others' })
    const { sql } = open()
    const numbers = async (ref: string) => (await findDataset(sql, 'prj_default', ref))?.version ?? null
    const key = { projectId: 'prj_default', name: 'questions' }

    expect([await numbers('questions'), await numbers('questions@1'), await numbers('questions@9')]).toEqual([
      2,
      1,
      null,
    ])
    expect(await numbers('Not a name')).toBeNull()
    await expect(getDataset(sql, key, 9)).rejects.toThrow('questions has no version 9; the newest is 2.')
    await expect(getDataset(sql, { ...key, name: 'none' }, null)).rejects.toThrow('no dataset "none"')
    const history = await listDatasetVersions(sql, key, { before: 2, limit: 10 })
    expect(history.map(({ version }) => version)).toEqual([1])
    const newest = await listNewestDatasets(sql, 'prj_default', { after: null, limit: 10 })
    expect(newest.map(({ name, version }) => `${name}@${version}`)).toEqual(['others@1', 'questions@2'])
    expect(await listNewestDatasets(sql, 'prj_default', { after: 'questions', limit: 10 })).toEqual([])
  })

  test('differ by items that came, went and changed, with the members that did', async () => {
    await push([
      asking('a', 'x', { metadata: { team: 'north', level: 1 } }),
      asking('b'),
      asking('c'),
      asking('d'),
    ])
    await push(
      [
        asking('d'),
        asking('c'),
        asking('a', 'x', { expected: 'y', metadata: { team: 'south', level: 1 } }),
        asking('e'),
      ],
      { schema: ASKS },
    )

    const whole = await diff('questions@1', 'questions@2')
    const first = await diff('questions@1', 'questions@2', { after: null, limit: 2 })
    const second = await diff('questions@1', 'questions@2', { after: first.nextAfter, limit: 2 })

    expect(whole).toEqual({
      added: 1,
      removed: 1,
      changed: 1,
      same: 2,
      moved: true,
      schemaChanged: true,
      items: [
        { id: 'a', change: 'changed', members: ['expected', 'metadata.team'] },
        { id: 'b', change: 'removed', members: [] },
        { id: 'e', change: 'added', members: [] },
      ],
      nextAfter: null,
    })
    expect([...first.items, ...second.items]).toEqual(whole.items)
    expect([first.nextAfter, second.nextAfter]).toEqual(['b', null])
  })

  test('do not differ from themselves, and in their order alone when only that is another', async () => {
    await push([asking('a'), asking('b')])
    await push([asking('b'), asking('a')])
    const none = {
      added: 0,
      removed: 0,
      changed: 0,
      same: 2,
      schemaChanged: false,
      items: [],
      nextAfter: null,
    }

    expect(await diff('questions@1', 'questions@1')).toEqual({ ...none, moved: false })
    expect(await diff('questions@1', 'questions@2')).toEqual({ ...none, moved: true })
  })
})
