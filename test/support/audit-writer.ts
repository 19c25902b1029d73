/** A process that appends to a spool until it is killed and keeps a journal of what was acknowledged: `O id`, `C id`. */

import { randomUUID } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { startAudit } from '../../src/audit/audit.ts'
import { Progress } from '../../src/audit/progress.ts'
import type { RequestLog } from '../../src/audit/record.ts'
import { recoverSpool } from '../../src/audit/recover.ts'
import { createSpool } from '../../src/audit/spool.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { aClose, anOpen, auditSecrets } from './audit-records.ts'

const [journalFile, directory, databaseUrl] = process.argv.slice(2) as [string, string, string?]
const journal = openSync(journalFile, 'a')
const concurrency = 16
const onFatal = (error: Error) => writeSync(2, error.message)

function openLog(): RequestLog {
  if (databaseUrl !== undefined) {
    const shared = { databaseUrl, clock: systemClock, segmentBytes: 512 * 1024, onFatal }
    return startAudit({ ...shared, secrets: auditSecrets(), dataFolder: directory, onEvent: () => undefined })
      .log
  }
  recoverSpool({ directory, clock: systemClock, onEvent: () => undefined })
  return createSpool({
    directory,
    writerId: randomUUID(),
    clock: systemClock,
    progress: new Progress(),
    maxBytes: 1e12,
    segmentBytes: 512 * 1024,
    onEvent: (event) => writeSync(2, `${JSON.stringify(event)}\n`),
    onFatal,
  })
}

const spool = openLog()
// With a database the load is gentler, so that shipping keeps up with what the test has to wait for.
const pauseShare = databaseUrl === undefined ? 0.3 : 0.95
writeSync(1, 'ready\n')

async function requests(): Promise<void> {
  for (;;) {
    const record = anOpen({ stream: Math.random() < 0.5 })
    await spool.open(record, Buffer.alloc(Math.floor(Math.random() * 4000), 'q'))
    writeSync(journal, `O ${record.id}\n`)
    if (Math.random() < 0.3) spool.part(record.id, Buffer.alloc(500, 'p'))
    if (Math.random() < pauseShare) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
    await spool.close(aClose(record.id), Buffer.alloc(Math.floor(Math.random() * 4000), 'a'))
    writeSync(journal, `C ${record.id}\n`)
  }
}

await Promise.all(Array.from({ length: concurrency }, requests))
