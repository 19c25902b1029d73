/** Workers at a vector store that die by SIGKILL in the middle, again and again, on a real PostgreSQL. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { keepFile, receiveFile } from '../../../src/retrieval/files/files.ts'
import { createStore, showStore } from '../../../src/retrieval/stores/change.ts'
import { type TestDatabase, testServerDatabase } from '../../support/database.ts'
import { until } from '../../support/process.ts'
import { kill, startProgram } from '../../support/programs.ts'

const SERVER_URL = process.env.TEST_DATABASE_URL ?? ''
const ACTOR = { id: 'vk_test', name: 'test', projectId: 'prj_default', person: 'vk_test' }
const PROGRAM = new URL('../../support/programs/update-store.ts', import.meta.url)
const FILES = 60
const KILLS = 6

describe.skipIf(SERVER_URL === '')(
  `a worker at a vector store killed in the middle${SERVER_URL === '' ? ' (skipped: TEST_DATABASE_URL is not set)' : ''}`,
  () => {
    let database: TestDatabase
    beforeAll(async () => {
      database = await testServerDatabase(SERVER_URL)
    })
    afterAll(() => database.close())

    const text = (at: number) =>
      Array.from(
        { length: 200 },
        (_, line) => `Sentence ${line} of file ${at} speaks of goods ${at * 31 + line}.`,
      ).join(' ')

    async function aStore(): Promise<string> {
      const deps = { sql: database.sql, clock: systemClock }
      const files = []
      for (let at = 0; at < FILES; at += 1) {
        async function* bytes() {
          yield Buffer.from(text(at))
        }
        const received = await receiveFile(deps, ACTOR, bytes(), 100_000)
        const about = {
          name: `${at}.txt`,
          mediaType: null,
          purpose: 'assistants' as const,
          expiresAfterSeconds: null,
        }
        const { id } = await keepFile(deps, received, about)
        files.push({ fileId: id, attributes: '{}', chunker: null })
      }
      const id = newId('vs', Date.now())
      const order = {
        name: '',
        description: null,
        metadata: '{}',
        embedding: 'local/embed',
        expiresDays: null,
      }
      await createStore(deps, ACTOR, id, { ...order, files })
      return id
    }

    /** Files that were read, then chunks that were embedded. */
    async function progress(): Promise<number> {
      const [row] = await database.sql<{ done: number }[]>`
        SELECT (SELECT count(*) FROM vector_store_files WHERE todo IS DISTINCT FROM 'read')::integer
          + coalesce((SELECT max(chunks_done) FROM index_builds), 0)::integer AS done`
      return row?.done ?? 0
    }

    test('loses no file, has none twice, and the store is searched in the end', async () => {
      const id = await aStore()
      let killed = 0
      for (let turn = 1; turn <= KILLS; turn += 1) {
        const before = await progress()
        const { process: child } = await startProgram(PROGRAM, database.url, id)
        await until(
          'more than before',
          async () => (await progress()) > before + turn || child.exitCode !== null,
          60_000,
        )
        if (child.exitCode === null) killed += 1
        await kill(child)
        // As if the time had passed after which a silent worker counts as dead.
        await database.sql`UPDATE vector_stores SET run_at = run_at - interval '10 minutes'`
      }
      const { process: last } = await startProgram(PROGRAM, database.url, id)
      await until('the end of the last run', () => last.exitCode !== null, 120_000)

      expect(killed).toBeGreaterThan(1)
      expect(last.exitCode).toBe(0)
      const store = await showStore({ sql: database.sql, clock: systemClock }, ACTOR.projectId, id)
      expect(JSON.parse(store.counts)).toMatchObject({ completed: FILES, in_progress: 0, failed: 0 })
      expect(store.version).not.toBeNull()
      const [row] = await database.sql<{ number: number; chunks: number }[]>`
        SELECT v.number, b.chunks_total AS chunks FROM index_versions v JOIN index_builds b ON b.index_id = v.id
        WHERE v.id = ${store.indexId}`
      const [counts] = await database.sql.unsafe<{ documents: number; vectors: number; terms: number }[]>(
        `SELECT (SELECT count(DISTINCT document_hash) FROM chunks_${row?.number})::integer AS documents,
           (SELECT count(*) FROM chunk_vectors_${row?.number})::integer AS vectors,
           (SELECT count(*) FROM chunk_terms_${row?.number})::integer AS terms`,
      )
      expect(counts).toEqual({ documents: FILES, vectors: row?.chunks, terms: row?.chunks })
      const live = await database.sql`SELECT index_id FROM index_builds WHERE state <> 'dropped'`
      expect(live).toHaveLength(1)
    }, 240_000)
  },
)
