/**
 * Goes on with a run that asks in batches, as a worker does, and says so on its first line. To be killed in the middle:
 * `run-batches.ts <database> <run_…> <upstream's address> <its dialect> <folder> <milliseconds that its clock is ahead>`.
 */

import { workAtBatch } from '../batch-worker.ts'

const [databaseUrl = '', run = '', upstream = '', dialect = '', dataFolder = '', aheadMs = '0'] =
  process.argv.slice(2)
if (dialect !== 'openai' && dialect !== 'anthropic' && dialect !== 'gemini') throw new Error('Which dialect?')
const work = { databaseUrl, run, upstream, dialect, dataFolder, aheadMs: Number(aheadMs) } as const
await workAtBatch(work, () => process.stdout.write(`${JSON.stringify({ id: run })}\n`)).catch(
  (error: unknown) => {
    // As abrupt as a kill: nothing is shipped or closed.
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  },
)
