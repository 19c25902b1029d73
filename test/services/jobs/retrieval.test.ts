import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ConfigError } from '../../../src/errors.ts'
import { runBuildIndex } from '../../../src/jobs/build-index.ts'
import { runSyncSource } from '../../../src/jobs/sync-source.ts'
import { runTidyRetrieval } from '../../../src/jobs/tidy-retrieval.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import type { Enqueuer } from '../../../src/queue/enqueue.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { createIndex, planIndex } from '../../../src/retrieval/indexes/create.ts'
import { claimBuild, findIndexById } from '../../../src/retrieval/indexes/store.ts'
import { folderSettings } from '../../../src/retrieval/sources/settings.ts'
import { listProblems, newestSnapshot, putSource } from '../../../src/retrieval/sources/store.ts'
import { claimSync, findSync, insertSync } from '../../../src/retrieval/sources/sync-rows.ts'
import { describeDatabases } from '../../support/database.ts'
import { retrievalParts, shippedModels } from '../../support/retrieval.ts'

const ACTOR = { id: 'vk_test', name: 'test', projectId: 'prj_default', person: 'vk_test' }
const signal = new AbortController().signal

describeDatabases('jobs of retrieval', (open) => {
  let folder: string
  let retrieval: ReturnType<typeof retrievalParts>
  let rung: string[]
  const enqueuer = {
    enqueue: async (name: string, payload: object) => void rung.push(`${name} ${Object.values(payload)[0]}`),
  } as unknown as Enqueuer

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aval-jobs-'))
    retrieval = retrievalParts(folder)
  })
  afterAll(async () => {
    await retrieval.close()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(async () => {
    await open().truncate()
    rung = []
    rmSync(folder, { recursive: true, force: true })
    folder = mkdtempSync(join(tmpdir(), 'aval-jobs-'))
  })

  const deps = () => ({ ...retrieval.parts, ...open(), clock: systemClock, enqueuer, directory: folder })
  const sync = (syncId: string) => runSyncSource(deps(), { syncId }, signal)
  const now = () => new Date().toISOString()

  async function aSource() {
    const put = await putSource(open().sql, {
      id: newId('src', Date.now()),
      projectId: ACTOR.projectId,
      name: 'handbook',
      kind: 'folder',
      settings: JSON.stringify(folderSettings.parse({ path: '.', language: 'en' })),
      createdBy: ACTOR.id,
      createdByName: ACTOR.name,
      createdAt: now(),
    })
    return put!.source
  }

  async function aSync(sourceId: string) {
    const id = newId('syn', Date.now())
    return await insertSync(open().sql, { id, projectId: ACTOR.projectId, sourceId, now: now() })
  }

  async function anIndex() {
    const { sql, db } = open()
    const models = shippedModels()
    const wanted = {
      name: 'handbook',
      source: 'handbook',
      chunker: chunkerSettings.parse({}),
      embedding: { upstream: 'local', model: 'embed', queryPrefix: '', documentPrefix: '' },
      storage: 'vector' as const,
    }
    const plan = await planIndex({ sql, db, clock: systemClock, ...models }, ACTOR.projectId, wanted)
    await models.close()
    const made = await createIndex({ sql, db, clock: systemClock }, ACTOR, 'handbook', plan.manifest)
    return made.index
  }

  test('a sync reads what is there, then what changed, came, broke and went', async () => {
    const source = await aSource()
    for (const name of ['a', 'b', 'c', 'd'])
      writeFileSync(join(folder, `${name}.md`), `# ${name}\n\nText of ${name}.`)
    const first = await aSync(source.id)

    expect(await sync(first.id)).toBe('done')

    writeFileSync(join(folder, 'a.md'), '# a\n\nAnother text.')
    writeFileSync(join(folder, 'e.md'), '# e\n\nA new one.')
    writeFileSync(join(folder, 'b.md'), Buffer.from([0, 1, 2, 255, 0, 0]))
    rmSync(join(folder, 'c.md'))
    const second = await aSync(source.id)
    expect(await sync(second.id)).toBe('done')

    const { sql } = open()
    expect(await findSync(sql, first.id)).toMatchObject({ state: 'done', added: 4, changed: 0, failed: 0 })
    expect(await findSync(sql, second.id)).toMatchObject({
      state: 'done',
      filesTotal: 4,
      filesDone: 4,
      added: 1,
      changed: 1,
      removed: 1,
      failed: 1,
    })
    expect(await newestSnapshot(sql, source.id)).toMatchObject({ documents: 3 })
    expect(await listProblems(sql, source.id, { after: null, limit: 10 })).toMatchObject([{ key: 'b.md' }])
  })

  test('a folder that is not there fails the sync with a sentence', async () => {
    const source = await aSource()
    rmSync(folder, { recursive: true })
    const { id } = await aSync(source.id)

    expect(await sync(id)).toBe('failed')

    const { state, error } = (await findSync(open().sql, id))!
    expect({ state, error }).toMatchObject({ state: 'failed', error: expect.stringContaining(folder) })
  })

  test('a second sync of a source waits for the first, and is rung for when that is over', async () => {
    const source = await aSource()
    writeFileSync(join(folder, 'a.md'), 'Text.')
    const first = await aSync(source.id)
    await claimSync(open().sql, { id: first.id, run: 'another process' }, now())
    const second = await aSync(source.id)

    expect(second.id).not.toBe(first.id)
    expect(await sync(second.id)).toBe('nothing')
    expect(await sync(first.id)).toBe('done')

    expect(rung).toEqual([`sync-source ${second.id}`])
    expect(await sync(second.id)).toBe('done')
  })

  test('what waits too long, or whose worker fell silent, is rung for, and nothing else', async () => {
    const { sql } = open()
    const source = await aSource()
    writeFileSync(join(folder, 'a.md'), 'Some text to embed.')
    await sync((await aSync(source.id)).id)
    const index = await anIndex()
    const waiting = await aSync(source.id)
    const tidy = (laterMs: number) => {
      const clock = { ...systemClock, nowMs: () => Date.now() + laterMs }
      return runTidyRetrieval({ sql, clock, enqueuer }, {})
    }

    expect(await tidy(0)).toEqual({ syncs: 0, builds: 0 })
    expect(await tidy(30_000)).toEqual({ syncs: 1, builds: 1 })
    await claimBuild(sql, { id: index.id, run: 'alive' }, now())
    await claimSync(sql, { id: waiting.id, run: 'alive' }, now())
    expect(await tidy(100_000)).toEqual({ syncs: 0, builds: 0 })
    expect(await tidy(130_000)).toEqual({ syncs: 1, builds: 1 })
    expect(rung.slice(0, 2)).toEqual([`sync-source ${waiting.id}`, `build-index ${index.id}`])
  })

  test('a build waits for a file with mistakes, says so, and goes on when it is mended', async () => {
    const { sql } = open()
    const source = await aSource()
    writeFileSync(join(folder, 'a.md'), 'Some text to embed.')
    await sync((await aSync(source.id)).id)
    const { id } = await anIndex()
    const broken = () => Promise.reject(new ConfigError(['aval.yaml: upstreams: a list of 0.']))

    await expect(runBuildIndex({ ...deps(), models: broken }, { indexId: id }, signal)).rejects.toThrow(
      ConfigError,
    )
    const waiting = await findIndexById(sql, id)
    const outcome = await runBuildIndex(deps(), { indexId: id }, signal)

    expect(waiting).toMatchObject({
      state: 'queued',
      attempts: 0,
      error: 'Waits for aval.yaml. aval.yaml: upstreams: a list of 0.',
    })
    expect(outcome).toBe('ready')
    expect(await findIndexById(sql, id)).toMatchObject({ state: 'ready', error: null })
  })

  test('a worker that stops gives sync and build back, and neither counts as tried', async () => {
    const { sql } = open()
    const source = await aSource()
    writeFileSync(join(folder, 'a.md'), 'Some text to embed.')
    const first = await aSync(source.id)
    const stopped = AbortSignal.abort(new Error('The worker stops.'))

    await expect(runSyncSource(deps(), { syncId: first.id }, stopped)).rejects.toThrow('stops')
    expect(await findSync(sql, first.id)).toMatchObject({ state: 'queued', attempts: 0, error: null })
    await sync(first.id)
    const { id } = await anIndex()
    await expect(runBuildIndex(deps(), { indexId: id }, stopped)).rejects.toThrow('stops')

    expect(await findIndexById(sql, id)).toMatchObject({ state: 'queued', attempts: 0, error: null })
  })
})
