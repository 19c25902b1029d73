/**
 * How fast a day of requests is rolled up, and whether the sums are those of a recount:
 *
 *   node bench/rollups.ts [rows]                 1,000,000 on the server of TEST_DATABASE_URL
 *   node bench/rollups.ts 100000 --embedded      in an embedded database
 *
 * The rows are written straight into the log's tables: 20 routes, 8 models, 50 keys, 24 hours, four writers.
 */

import { parseArgs } from 'node:util'
import { connectDatabase } from '../src/db/client.ts'
import { rollUpOnce } from '../src/monitoring/rollups/roll-up.ts'
import { makeTraffic } from './rollup-log.ts'
import { startScratchDatabase } from './scratch-database.ts'

const { values, positionals } = parseArgs({
  options: { embedded: { type: 'boolean', default: false }, database: { type: 'string' } },
  allowPositionals: true,
})
const rows = Number(positionals[0] ?? 1_000_000)
const server = values.database ?? process.env.TEST_DATABASE_URL
if (server === undefined) throw new Error('Name a server: --database postgres://user@127.0.0.1:5432/postgres')
const scratch = await startScratchDatabase(server)
const { sql, close } = connectDatabase(scratch.url, { maxConnections: 4, applicationName: 'aval bench' })
try {
  await makeTraffic(sql, { rows, day: '2026-11-20', seed: 1 })
  const startedMs = performance.now()
  const kept = { minute: 0, hour: 0, day: 0 }
  for (;;) {
    const t = performance.now()
    const { outcome, requests } = await rollUpOnce(sql, kept)
    if (outcome === 'idle') break
    console.log(outcome, requests, Math.round(performance.now() - t))
  }
  const seconds = (performance.now() - startedMs) / 1000
  console.log({ rows, seconds, perSecond: Math.round(rows / seconds), cpu: process.cpuUsage().user / 1e6 })
  console.log(
    await sql`SELECT count(*), pg_size_pretty(pg_total_relation_size('rollup_hours')) FROM rollup_minutes`,
  )
} finally {
  await close()
  await scratch.stop()
}
