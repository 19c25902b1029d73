/** Workers that die by SIGKILL in the middle, again and again, on a real PostgreSQL. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { chunkText } from '../../../src/retrieval/chunking/chunk-text.ts'
import { chunkerSettings } from '../../../src/retrieval/chunking/settings.ts'
import { createIndex, planIndex } from '../../../src/retrieval/indexes/create.ts'
import { findIndexById, type IndexRow } from '../../../src/retrieval/indexes/store.ts'
import { folderSettings } from '../../../src/retrieval/sources/settings.ts'
import { listProblems, newestSnapshot, putSource } from '../../../src/retrieval/sources/store.ts'
import { findSync, insertSync } from '../../../src/retrieval/sources/sync-rows.ts'
import { type TestDatabase, testServerDatabase } from '../../support/database.ts'
import { until } from '../../support/process.ts'
import { kill, type Program, startProgram } from '../../support/programs.ts'
import { shippedModels } from '../../support/retrieval.ts'

const SERVER_URL = process.env.TEST_DATABASE_URL ?? ''
const ACTOR = { id: 'vk_test', name: 'test', projectId: 'prj_default', person: 'vk_test' }
const PROGRAM = new URL('../../support/programs/run-retrieval.ts', import.meta.url)
const FILES = 400
const KILLS = 4
const CHUNKER = chunkerSettings.parse({ kind: 'sentences', maxTokens: 64, overlapTokens: 8 })

describe.skipIf(SERVER_URL === '')(
  `a worker killed in the middle${SERVER_URL === '' ? ' (skipped: TEST_DATABASE_URL is not set)' : ''}`,
  () => {
    let database: TestDatabase
    let folder: string
    const models = shippedModels()
    const now = () => new Date().toISOString()
    const text = (at: number, turn = 0) =>
      `# Paragraph ${at}\n\n${Array.from({ length: 12 }, (_, line) => `Sentence ${line} of file ${at}, turn ${turn}, speaks of goods number ${at * 31 + line}.`).join(' ')}\n`

    beforeAll(async () => {
      database = await testServerDatabase(SERVER_URL)
      folder = mkdtempSync(join(tmpdir(), 'aval-killed-'))
      for (let at = 0; at < FILES; at += 1) writeFileSync(join(folder, `file-${at}.md`), text(at))
    })
    afterAll(async () => {
      await models.close()
      await database.close()
      rmSync(folder, { recursive: true, force: true })
    })

    const work = (id: string) => startProgram<{ id: string }>(PROGRAM, database.url, folder, id)

    /** Lets runs begin and kills each once it has got further than the one before; then lets the last one end. */
    async function killAgainAndAgain(
      id: string,
      progress: () => Promise<number>,
      total: number,
    ): Promise<number> {
      let killed = 0
      for (let turn = 1; turn <= KILLS; turn += 1) {
        const { process: child } = await work(id)
        const bar = (total * turn) / (KILLS + 2)
        await until(
          `more than ${bar}`,
          async () => (await progress()) >= bar || child.exitCode !== null,
          60_000,
        )
        if (child.exitCode === null) killed += 1
        await kill(child)
      }
      await ended(await work(id))
      return killed
    }

    async function ended({ process: child }: Program<unknown>): Promise<void> {
      await until('the end of the last run', () => child.exitCode !== null, 120_000)
      expect(child.exitCode).toBe(0)
    }

    async function aSource() {
      const put = await putSource(database.sql, {
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

    const aSync = (sourceId: string) =>
      insertSync(database.sql, {
        id: newId('syn', Date.now()),
        projectId: ACTOR.projectId,
        sourceId,
        now: now(),
      })

    const filesRead = async (sync: string) => {
      const [row] = await database.sql<{ count: number }[]>`
        SELECT count(*)::integer AS count FROM source_files WHERE seen_by = ${sync}`
      return row!.count
    }

    async function anIndex(name: string): Promise<IndexRow> {
      const { sql, db } = database
      const plan = await planIndex({ sql, db, clock: systemClock, ...models }, ACTOR.projectId, {
        name,
        source: 'handbook',
        chunker: CHUNKER,
        embedding: { upstream: 'local', model: 'embed', queryPrefix: '', documentPrefix: '' },
        storage: 'vector',
      })
      return (await createIndex({ sql, db, clock: systemClock }, ACTOR, name, plan.manifest)).index
    }

    test('a sync reads each file once, and counts what it read', async () => {
      const source = await aSource()
      const { id } = await aSync(source.id)

      const killed = await killAgainAndAgain(id, () => filesRead(id), FILES)

      expect(killed).toBeGreaterThan(0)
      expect(await findSync(database.sql, id)).toMatchObject({
        state: 'done',
        filesTotal: FILES,
        filesDone: FILES,
        added: FILES,
        changed: 0,
        removed: 0,
        failed: 0,
        attempts: KILLS + 1,
      })
      expect(await newestSnapshot(database.sql, source.id)).toMatchObject({ documents: FILES })
    }, 240_000)

    test('a build gives every chunk exactly once, as if nothing had happened', async () => {
      const { id, number } = await anIndex('handbook')
      const total = Array.from({ length: FILES }, (_, at) => chunkText(text(at), CHUNKER).length).reduce(
        (a, b) => a + b,
      )
      // While texts are cut, and while chunks are embedded.
      const done = async () => {
        const { documentsDone, chunksDone } = (await findIndexById(database.sql, id))!
        return documentsDone + chunksDone
      }

      const killed = await killAgainAndAgain(id, done, FILES + total)

      expect(killed).toBeGreaterThan(0)
      const row = (await findIndexById(database.sql, id))!
      expect(row).toMatchObject({
        state: 'ready',
        chunksTotal: total,
        chunksDone: total,
        documentsDone: FILES,
      })
      for (const table of ['chunks', 'chunk_vectors', 'chunk_terms']) {
        const [counted] = await database.sql.unsafe<
          { rows: number; distinct: number; least: number; most: number }[]
        >(
          `SELECT count(*)::integer AS rows, count(DISTINCT number)::integer AS distinct, min(number) AS least,
             max(number) AS most FROM ${table} WHERE index_number = ${number}`,
        )
        expect({ table, ...counted }).toEqual({
          table,
          rows: total,
          distinct: total,
          least: 0,
          most: total - 1,
        })
      }
      const wholes = await database.sql<{ key: string; body: string; start: number; end: number }[]>`
        SELECT d.key, c.body, c.start_at AS start, c.end_at AS "end" FROM chunks c
        JOIN documents d ON d.project_id = ${ACTOR.projectId} AND d.hash = c.document_hash
        WHERE c.index_number = ${number} ORDER BY c.number`
      const byFile = Map.groupBy(wholes, ({ key }) => key)
      for (let at = 0; at < FILES; at += 1) {
        const bodies = byFile.get(`file-${at}.md`)?.map(({ body }) => body)
        expect(bodies, `file ${at}`).toEqual(chunkText(text(at), CHUNKER).map((chunk) => chunk.text))
      }
    }, 240_000)

    test('a sync killed while files change, come, break and go ends with what is there', async () => {
      const { sql } = database
      const [found] = await sql<{ id: string }[]>`SELECT id FROM sources WHERE name = 'handbook'`
      const sourceId = found!.id
      for (let at = 0; at < 100; at += 1) writeFileSync(join(folder, `file-${at}.md`), text(at, 1))
      for (let at = 100; at < 150; at += 1) rmSync(join(folder, `file-${at}.md`))
      for (let at = 150; at < 160; at += 1) writeFileSync(join(folder, `file-${at}.md`), '')
      for (let at = 0; at < 30; at += 1) writeFileSync(join(folder, `new-${at}.md`), text(at, 2))
      const { id } = await aSync(sourceId)

      await killAgainAndAgain(id, () => filesRead(id), FILES - 50 + 30)

      expect(await findSync(sql, id)).toMatchObject({
        state: 'done',
        filesTotal: FILES - 50 + 30,
        added: 30,
        changed: 100,
        removed: 50,
        failed: 10,
      })
      expect(await newestSnapshot(sql, sourceId)).toMatchObject({ documents: FILES - 50 - 10 + 30 })
      const problems = await listProblems(sql, sourceId, { after: null, limit: 100 })
      expect(problems).toHaveLength(10)
    }, 240_000)
  },
)
