/** A worker that goes on with a run that asks in batches, with a real log in a folder: in a process of its own, or in the test's. */

import { connectDatabase } from '../../src/db/client.ts'
import { executeRun } from '../../src/evals/runs/execute.ts'
import { readyScorers } from '../../src/evals/scorers/ready-scorers.ts'
import { startAuditRoom } from './audit-room.ts'
import { clockIn, openBatchPlane } from './batch-plane.ts'
import { noCode, noVectors, unhurried } from './eval-runs.ts'

export type BatchWork = {
  databaseUrl: string
  /** `run_…` */
  run: string
  upstream: string
  dialect: 'openai' | 'anthropic' | 'gemini'
  /** Of the log. */
  dataFolder: string
  /** How far its clock is ahead. */
  aheadMs: number
}

/** Works until the run ends or waits, and ships the log. Rejects with what the run throws; then nothing is shipped or closed. */
export async function workAtBatch(work: BatchWork, onStarted: () => void = () => undefined): Promise<void> {
  const { databaseUrl, run, upstream, dialect, dataFolder, aheadMs } = work
  const connection = connectDatabase(databaseUrl, { maxConnections: 2, applicationName: 'killed' })
  const clock = clockIn(aheadMs)
  const room = startAuditRoom({ dataFolder, databaseUrl })
  const { batches, ask, answererOf, close } = openBatchPlane({ url: upstream, dialect, log: room.log, clock })
  onStarted()
  await executeRun(
    {
      sql: connection.sql,
      clock,
      random: () => 0.5,
      ask,
      batches,
      answererOf,
      pace: unhurried,
      embed: noVectors,
      evaluate: noCode,
      prepare: readyScorers,
      signal: new AbortController().signal,
      // Whoever was killed is taken for dead at once; the test lets no two live at a time.
      silentMs: -1_000,
    },
    run,
  )
  await room.flush(10_000)
  await room.close(1_000)
  await close()
  await connection.close()
}
