import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { type Content, contentOf } from '../../../src/registry/content.ts'
import { modelContentOf } from '../../../src/registry/models/model-content.ts'
import {
  getModelVersion,
  listModelHistory,
  listModels,
  pushModelVersion,
} from '../../../src/registry/models/model-versions.ts'
import { describeDatabases } from '../../support/database.ts'

const ada = { id: 'vk_ada', name: 'ada', projectId: 'prj_default', person: 'vk_ada' }
const stranger = { id: 'vk_else', name: 'else', projectId: 'prj_other', person: 'vk_else' }

function mini(parameters: Record<string, unknown> = {}): Content {
  return modelContentOf({
    upstream: 'openai',
    model: 'gpt-4o-mini',
    parameters,
    context_window: 128_000,
    max_output_tokens: null,
    capabilities: { tools: true },
    licence: null,
    notes: null,
  })
}

describeDatabases('model versions', (open) => {
  beforeEach(() => open().truncate())

  const push = (name: string, content: Content, actor = ada) =>
    pushModelVersion({ db: open().db, clock: systemClock }, actor, { name, content })

  test('are numbered from 1, and hold what was pushed and who pushed it', async () => {
    const first = await push('mini', mini())
    const second = await push('mini', mini({ temperature: 0 }))

    expect(first).toMatchObject({
      created: true,
      version: { version: 1, createdBy: 'vk_ada', createdByName: 'ada' },
    })
    expect(first.version.id).toMatch(/^mv_/)
    expect(second.version).toMatchObject({ version: 2, content: { parameters: { temperature: 0 } } })
    expect(contentOf(second.version.content).hash).toBe(second.version.hash)
  })

  test('are pushed again without becoming another, also an old one', async () => {
    const first = await push('mini', mini())
    await push('mini', mini({ temperature: 0 }))

    const again = await push('mini', mini())

    expect(again).toEqual({ version: first.version, created: false })
    expect(await history('mini')).toEqual([2, 1])
  })

  test('of one content may have two names', async () => {
    await push('mini', mini())

    const other = await push('small', mini())

    expect(other).toMatchObject({ created: true, version: { version: 1 } })
  })

  test('that fifty push at once are fifty numbers without a gap', async () => {
    const pushed = await Promise.all(
      Array.from({ length: 50 }, (_, seed) => push('mini', mini({ seed: seed + 1 }))),
    )

    const numbers = pushed.map(({ version }) => version.version).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, at) => at + 1))
    expect(new Set(pushed.map(({ version }) => version.hash)).size).toBe(50)
  })

  test('that fifty push at once with one content are one version', async () => {
    const pushed = await Promise.all(Array.from({ length: 50 }, () => push('mini', mini())))

    expect(pushed.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(pushed.map(({ version }) => version.id)).size).toBe(1)
  })

  test('are never changed, removed or emptied away, also by SQL', async () => {
    const { sql } = open()
    await push('mini', mini())

    await expect(sql`UPDATE model_versions SET content = '{}'`).rejects.toThrow('never changed or removed')
    await expect(sql`DELETE FROM model_versions`).rejects.toThrow('never changed or removed')
    await expect(sql`TRUNCATE model_versions`).rejects.toThrow('never changed or removed')
    expect(await history('mini')).toEqual([1])
  })

  test('of another project are not there', async () => {
    await push('mini', mini())
    const { db } = open()

    expect(await listModels(db, 'prj_other', { after: null, limit: 10 })).toEqual([])
    const show = getModelVersion(db, 'prj_other', { name: 'mini', version: 1 })
    await expect(show).rejects.toMatchObject({ code: 'not_found' })
    const own = await push('mini', mini(), stranger)
    expect(own).toMatchObject({ created: true, version: { version: 1 } })
  })

  test('are listed by name with the newest of each, page by page', async () => {
    for (const name of ['c', 'a', 'b']) await push(name, mini())
    await push('b', mini({ temperature: 1 }))
    const { db } = open()

    const first = await listModels(db, 'prj_default', { after: null, limit: 2 })
    const rest = await listModels(db, 'prj_default', { after: 'b', limit: 2 })

    expect(first.map(({ name, version }) => `${name}@${version}`)).toEqual(['a@1', 'b@2'])
    expect(rest.map(({ name }) => name)).toEqual(['c'])
  })

  test('have a history, newest first, page by page', async () => {
    for (const temperature of [0, 1, 2]) await push('mini', mini({ temperature }))

    expect(await history('mini', null, 2)).toEqual([3, 2])
    expect(await history('mini', 2, 2)).toEqual([1])
    expect(await history('mini', 1, 2)).toEqual([])
    await expect(history('nobody')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('are shown by number, or the newest', async () => {
    await push('mini', mini())
    await push('mini', mini({ temperature: 0 }))
    const { db } = open()

    expect((await getModelVersion(db, 'prj_default', { name: 'mini', version: 1 })).version).toBe(1)
    expect((await getModelVersion(db, 'prj_default', { name: 'mini', version: null })).version).toBe(2)
    await expect(getModelVersion(db, 'prj_default', { name: 'mini', version: 9 })).rejects.toThrow('mini@9')
  })

  async function history(name: string, before: number | null = null, limit = 200): Promise<number[]> {
    const rows = await listModelHistory(open().db, 'prj_default', { name, before, limit })
    return rows.map(({ version }) => version)
  }
})
