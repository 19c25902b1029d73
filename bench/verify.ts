/**
 * How fast `aval audit verify` reads a log, in one thread and in as many as it takes, and what a proof costs. For each database:
 *
 *   node bench/verify.ts --requests 20000          TEST_DATABASE_URL adds a PostgreSQL server
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Sql } from 'postgres'
import { startAudit } from '../src/audit/audit.ts'
import { threadsFor } from '../src/audit/verify/pages.ts'
import { proveRequest } from '../src/audit/verify/prove.ts'
import { verifyLog } from '../src/audit/verify/verify.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPool } from '../src/db/pool.ts'
import { systemClock } from '../src/lib/clock.ts'
import { noteSigner } from '../src/lib/signed-note.ts'
import { aClose, anOpen, auditSecrets } from '../test/support/audit-records.ts'
import { MIGRATIONS, openEmbeddedDatabase } from '../test/support/embedded-database.ts'
import { startScratchDatabase } from './scratch-database.ts'

const { values } = parseArgs({ options: { requests: { type: 'string', default: '20000' } } })
const requests = Number(values.requests)
const BODY = Buffer.from(JSON.stringify({ text: 'The quick brown fox. '.repeat(48) }))

async function measure(name: string, databaseUrl: string, sql: Sql): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aval-bench-'))
  const secrets = auditSecrets()
  const audit = startAudit({
    secrets,
    dataFolder: folder,
    databaseUrl,
    clock: systemClock,
    onEvent: (event) => console.error(event),
    onFatal: (error) => console.error(error),
  })
  const ids: string[] = []
  while (ids.length < requests) {
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        const record = anOpen()
        ids.push(record.id)
        await audit.log.open(record, BODY)
        await audit.log.close(aClose(record.id), BODY)
      }),
    )
  }
  await audit.close(300_000)
  for (const threads of [null, threadsFor(databaseUrl, availableParallelism())]) {
    const startedMs = performance.now()
    const report = await verifyLog(sql, {
      keys: [noteSigner('aval', secrets.signingKey).key],
      outside: [],
      sinceMs: null,
      untilMs: null,
      nowMs: Date.now(),
      onProgress: () => undefined,
      ...(threads !== null && { threads }),
    })
    const seconds = (performance.now() - startedMs) / 1000
    console.log(
      `verify, ${name}, ${threads === null ? 'one thread' : `${threads.count} threads`}: ${Math.round(report.records / seconds)} records/s (${report.records} records, ${report.bodies} bodies of ${BODY.length} B, ${report.status})`,
    )
  }
  const provedMs = performance.now()
  await proveRequest(sql, ids[Math.floor(ids.length / 2)] ?? '', false)
  console.log(`prove, ${name}: ${Math.round(performance.now() - provedMs)} ms`)
  rmSync(folder, { recursive: true })
}

const serverUrl = process.env.TEST_DATABASE_URL
if (serverUrl !== undefined && serverUrl !== '') {
  const scratch = await startScratchDatabase(serverUrl)
  const pool = openPool(scratch.url, { maxConnections: 2, applicationName: 'bench' })
  try {
    await measure('PostgreSQL', scratch.url, pool.sql)
  } finally {
    await pool.close()
    await scratch.stop()
  }
}
const embedded = await openEmbeddedDatabase()
await migrate(embedded.connection, { directory: MIGRATIONS })
await measure('embedded (in this process)', embedded.url, embedded.connection.sql)
await embedded.close()
