/** Releases that pin an index: what is refused when they are made, and that no label ever serves a dropped one. */

import { beforeEach, expect, test } from 'vitest'
import { RequestError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { createRelease, type NewRelease } from '../../../src/registry/releases/create.ts'
import { parseRelease } from '../../../src/registry/releases/release-content.ts'
import { findLabel } from '../../../src/registry/releases/store.ts'
import { createIndex, dropIndex } from '../../../src/retrieval/indexes/create.ts'
import type { IndexManifest } from '../../../src/retrieval/indexes/manifest.ts'
import { createPartitions } from '../../../src/retrieval/indexes/partitions.ts'
import { findIndex } from '../../../src/retrieval/indexes/store.ts'
import { describeDatabases } from '../../support/database.ts'
import { AUTHOR, NOTHING, seedModel, seedPrompt } from '../../support/registry.ts'

const ROUNDS = 25
const SHOWS = '{{#contexts}}[{{number}}] {{text}}{{/contexts}}'
const QUESTION = { type: 'object', properties: { question: { type: 'string' } } }

describeDatabases('a release with an index', (open) => {
  const deps = () => ({ ...open(), clock: systemClock })
  const make = (route: string, wanted: Partial<NewRelease> = {}) =>
    createRelease(deps(), AUTHOR, { route, ...NOTHING, ...wanted })
  const move = (route: string, to: number) =>
    moveLabel(deps(), AUTHOR, OPEN, {
      route,
      label: 'production',
      to,
      canary: null,
      expected: null,
      reason: 'a test',
    })

  beforeEach(async () => {
    await open().truncate()
    const { db } = open()
    await seedModel(db, { name: 'small', content: { upstream: 'up', model: 'small-1' } })
    const seed = (name: string, content: object) => seedPrompt(db, { name, content })
    await seed('good', {
      variables: QUESTION,
      messages: [{ role: 'user', content: `${SHOWS} {{question}}` }],
    })
    await seed('blind', { variables: QUESTION, messages: [{ role: 'user', content: '{{question}}' }] })
    await seed('ordered', {
      variables: QUESTION,
      messages: [
        { role: 'system', content: SHOWS },
        { role: 'user', content: '{{question}}' },
      ],
    })
    await seed('mute', { messages: [{ role: 'user', content: SHOWS }] })
  })

  /** A version without chunks, in any state: a release looks at nothing else. */
  async function anIndex(name: string, state = 'ready') {
    const manifest: IndexManifest = {
      source: { name, snapshot: 'a'.repeat(64), documents: 1 },
      chunker: { kind: 'headings', maxTokens: 320, overlapTokens: 40 },
      embedding: {
        upstream: 'local',
        model: 'embed',
        digest: null,
        dimensions: 8,
        pooling: null,
        queryPrefix: '',
        documentPrefix: '',
      },
      metric: 'cosine',
      storage: 'vector',
      text: { k1: 1.2, b: 0.75 },
    }
    const { index } = await createIndex(deps(), AUTHOR, name, manifest)
    await createPartitions(open().sql, index.number)
    await open().sql`UPDATE index_builds SET state = ${state} WHERE index_id = ${index.id}`
    return index
  }

  async function refusal(wanted: Partial<NewRelease>): Promise<string> {
    const error = await make('answer', { models: [{ ref: 'small', weight: null }], ...wanted }).catch(
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof RequestError)) throw new Error(`Not refused: ${String(error)}`)
    return error.message
  }

  test('pins it with every setting of the search, and takes both over into the next', async () => {
    const index = await anIndex('handbook')
    const models = [{ ref: 'small', weight: null }]
    const first = await make('answer', { prompt: 'good', models, index: 'handbook', retrieval: { limit: 3 } })
    const second = await make('answer', { retrieval: { min_score: 0.2 } })
    const third = await make('answer', { index: 'none' })

    expect(parseRelease(first.release.content).index).toMatchObject({
      version: { name: 'handbook', version: 1, hash: index.hash },
      question: 'question',
      retrieval: { limit: 3, mode: 'hybrid', min_score: null },
    })
    expect(parseRelease(second.release.content).index?.retrieval).toMatchObject({ limit: 3, min_score: 0.2 })
    expect(parseRelease(third.release.content)).not.toHaveProperty('index')
  })

  test.each([
    ['no such index', { prompt: 'good', index: 'nothing' }, 'There is no index nothing in this project.'],
    ['one that is being built', { prompt: 'good', index: 'young' }, 'Index young@1 is building'],
    ['no prompt', { index: 'handbook' }, 'needs a prompt that shows what is found'],
    ['a prompt without a place', { prompt: 'blind', index: 'handbook' }, 'has no place for what is found'],
    ['a place in a system message', { prompt: 'ordered', index: 'handbook' }, 'a document could give orders'],
    ['no question', { prompt: 'mute', index: 'handbook' }, 'which variable of prompt mute@1 is the question'],
    ['settings alone', { prompt: 'good', retrieval: { limit: 3 } }, 'Settings of a search need an index.'],
    [
      'a wrong setting',
      { prompt: 'good', index: 'handbook', retrieval: { limit: 0 } },
      'retrieval.limit: Too small',
    ],
  ])('is refused with %s', async (_name, wanted, message) => {
    await anIndex('handbook')
    await anIndex('young', 'building')

    expect(await refusal(wanted)).toContain(message)
  })

  test('keeps its index while a label serves it, and gets no label once that is dropped', async () => {
    const index = await anIndex('handbook')
    await make('answer', { prompt: 'good', models: [{ ref: 'small', weight: null }], index: 'handbook' })
    await make('answer', { index: 'none' })
    await move('answer', 1)

    await expect(dropIndex(deps(), index)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('answer@production (r1)'),
    })
    await move('answer', 2)
    await dropIndex(deps(), index)

    await expect(move('answer', 1)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('keeps an index that somebody uses for long, and a drop says so', async ({ skip }) => {
    skip(open().embedded, 'the embedded database has one session: nobody else uses anything meanwhile')
    const index = await anIndex('handbook')
    const used = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const user = open().sql.begin(async (transaction) => {
      await transaction.unsafe(`SELECT 1 FROM chunks_${index.number}`)
      used.resolve()
      await done.promise
    })
    await used.promise

    await expect(dropIndex(deps(), index)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('is being built or searched'),
    })
    done.resolve()
    await user

    const row = await findIndex(open().sql, AUTHOR.projectId, { name: 'handbook', version: 1 })
    expect(row?.state).toBe('ready')
    await dropIndex(deps(), index)
  })

  test(`is labelled or loses its index, never both, in ${ROUNDS} rounds at once`, async () => {
    const outcomes: string[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `book-${round}`
      const route = `answer-${round}`
      const index = await anIndex(name)
      await make(route, { prompt: 'good', models: [{ ref: 'small', weight: null }], index: name })
      const [moved, dropped] = await Promise.allSettled([move(route, 1), dropIndex(deps(), index)])
      outcomes.push(`${moved.status} ${dropped.status}`)
      const label = await findLabel(open().db, AUTHOR.projectId, route, 'production')
      const row = await findIndex(open().sql, AUTHOR.projectId, { name, version: 1 })
      expect([label === null, row?.state]).toEqual(
        moved.status === 'fulfilled' ? [false, 'ready'] : [true, 'dropped'],
      )
    }

    expect(outcomes.filter((one) => !/^(fulfilled rejected|rejected fulfilled)$/.test(one))).toEqual([])
  })
})
