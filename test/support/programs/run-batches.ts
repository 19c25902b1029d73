/**
 * Goes on with a run that asks in batches, as a worker does, with a real log in a folder, and says so on its first line. To be killed
 * in the middle: `run-batches.ts <database> <run_…> <upstream's address> <its dialect> <folder> <milliseconds that its clock is ahead>`.
 */

import { connectDatabase } from '../../../src/db/client.ts'
import { executeRun } from '../../../src/evals/runs/execute.ts'
import { readyScorers } from '../../../src/evals/scorers/ready-scorers.ts'
import { startAuditRoom } from '../audit-room.ts'
import { clockIn, openBatchPlane } from '../batch-plane.ts'
import { noCode, noVectors, unhurried } from '../eval-runs.ts'

const [url = '', id = '', upstream = '', dialect = '', dataFolder = '', aheadMs = '0'] = process.argv.slice(2)
if (dialect !== 'openai' && dialect !== 'anthropic' && dialect !== 'gemini') throw new Error('Which dialect?')
const connection = connectDatabase(url, { maxConnections: 2, applicationName: 'killed' })
const clock = clockIn(Number(aheadMs))
const room = startAuditRoom({ dataFolder, databaseUrl: url })
const { batches, ask, answererOf, close } = openBatchPlane({ url: upstream, dialect, log: room.log, clock })

process.stdout.write(`${JSON.stringify({ id })}\n`)
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
  id,
).catch((error: unknown) => {
  // As abrupt as a kill: nothing is shipped or closed.
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
await room.flush(10_000)
await room.close(1_000)
await close()
await connection.close()
