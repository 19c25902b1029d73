/**
 * What the engine adds to each item of a run beside the subject's own time, and how its memory grows with the items:
 *
 *   node bench/evals.ts --database postgres://… [--items 10000] [--concurrency 8]
 *
 * The subject answers at once, so all of the time is the engine's. Without --database the embedded database is used.
 */

import { parseArgs } from 'node:util'
import { connectDatabase } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { countResults } from '../src/evals/runs/count-results.ts'
import { MIGRATIONS, openEmbeddedDatabase } from '../test/support/embedded-database.ts'
import { aDataset, aSuite, begin, echo, execute, numbered, scriptedAsk } from '../test/support/eval-runs.ts'
import { startScratchDatabase } from './scratch-database.ts'

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    items: { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '8' },
  },
})
const items = Number(values.items)
const server = values.database ?? (process.env.TEST_DATABASE_URL || undefined)
const suite = aSuite(`
dataset: questions
subject: local/reader
concurrency: ${values.concurrency}
scorers: [equals, { kind: word-count, max: 3 }, levenshtein]
`)

const scratch = server === undefined ? null : await startScratchDatabase(server)
const embedded = scratch === null ? await openEmbeddedDatabase() : null
const connection =
  embedded?.connection ??
  connectDatabase(scratch?.url ?? '', { maxConnections: 12, applicationName: 'aval bench' })
try {
  if (embedded !== null) await migrate(embedded.connection, { directory: MIGRATIONS })
  await aDataset(connection, 'questions', numbered(items))
  const { candidate } = await begin(connection, suite)
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 100)
  const before = process.memoryUsage().rss
  const startedMs = performance.now()
  const outcome = await execute(connection, candidate.id, scriptedAsk(echo).ask)
  const spentMs = performance.now() - startedMs
  clearInterval(watch)
  const counts = await countResults(connection.sql, candidate.id)
  const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0)
  console.log(
    `${scratch === null ? 'embedded' : 'PostgreSQL'}: ${outcome}, ${counts.judged} of ${items} items with 3 scorers, ${(spentMs / items).toFixed(2)} ms an item at ${values.concurrency} at once, memory ${mebibytes(before)} MiB before, ${mebibytes(peak)} MiB at most`,
  )
} finally {
  await connection.close()
  await embedded?.close()
  await scratch?.stop()
}
