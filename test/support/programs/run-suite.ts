/**
 * Goes on with a run as a worker does, asking a subject at an address, and says so on its first line. To be killed in the
 * middle: `run-suite.ts <database> <run_…> <subject's address>`.
 */

import { connectDatabase } from '../../../src/db/client.ts'
import type { Ask } from '../../../src/evals/runs/ask.ts'
import { executeRun } from '../../../src/evals/runs/execute.ts'
import { readyScorers } from '../../../src/evals/scorers/ready-scorers.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import { noBatches, noCode, noVectors, scriptedAsk, unhurried } from '../eval-runs.ts'

const [url = '', id = '', subject = ''] = process.argv.slice(2)
const connection = connectDatabase(url, { maxConnections: 2, applicationName: 'killed' })
const { signal } = new AbortController()
const scripted = scriptedAsk(async (question) => {
  const answer = await fetch(subject, { method: 'POST', body: question })
  return { output: await answer.text(), cost: 10n, free: false }
})

const ask: Ask = async (call) => ({ ...(await scripted.ask(call)), requestId: newId('req', Date.now()) })

process.stdout.write(`${JSON.stringify({ id })}\n`)
const outcome = await executeRun(
  {
    sql: connection.sql,
    clock: systemClock,
    random: Math.random,
    ask,
    batches: noBatches,
    // Everybody is who they are called: what is answered here may be taken over.
    answererOf: (_project, model) => model,
    pace: unhurried,
    embed: noVectors,
    evaluate: noCode,
    prepare: readyScorers,
    signal,
    // Whoever was killed is taken for dead at once; the test lets no two live at a time.
    silentMs: -1_000,
  },
  id,
)
process.stdout.write(`${JSON.stringify({ outcome })}\n`)
await connection.close()
