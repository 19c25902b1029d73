/**
 * What the audit log costs the gateway, and how fast it reaches the database. Prints one table; `node bench/audit.ts`.
 * Rounds alternate between a bare writeSync of the same bytes and the spool, so that noise hits both.
 */

import { randomUUID } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAudit } from '../src/audit/audit.ts'
import { Progress } from '../src/audit/progress.ts'
import type { RequestLog } from '../src/audit/record.ts'
import { createSpool } from '../src/audit/spool.ts'
import { migrate } from '../src/db/migrate.ts'
import { systemClock } from '../src/lib/clock.ts'
import { aClose, anOpen, auditSecrets } from '../test/support/audit-records.ts'
import { MIGRATIONS, openEmbeddedDatabase } from '../test/support/embedded-database.ts'
import { startScratchDatabase } from './scratch-database.ts'

const REQUESTS = 20_000
const ROUNDS = 5
const BODY = Buffer.from(JSON.stringify({ text: 'The quick brown fox. '.repeat(95) }))

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** CPU of this thread alone: the sync thread's is the same process's. */
function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

type Figures = { cpuUs: number; latenciesUs: number[] }

async function throughSpool(log: RequestLog, concurrency: number): Promise<Figures> {
  const records = Array.from({ length: REQUESTS }, () => anOpen())
  const closes = records.map(({ id }) => aClose(id))
  const latenciesUs: number[] = []
  let next = 0
  const startedUs = threadCpuUs()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < REQUESTS) {
        const at = next
        next += 1
        const openedAt = performance.now()
        await log.open(records[at]!, BODY)
        const closedAt = performance.now()
        await log.close(closes[at]!, BODY)
        latenciesUs.push((closedAt - openedAt) * 1000, (performance.now() - closedAt) * 1000)
      }
    }),
  )
  return { cpuUs: (threadCpuUs() - startedUs) / REQUESTS, latenciesUs }
}

/** The same turns without a log: what the loop and its promises cost by themselves. */
async function throughNothing(concurrency: number): Promise<number> {
  let next = 0
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const startedUs = threadCpuUs()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < REQUESTS) {
        next += 1
        await turn()
        await turn()
      }
    }),
  )
  return (threadCpuUs() - startedUs) / REQUESTS
}

function bareWrites(folder: string): number {
  const descriptor = openSync(join(folder, `bare-${randomUUID()}`), 'w')
  const bytes = Buffer.alloc(BODY.length + 600)
  const startedUs = threadCpuUs()
  for (let at = 0; at < REQUESTS * 2; at += 1) writeSync(descriptor, bytes)
  const cpuUs = (threadCpuUs() - startedUs) / REQUESTS
  closeSync(descriptor)
  return cpuUs
}

async function appendFigures(concurrency: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aval-bench-'))
  const spool = createSpool({
    directory: folder,
    writerId: randomUUID(),
    clock: systemClock,
    progress: new Progress(),
    maxBytes: 1e12,
    onEvent: (event) => console.error(event),
    onFatal: (error) => console.error(error),
  })
  const rounds: { bare: number; idle: number; spool: number }[] = []
  const latencies: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const bare = bareWrites(folder)
    const idle = await throughNothing(concurrency)
    const { cpuUs, latenciesUs } = await throughSpool(spool, concurrency)
    if (round === 0) continue
    rounds.push({ bare, idle, spool: cpuUs })
    latencies.push(...latenciesUs)
  }
  await spool.end()
  rmSync(folder, { recursive: true })
  latencies.sort((a, b) => a - b)
  const median = (of: (round: (typeof rounds)[number]) => number) =>
    quantile(
      rounds.map(of).sort((a, b) => a - b),
      0.5,
    )
  console.log(
    [
      `append, concurrency ${String(concurrency).padStart(3)}:`,
      `CPU ${median(({ spool: us }) => us).toFixed(1)} µs per request (open + close)`,
      `of which loop ${median(({ idle }) => idle).toFixed(1)} µs; two bare writes ${median(({ bare }) => bare).toFixed(1)} µs;`,
      `append p50 ${quantile(latencies, 0.5).toFixed(0)} µs, p99 ${quantile(latencies, 0.99).toFixed(0)} µs`,
    ].join(' '),
  )
}

async function shipFigures(name: string, databaseUrl: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aval-bench-'))
  const audit = startAudit({
    secrets: auditSecrets(),
    dataFolder: folder,
    databaseUrl,
    clock: systemClock,
    onEvent: (event) => console.error(event),
    onFatal: (error) => console.error(error),
  })
  await audit.flush(30_000)
  const startedMs = performance.now()
  await throughSpool(audit.log, 64)
  const appendedMs = performance.now() - startedMs
  const flushed = await audit.flush(120_000)
  const seconds = (performance.now() - startedMs) / 1000
  console.log(
    `ship, ${name}: ${Math.round(REQUESTS / seconds)} rows/s (${REQUESTS} rows of 2 x ${BODY.length} B, appended in ${Math.round(appendedMs)} ms, all shipped: ${flushed})`,
  )
  await audit.close(1000)
  rmSync(folder, { recursive: true })
}

for (const concurrency of [1, 8, 64]) await appendFigures(concurrency)

const serverUrl = process.env.TEST_DATABASE_URL
if (serverUrl !== undefined && serverUrl !== '') {
  const scratch = await startScratchDatabase(serverUrl)
  try {
    await shipFigures('PostgreSQL', scratch.url)
  } finally {
    await scratch.stop()
  }
}
const embedded = await openEmbeddedDatabase()
await migrate(embedded.connection, { directory: MIGRATIONS })
await shipFigures('embedded (in this process)', embedded.url)
await embedded.close()
