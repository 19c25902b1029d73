/** Runs in batches at one upstream's server, for a file of tests: begun, worked at by workers that come later, looked at, and let go of. */

import { afterAll, afterEach, beforeAll } from 'vitest'
import { findNewestBatch } from '../../src/evals/runs/batches/batch-rows.ts'
import { letGoOfParts } from '../../src/evals/runs/batches/let-go.ts'
import { readJudged } from '../../src/evals/runs/result-rows.ts'
import { findRunById, moveRun, type RunRow } from '../../src/evals/runs/run-rows.ts'
import { clockIn, type Given, keptLog, openBatchPlane } from './batch-plane.ts'
import type { BatchServer } from './batch-server.ts'
import type { TestDatabase } from './database.ts'
import { aDataset, aSuite, begin, execute, numbered, scriptedAsk } from './eval-runs.ts'

type Setting = {
  server: BatchServer<{ id: string }>
  suite: string
  /** What every plane is given besides, unless a call says otherwise. */
  given?: Partial<Given>
}

/** Call it inside a `describe`: it starts the server, and after each test empties everything. */
export function batchRuns(open: () => TestDatabase, { server, suite, given = {} }: Setting) {
  const setting = { url: '', kept: keptLog() }
  const planes: { close: () => Promise<void> }[] = []
  beforeAll(async () => {
    setting.url = await server.start()
  })
  afterAll(() => server.close())
  afterEach(async () => {
    await Promise.all(planes.splice(0).map((plane) => plane.close()))
    server.reset()
    setting.kept = keptLog()
    await open().truncate()
  })

  const aRun = async (yaml = suite, items = numbered(4), dataset = 'questions') => {
    await aDataset(open(), dataset, items)
    return (await begin(open(), aSuite(yaml.replace('questions', dataset)))).candidate
  }
  const planeAt = (ms: number, more: Partial<Given> = {}) => {
    const clock = clockIn(ms)
    const plane = openBatchPlane({ url: setting.url, log: setting.kept.log, clock, ...given, ...more })
    planes.push(plane)
    const { batches, answererOf } = plane
    return { batches, answererOf, clock, random: () => 0.5 }
  }
  /** A worker that comes so much later. */
  const workAt = async (run: RunRow, ms: number, more: Partial<Given> = {}) => {
    const { ask } = scriptedAsk(() => {
      throw new Error('Nobody is asked call by call here.')
    })
    return await execute(open(), run.id, ask, planeAt(ms, more))
  }
  const letGo = async (run: RunRow, ms: number) =>
    await letGoOfParts({ sql: open().sql, signal: new AbortController().signal, ...planeAt(ms) }, run.id)
  const rowOf = async ({ id }: RunRow) => (await findRunById(open().sql, id))!
  const batchOf = async ({ id }: RunRow) => (await findNewestBatch(open().sql, id))!
  const judged = async (run: RunRow) => await readJudged(open().sql, run, null, 1000)
  const resultsOf = async (run: RunRow) => (await judged(run)).map(({ result }) => result)
  const move = async (run: RunRow, from: RunRow['state'], to: RunRow['state'], more = {}) =>
    await moveRun(open().sql, run.id, { from: [from], to, ...more }, new Date().toISOString())
  return { setting, aRun, planeAt, workAt, letGo, rowOf, batchOf, judged, resultsOf, move }
}
