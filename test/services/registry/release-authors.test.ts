/** Who is behind a release, as the database tells whoever must not approve their own work. */

import { beforeEach, expect, test } from 'vitest'
import { virtualKeys } from '../../../src/db/schema.ts'
import { newId } from '../../../src/lib/ids.ts'
import type { JsonObject } from '../../../src/lib/json.ts'
import type { Actor } from '../../../src/registry/actor.ts'
import { contentOf } from '../../../src/registry/content.ts'
import { pushVersion } from '../../../src/registry/push-version.ts'
import {
  type ReleaseContent,
  releaseContent,
  type VersionRef,
} from '../../../src/registry/releases/release-content.ts'
import { insertRelease } from '../../../src/registry/releases/store.ts'
import type { VersionKind } from '../../../src/registry/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, seedModel } from '../../support/registry.ts'

const clock = { nowMs: () => Date.UTC(2026, 0, 1), monotonicMs: () => 0 }
const of = (person: string, key = `vk_${person}`): Actor => ({ ...AUTHOR, id: key, name: key, person })
const RETRIEVAL = { k: 5 } as unknown as NonNullable<ReleaseContent['index']>['retrieval']

describeDatabases('the authors of a release', (open) => {
  beforeEach(() => open().truncate())

  async function pin(kind: VersionKind, name: string, author: Actor): Promise<VersionRef> {
    const push = { kind, name, content: contentOf({ name, by: author.id }), expectedVersion: null, tries: 1 }
    const pushed = await pushVersion({ db: open().db, clock }, author, push)
    if (pushed === null) throw new Error(`${name} was not pushed.`)
    return { name, version: pushed.row.version, hash: pushed.row.hash }
  }

  async function release(
    author: Actor,
    wanted: { prompt?: VersionRef; models?: VersionRef[]; index?: VersionRef; parameters?: JsonObject },
  ): Promise<string> {
    const { prompt = null, models = [], index, parameters = {} } = wanted
    const { text, hash } = releaseContent({
      route: 'answer',
      prompt,
      ...(index && { index: { version: index, question: null, retrieval: RETRIEVAL } }),
      targets: models.map((model) => ({ model, weight: null })),
      parameters,
      retries: 2,
    })
    const row = {
      id: newId('rel', clock.nowMs()),
      projectId: author.projectId,
      route: 'answer',
      number: 1,
      hash,
      content: text,
      createdBy: author.id,
      createdByName: author.name,
      createdByPerson: author.person,
      createdAt: new Date(clock.nowMs()),
    }
    expect(await insertRelease(open().db, row)).toBe(true)
    return row.id
  }

  async function authorsOf(id: string): Promise<string[]> {
    const rows = await open().sql<{ person: string }[]>`SELECT person FROM release_authors(${id}) AS person`
    return rows.map(({ person }) => person).toSorted()
  }

  async function keyOf(id: string, owner: string | null): Promise<void> {
    await open().sql`INSERT INTO projects (id, name, created_at) VALUES ('prj_default', 'default', now())
      ON CONFLICT DO NOTHING`
    await open()
      .db.insert(virtualKeys)
      .values({
        id,
        projectId: 'prj_default',
        name: id,
        owner,
        roles: ['engineer'],
        digest: Buffer.from(id),
        createdAt: new Date(clock.nowMs()),
      })
  }

  test('are who made it and who made any version that it pins, each person once', async () => {
    const prompt = await pin('prompt', 'answer', of('anna'))
    const models = [await pin('model', 'small', of('ben')), await pin('model', 'large', of('cleo'))]
    const index = await pin('index', 'handbook', of('dan'))
    await pin('prompt', 'unpinned', of('eve'))
    await pin('prompt', 'answer', of('fay'))

    const id = await release(of('anna', 'vk_anna_2'), { prompt, models, index })

    expect(await authorsOf(id)).toEqual(['anna', 'ben', 'cleo', 'dan'])
  })

  test('of rows from before are the owners of the keys that made them, or those keys', async () => {
    await keyOf(AUTHOR.id, 'ada')
    await seedModel(open().db, { name: 'small', content: {} })
    const models = [{ name: 'small', version: 1, hash: contentOf({}).hash }]
    const owned = await release(of('ben'), { models })
    expect(await authorsOf(owned)).toEqual(['ada', 'ben'])

    await open().sql`UPDATE virtual_keys SET owner = NULL`

    expect(await authorsOf(owned)).toEqual(['ben', AUTHOR.id])
  })

  test('are nobody of another project, where names are the same', async () => {
    await pin('model', 'small', { ...of('eve'), projectId: 'prj_other' })
    const models = [await pin('model', 'small', of('ben'))]

    expect(await authorsOf(await release(of('anna'), { models }))).toEqual(['anna', 'ben'])
  })

  test('are found with any text among its parameters, and nobody is behind a release that is not there', async () => {
    const id = await release(of('anna'), { parameters: { stop: ['\u0000\u0000', '\\u0000', '\\\u0000'] } })

    expect(await authorsOf(id)).toEqual(['anna'])
    expect(await authorsOf('rel_none')).toEqual([])
  })

  test('a key’s person is its owner, else the key itself, known or not', async () => {
    await keyOf('vk_owned', 'anna')
    await keyOf('vk_old', null)

    const rows = await open().sql<{ person: string }[]>`
      SELECT key_person(id) AS person FROM unnest(${['vk_owned', 'vk_old', 'cfg_shop']}::text[]) AS id`

    expect(rows.map(({ person }) => person)).toEqual(['anna', 'vk_old', 'cfg_shop'])
  })
})
