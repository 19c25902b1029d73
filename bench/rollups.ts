/**
 * How fast a day of requests is rolled up, and whether the sums are those of a recount by plain SQL:
 *
 *   node bench/rollups.ts [rows]                 1,000,000 on the server of TEST_DATABASE_URL, or of --database
 *   node bench/rollups.ts 100000 --embedded      in an embedded database
 *
 * The rows are written straight into the log's tables: 20 routes, 8 models, 50 keys, 24 hours, four writers. Ends with 1 when a sum
 * differs, a quantile is off by more than 1 %, or the server took longer than 60 seconds a million.
 */

import { parseArgs } from 'node:util'
import { connectDatabase } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { readRollups } from '../src/monitoring/rollups/read.ts'
import { KEEP_ALL, rollUp } from '../src/monitoring/rollups/roll-up.ts'
import { quantileOf } from '../src/monitoring/rollups/sketch.ts'
import { MIGRATIONS, openEmbeddedDatabase } from '../test/support/embedded-database.ts'
import { countDiffering } from '../test/support/rollup-log.ts'
import { makeTraffic } from './rollup-log.ts'
import { startScratchDatabase } from './scratch-database.ts'

const { values, positionals } = parseArgs({
  options: { embedded: { type: 'boolean', default: false }, database: { type: 'string' } },
  allowPositionals: true,
})
const rows = Number(positionals[0] ?? 1_000_000)
const DAY = '2026-11-20'
const MIN_PER_SECOND = 1_000_000 / 60
const SHARES = [0.5, 0.95, 0.99]
const PLACES = 5

async function open(): Promise<{ url: string; stop(): Promise<void> }> {
  if (values.embedded) {
    const { url, connection, close } = await openEmbeddedDatabase()
    await migrate(connection, { directory: MIGRATIONS })
    return { url, stop: close }
  }
  const server = values.database ?? process.env.TEST_DATABASE_URL
  if (server === undefined)
    throw new Error('Name a server: --database postgres://user@127.0.0.1:5432/postgres')
  return await startScratchDatabase(server)
}

/** How far the quantiles of the busiest places are from exact ones, at the most, as a share. */
async function largestError(sql: Parameters<typeof readRollups>[0]): Promise<number> {
  const fromMs = Date.parse(`${DAY}T00:00:00Z`)
  const window = {
    projectId: 'prj_default',
    fromMs,
    toMs: fromMs + 86_400_000,
    bucketMs: null,
    limit: PLACES,
  }
  const { rows } = await readRollups(sql, { ...window, level: 'minute', by: ['route', 'model', 'keyId'] })
  let largest = 0
  for (const { place, figures } of rows) {
    const [exact] = await sql<{ values: string }[]>`
      SELECT json_agg(duration_ms ORDER BY duration_ms)::text AS values FROM requests WHERE project_id = 'prj_default' AND route = ${place.route ?? ''} AND model = ${place.model ?? ''}
        AND key_id = ${place.keyId ?? ''} AND outcome = 'completed' AND shadow_of IS NULL AND replay_of IS NULL`
    const sorted = JSON.parse(exact?.values ?? '[]') as number[]
    for (const share of SHARES) {
      const truth = sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
      largest = Math.max(largest, Math.abs((quantileOf(figures.latency, share) ?? 0) / truth - 1))
    }
  }
  return largest
}

const database = await open()
const { sql, close } = connectDatabase(database.url, { maxConnections: 4, applicationName: 'aval bench' })
try {
  await makeTraffic(sql, { rows, day: DAY, seed: 1 })
  const { user, system } = process.cpuUsage()
  const startedMs = performance.now()
  const rolled = await rollUp(sql, { keptSince: () => KEEP_ALL, embedded: values.embedded, maxBatches: 1e6 })
  const seconds = (performance.now() - startedMs) / 1000
  const used = process.cpuUsage({ user, system })
  const [kept] = await sql<Record<string, string>[]>`
    SELECT (SELECT count(*) FROM rollup_minutes)::text AS minutes, (SELECT count(*) FROM rollup_hours)::text AS hours,
      (SELECT count(*) FROM rollup_days)::text AS days, (SELECT count(*) FROM rollup_places)::text AS places`
  const perSecond = Math.round(rolled.requests / seconds)
  console.log({
    rows: rolled.requests,
    seconds: Number(seconds.toFixed(1)),
    perSecond,
    ownCpuSeconds: Number(((used.user + used.system) / 1e6).toFixed(1)),
    rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
    ...kept,
  })
  let differing = 0
  for (const unit of ['minute', 'hour', 'day'] as const) differing += await countDiffering(sql, unit)
  const error = await largestError(sql)
  console.log({ differing, largestQuantileError: Number(error.toFixed(4)) })
  const slow = !values.embedded && perSecond < MIN_PER_SECOND
  if (differing > 0 || error > 0.011 || slow) process.exitCode = 1
} finally {
  await close()
  await database.stop()
}
