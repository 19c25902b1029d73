/** Workers that die by SIGKILL at each step of a training: no second job is paid for, and one version comes of it. */

import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { TuningRow } from '../../../src/evals/tuning/tuning-rows.ts'
import { describeDatabases } from '../../support/database.ts'
import { aDataset, numbered } from '../../support/eval-runs.ts'
import { kill, startProgram } from '../../support/programs.ts'
import { TuningServer, type TuningStop } from '../../support/tuning-server.ts'
import { ask, HOUR_MS, openTuners, rowOf, type Tuners, work } from '../../support/tunings.ts'

const PROGRAM = new URL('../../support/programs/advance-fine-tune.ts', import.meta.url)

describeDatabases('a worker killed at a training', (open) => {
  const server = new TuningServer()
  let url: string
  let tuners: Tuners
  beforeAll(async () => {
    url = await server.start()
    tuners = openTuners(url)
  })
  afterAll(async () => {
    await tuners.close()
    await server.close()
  })
  afterEach(async () => {
    server.reset()
    await open().truncate()
  })

  const aTuning = async () => {
    await aDataset(open(), 'refunds', numbered(12))
    return await ask(open(), tuners)
  }
  const start = async ({ id }: TuningRow, aheadMs: number) =>
    (await startProgram<{ id: string }>(PROGRAM, open().url, id, url, String(aheadMs))).process
  const killAt = async (row: TuningRow, at: TuningStop, aheadMs: number) => {
    server.stopAt = at
    const stopped = server.stopped()
    const child = await start(row, aheadMs)
    await stopped
    await kill(child)
  }
  const go = (row: TuningRow, hours: number) => work(open(), tuners, row.id, { aheadMs: hours * HOUR_MS })
  /** One job was paid for, and one version came of it. */
  const expectOnce = async ({ id }: TuningRow) => {
    const versions = await open().sql<
      { name: string; version: number }[]
    >`SELECT name, version FROM model_versions`
    expect(await rowOf(open(), id)).toMatchObject({ state: 'done', modelVersion: 1, error: null })
    expect(versions).toEqual([{ name: 'refunds-ft', version: 1 }])
    expect(server.jobs.length).toBe(1)
    expect(server.count('POST /v1/fine_tuning/jobs')).toBe(1)
  }

  test('after its file went up sends it again, and asks for one job', async () => {
    const row = await aTuning()
    await killAt(row, 'upload', 0)

    await go(row, 0)
    server.succeed()
    await go(row, 1)

    await expectOnce(row)
    expect([...server.files.values()].every((file, _, [first]) => file === first)).toBe(true)
  }, 120_000)

  test('after it asked for the job finds that job again', async () => {
    const row = await aTuning()
    await killAt(row, 'create', 0)

    await go(row, 0)
    const tooEarly = server.count('GET /v1/fine_tuning/jobs')
    await go(row, 1)
    server.succeed()
    await go(row, 2)

    await expectOnce(row)
    expect(tooEarly).toBe(0)
    expect(server.count('POST /v1/files')).toBe(1)
  }, 120_000)

  test('while it looks is followed by one that goes on looking', async () => {
    const row = await aTuning()
    await go(row, 0)
    await killAt(row, 'read', HOUR_MS)

    server.succeed()
    await go(row, 2)

    await expectOnce(row)
  }, 120_000)

  test('between the version and its row finds the version that it made', async () => {
    const row = await aTuning()
    await go(row, 0)
    server.succeed()
    // The version is made first; here the database lets no row say so.
    const { sql } = open()
    await sql`ALTER TABLE fine_tunes ADD CONSTRAINT nothing CHECK (state <> 'done') NOT VALID`
    const child = await start(row, HOUR_MS)
    if (child.exitCode === null) await once(child, 'exit')
    await sql`ALTER TABLE fine_tunes DROP CONSTRAINT nothing`
    const [made] = await sql<{ versions: number }[]>`SELECT count(*)::integer AS versions FROM model_versions`

    await go(row, 2)

    expect(child.exitCode).not.toBe(0)
    expect(made).toEqual({ versions: 1 })
    await expectOnce(row)
  }, 120_000)
})
