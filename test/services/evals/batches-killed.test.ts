/** Workers that die by SIGKILL at each step of a batch: nothing is paid for twice, and nothing is lost. */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findNewestBatch } from '../../../src/evals/runs/batches/batch-rows.ts'
import { countResults } from '../../../src/evals/runs/count-results.ts'
import { findRunById, type RunRow } from '../../../src/evals/runs/run-rows.ts'
import { AnthropicBatchServer } from '../../support/anthropic-batch-server.ts'
import type { Stop } from '../../support/batch-server.ts'
import { workAtBatch } from '../../support/batch-worker.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, aSuite, begin, numbered } from '../../support/eval-runs.ts'
import { GeminiBatchServer } from '../../support/gemini-batch-server.ts'
import { OpenAIBatchServer } from '../../support/openai-batch-server.ts'
import { kill, startProgram } from '../../support/programs.ts'

const PROGRAM = new URL('../../support/programs/run-batches.ts', import.meta.url)
const ITEMS = 120
const SUITE = `
dataset: questions
subject: up/m
scorers: [equals]
batch: true
`
const HOUR_MS = 3_600_000

const SERVERS = [
  ['openai', () => new OpenAIBatchServer()],
  ['gemini', () => new GeminiBatchServer()],
  ['anthropic', () => new AnthropicBatchServer()],
] as const

describeDatabases('a worker killed at a batch', (open) => {
  describe.each(SERVERS)('of the dialect %s', (dialect, createServer) => {
    const server = createServer()
    let url: string
    let folder: string
    beforeAll(async () => {
      url = await server.start()
    })
    afterAll(() => server.close())
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'aval-batches-'))
    })
    afterEach(async () => {
      server.reset()
      await open().truncate()
      await rm(folder, { recursive: true, force: true })
    })

    const aRun = async () => {
      await aDataset(open(), 'questions', numbered(ITEMS))
      return (await begin(open(), aSuite(SUITE))).candidate
    }
    const start = async (run: RunRow, aheadMs: number) =>
      (await startProgram<{ id: string }>(PROGRAM, open().url, run.id, url, dialect, folder, String(aheadMs)))
        .process
    /** A worker that ends by itself: it needs no process, whose start takes longer than its work. */
    const work = async ({ id }: RunRow, aheadMs: number) =>
      await workAtBatch({
        databaseUrl: open().url,
        run: id,
        upstream: url,
        dialect,
        dataFolder: folder,
        aheadMs,
      })
    const killAt = async (run: RunRow, at: Stop, aheadMs: number) => {
      server.stopAt = at
      const stopped = server.stopped()
      const child = await start(run, aheadMs)
      await stopped
      await kill(child)
    }
    /** Every item is answered, judged and paid for once, in one batch, and its request is on the log once. */
    const expectWhole = async (run: RunRow) => {
      const { sql } = open()
      const [log] = await sql<{ rows: number; ids: number; completed: number }[]>`
      SELECT count(*)::integer AS rows, count(DISTINCT id)::integer AS ids,
        count(*) FILTER (WHERE outcome = 'completed')::integer AS completed FROM requests`
      const [kept] = await sql<{ ids: number }[]>`
      SELECT count(DISTINCT r.id)::integer AS ids FROM eval_results e JOIN requests r ON r.id = e.request_id`
      expect(await findRunById(sql, run.id)).toMatchObject({ state: 'done', error: null })
      expect(await countResults(sql, run.id)).toMatchObject({ answered: ITEMS, failed: 0, judged: ITEMS })
      expect(server.batches.length).toBe(1)
      expect([...server.paid.values()]).toEqual(Array(ITEMS).fill(1))
      expect(log).toEqual({ rows: ITEMS, ids: ITEMS, completed: ITEMS })
      expect(kept).toEqual({ ids: ITEMS })
      expect(await findNewestBatch(sql, run.id)).toMatchObject({ part: 1, state: 'ended', note: null })
    }

    // Where there are files.
    if (dialect !== 'anthropic') {
      test('after its file went up makes one batch of another file', async () => {
        const run = await aRun()
        await killAt(run, 'upload', 0)

        await work(run, 0)
        server.end()
        await work(run, HOUR_MS)

        await expectWhole(run)
        expect(server.count('upload')).toBe(2)
      }, 120_000)
    }

    test('after it submitted a batch finds that batch again', async () => {
      const run = await aRun()
      await killAt(run, 'create', 0)

      await work(run, 0)
      const tooEarly = server.count('list') > 0
      await work(run, HOUR_MS)
      server.end()
      await work(run, 2 * HOUR_MS)

      await expectWhole(run)
      expect(tooEarly).toBe(false)
      expect(server.count('create')).toBe(1)
    }, 120_000)

    test('while it looks at a batch is followed by one that goes on looking', async () => {
      const run = await aRun()
      await work(run, 0)
      await killAt(run, 'read', HOUR_MS)

      server.end()
      await work(run, 2 * HOUR_MS)

      await expectWhole(run)
    }, 120_000)

    test('while it takes results leaves the others to the next one', async () => {
      const run = await aRun()
      await work(run, 0)
      server.end()
      await killAt(run, 'content', HOUR_MS)
      const between = await countResults(open().sql, run.id)

      await work(run, 2 * HOUR_MS)

      await expectWhole(run)
      expect(between.answered).toBeLessThan(ITEMS)
    }, 120_000)

    test('between the log and its results finds on the log what is there', async () => {
      const run = await aRun()
      await work(run, 0)
      server.end()
      // Whoever takes results writes the log first; here the database lets no result in.
      const { sql } = open()
      await sql`ALTER TABLE eval_results ADD CONSTRAINT nothing CHECK (false) NOT VALID`
      const child = await start(run, HOUR_MS)
      if (child.exitCode === null) await once(child, 'exit')
      await sql`ALTER TABLE eval_results DROP CONSTRAINT nothing`
      expect(child.exitCode).not.toBe(0)

      // The log that it left is in the database by the time that the next one takes results.
      await work(run, HOUR_MS)
      const waiting = await findRunById(sql, run.id)
      await work(run, 2 * HOUR_MS)

      await expectWhole(run)
      expect(waiting).toMatchObject({ state: 'queued', error: expect.stringMatching(/interrupted/) })
    }, 120_000)
  })
})
