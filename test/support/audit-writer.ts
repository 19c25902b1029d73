/** A process that appends to a spool until it is killed and says on stdout what was acknowledged: `O id`, `C id`. */

import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { Progress } from '../../src/audit/progress.ts'
import { recoverSpool } from '../../src/audit/recover.ts'
import { createSpool } from '../../src/audit/spool.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { aClose, anOpen } from './audit-records.ts'

const directory = process.argv[2]!
const concurrency = 16
recoverSpool({ directory, clock: systemClock, onEvent: () => undefined })
const spool = createSpool({
  directory,
  writerId: randomUUID(),
  clock: systemClock,
  progress: new Progress(),
  maxBytes: 1e12,
  segmentBytes: 512 * 1024,
  onEvent: (event) => writeSync(2, `${JSON.stringify(event)}\n`),
  onFatal: (error) => writeSync(2, error.message),
})
writeSync(1, 'ready\n')

async function requests(): Promise<void> {
  for (;;) {
    const record = anOpen({ stream: Math.random() < 0.5 })
    await spool.open(record, Buffer.alloc(Math.floor(Math.random() * 4000), 'q'))
    writeSync(1, `O ${record.id}\n`)
    if (Math.random() < 0.3) spool.part(record.id, Buffer.alloc(500, 'p'))
    if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
    await spool.close(aClose(record.id), Buffer.alloc(Math.floor(Math.random() * 4000), 'a'))
    writeSync(1, `C ${record.id}\n`)
  }
}

await Promise.all(Array.from({ length: concurrency }, requests))
