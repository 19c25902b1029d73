import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import * as nodeFs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { FLAG_BODY_CUT, RECORD_TYPES } from '../../../src/audit/frames.ts'
import { Progress } from '../../../src/audit/progress.ts'
import { recoverSpool } from '../../../src/audit/recover.ts'
import { createSpool, type Spool, type SpoolOptions } from '../../../src/audit/spool.ts'
import type { GatewayError } from '../../../src/errors.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { aClose, aFolder, anOpen } from '../../support/audit-records.ts'
import { readSpool } from '../../support/audit-spool.ts'

const MIB = 1024 * 1024
const BODY = Buffer.alloc(2000, 'b')

let directory = ''
let events: AuditEvent[] = []
let fatal: Error[] = []
let spool: Spool | null = null

beforeEach(() => {
  directory = aFolder()
  events = []
  fatal = []
})
afterEach(async () => {
  await spool?.end()
  spool = null
  nodeFs.rmSync(directory, { recursive: true })
})

function start(changes: Partial<SpoolOptions> = {}): Spool {
  spool = createSpool({
    directory,
    writerId: randomUUID(),
    clock: systemClock,
    progress: new Progress(),
    maxBytes: 1e12,
    segmentBytes: 4 * MIB,
    probeMs: 20,
    syncThread: false,
    onEvent: (event) => events.push(event),
    onFatal: (error) => fatal.push(error),
    ...changes,
  })
  return spool
}

/** A disk whose writes to segments fail with `code` while it is set; `torn` bytes are written before. */
function faultyDisk() {
  const fault: { code: string | null; times: number; torn: number; truncateFails: boolean; writes: number } =
    {
      code: null,
      times: Number.POSITIVE_INFINITY,
      torn: 0,
      truncateFails: false,
      writes: 0,
    }
  const fail = (): never => {
    throw Object.assign(new Error(fault.code ?? ''), { code: fault.code })
  }
  const writeSync = (
    fd: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): number => {
    fault.writes += 1
    if (fault.code === null || fault.times <= 0) return nodeFs.writeSync(fd, buffer, offset, length, position)
    if (fault.torn > 0 && length > fault.torn)
      return nodeFs.writeSync(fd, buffer, offset, fault.torn, position)
    fault.times -= 1
    return fail()
  }
  const ftruncateSync = (fd: number, length?: number): void => {
    if (fault.truncateFails && fault.code !== null) fail()
    nodeFs.ftruncateSync(fd, length)
  }
  return { fault, fs: { ...nodeFs, writeSync, ftruncateSync } as unknown as SpoolOptions['fs'] & object }
}

async function outcomes(promises: Promise<void>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises)
  return settled.map((one) => (one.status === 'fulfilled' ? 'kept' : (one.reason as GatewayError).code))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}

test('everything appended in one turn of the event loop is one write', async () => {
  const { fault, fs } = faultyDisk()
  const log = start({ fs })
  fault.writes = 0

  await Promise.all(Array.from({ length: 100 }, () => log.open(anOpen(), BODY)))

  expect(fault.writes).toBe(1)
  expect(readSpool(directory).opened.length).toBe(100)
})

test('a promise resolves only after its record is in the file', async () => {
  const log = start()
  const record = anOpen()

  await log.open(record, BODY)

  expect(readSpool(directory).opened).toEqual([record.id])
})

test('a request ends once: a second close and a close without open are refused', async () => {
  const log = start()
  const record = anOpen()
  await log.open(record, BODY)
  await log.close(aClose(record.id), BODY)

  const again = log.close(aClose(record.id), BODY)

  await expect(again).rejects.toThrow('it ends exactly once')
  expect(readSpool(directory).closed).toEqual([record.id])
})

test('records larger than a segment and bodies larger than 32 MiB are kept, cut and marked', async () => {
  const log = start()
  const [large, huge] = [anOpen(), anOpen()]
  await log.open(large, Buffer.alloc(9 * MIB, 'l'))
  await log.open(huge, Buffer.alloc(33 * MIB, 'h'))
  await log.close(aClose(huge.id), Buffer.alloc(33 * MIB, 'h'))

  const { frames } = readSpool(directory)
  expect(frames.map(({ first, flags }) => [first.length / MIB, flags])).toEqual([
    [9, 0],
    [32, FLAG_BODY_CUT],
    [32, 0],
  ])
  expect(JSON.parse(frames[2]!.meta.toString())).toMatchObject({ id: huge.id, truncated: true })
})

test('segments follow each other without a missing seq, with the thread preparing them', async () => {
  const log = start({ syncThread: true, segmentBytes: 64 * 1024 })

  for (let at = 0; at < 200; at += 1) await log.open(anOpen(), BODY)
  await until(() => log.stats().unsyncedMs === 0)

  const { frames, holes } = readSpool(directory)
  expect(frames.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, seq) => seq))
  expect(holes).toEqual([])
})

describe('a full disk', () => {
  test('refuses new requests before anything goes upstream and still ends the open ones', async () => {
    const { fault, fs } = faultyDisk()
    const log = start({ fs })
    const open = anOpen()
    await log.open(open, BODY)
    fault.code = 'ENOSPC'
    fault.times = 1

    const kept = await outcomes([log.open(anOpen(), BODY), log.close(aClose(open.id), BODY)])
    const later = await log.open(anOpen(), BODY).catch((error: GatewayError) => error)

    expect(kept).toEqual(['audit_unavailable', 'kept'])
    expect(later).toMatchObject({ code: 'audit_unavailable', status: 503, headers: { 'retry-after': '1' } })
    expect(readSpool(directory)).toMatchObject({ opened: [open.id], closed: [open.id], holes: [] })
    expect(events).toContainEqual({ event: 'audit.refusing', state: 'full', code: 'ENOSPC' })
  })

  test('serves again by itself when there is room', async () => {
    const { fault, fs } = faultyDisk()
    const log = start({ fs })
    fault.code = 'ENOSPC'
    await outcomes([log.open(anOpen(), BODY)])

    fault.code = null
    await until(() => log.stats().state === 'open')
    const kept = await outcomes([log.open(anOpen(), BODY)])

    expect(kept).toEqual(['kept'])
    expect(events.at(-1)).toEqual({ event: 'audit.accepting' })
  })

  test('an ending that even the ballast had no room for is refused, and written when there is room', async () => {
    const { fault, fs } = faultyDisk()
    const log = start({ fs })
    const record = anOpen()
    await log.open(record, BODY)
    fault.code = 'ENOSPC'

    const kept = await outcomes([log.close(aClose(record.id), BODY)])
    fault.code = null
    await until(() => log.stats().state === 'open')

    const { closed, frames } = readSpool(directory)
    expect(kept).toEqual(['audit_unavailable'])
    expect(closed).toEqual([record.id])
    expect(JSON.parse(frames.at(-1)!.meta.toString())).toMatchObject({
      outcome: 'gateway_crash',
      status: 503,
      errorCode: 'audit_unavailable',
    })
  })

  test('bytes of refused records do not come back, wherever the write was cut', async () => {
    for (const torn of [1, 71, 72, 500, 2300, 2600, 4700]) {
      const { fault, fs } = faultyDisk()
      const log = start({ fs })
      const open = anOpen()
      await log.open(open, BODY)
      Object.assign(fault, { code: 'ENOSPC', times: 1, torn })

      await outcomes([log.open(anOpen(), BODY), log.close(aClose(open.id), BODY), log.open(anOpen(), BODY)])

      const content = readSpool(directory)
      expect(content).toMatchObject({ opened: [open.id], closed: [open.id], holes: [] })
      nodeFs.rmSync(directory, { recursive: true })
      nodeFs.mkdirSync(directory)
    }
  })

  test('the bound of the spool refuses new requests while its last twentieth takes endings', async () => {
    const log = start({ maxBytes: 120_000 })
    const records = Array.from({ length: 40 }, () => anOpen())
    await Promise.all(records.map((record) => log.open(record, BODY)))

    const kept = await outcomes([
      log.open(anOpen(), BODY),
      ...records.map(({ id }) => log.close(aClose(id), BODY)),
    ])

    expect(kept[0]).toBe('kept')
    await outcomes([log.open(anOpen(), BODY)])
    expect(log.stats().state).toBe('full')
    expect(kept.slice(1).every((one) => one === 'kept')).toBe(true)
  })

  test('at its bound the segment being written is finished, so that what is shipped of it can make room', async () => {
    const progress = new Progress()
    const log = start({ maxBytes: 120_000, segmentBytes: 64 * MIB, probeMs: 10, progress })
    while (log.stats().state === 'open') {
      const record = anOpen()
      await outcomes([log.open(record, BODY)])
      await outcomes([log.close(aClose(record.id), BODY)])
    }

    await until(() => progress.sealedBytes > 100_000)
    // What a shipper does with a finished segment once all of it is in the database.
    progress.addSealedBytes(-progress.sealedBytes)

    await until(() => log.stats().state === 'open')
    expect(await outcomes([log.open(anOpen(), BODY)])).toEqual(['kept'])
  })

  test('a part that found no room shows as a truncated answer', async () => {
    const { fault, fs } = faultyDisk()
    const log = start({ fs })
    const record = anOpen()
    await log.open(record, BODY)
    Object.assign(fault, { code: 'ENOSPC', times: 1 })

    log.part(record.id, BODY)
    await log.close(aClose(record.id), BODY)

    const close = readSpool(directory).frames.find(({ type }) => type === RECORD_TYPES.close)
    expect(close?.flags).toBe(FLAG_BODY_CUT)
  })
})

describe('a broken disk', () => {
  test('an error in one segment moves the whole turn to a new one', async () => {
    for (const truncateFails of [false, true]) {
      const { fault, fs } = faultyDisk()
      const log = start({ fs })
      const open = anOpen()
      await log.open(open, BODY)
      Object.assign(fault, { code: 'EIO', times: 1, torn: 3000, truncateFails })
      const other = anOpen()

      const kept = await outcomes([log.open(other, BODY), log.close(aClose(open.id), BODY)])

      fault.code = null
      expect(kept).toEqual(['kept', 'kept'])
      expect(readSpool(directory)).toMatchObject({
        opened: [open.id, other.id],
        closed: [open.id],
        holes: [],
      })
      expect(fatal).toEqual([])
      nodeFs.rmSync(directory, { recursive: true })
      nodeFs.mkdirSync(directory)
    }
  })

  test('when a new segment fails too, everything is refused and whoever runs the process hears of it', async () => {
    const { fault, fs } = faultyDisk()
    const log = start({ fs })
    const open = anOpen()
    await log.open(open, BODY)
    fault.code = 'EIO'

    const kept = await outcomes([log.open(anOpen(), BODY), log.close(aClose(open.id), BODY)])

    expect(kept).toEqual(['audit_unavailable', 'audit_unavailable'])
    expect(fatal.length).toBeGreaterThan(0)
    expect(log.stats()).toMatchObject({ state: 'broken', owedCloses: 1 })
    fault.code = null
    await until(() => log.stats().state === 'open')
    expect(readSpool(directory).closed).toEqual([open.id])
  })
})

const root = process.getuid?.() === 0
describe(
  root ? 'a real file system of 24 MiB' : 'a real file system of 24 MiB (needs root to mount a tmpfs)',
  () => {
    test.skipIf(!root)(
      'fills up, refuses, ends what is open, and loses nothing that was acknowledged',
      async () => {
        const mount = join(directory, 'mount')
        nodeFs.mkdirSync(mount)
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount])
        try {
          const log = start({ directory: mount, syncThread: true, segmentBytes: MIB })
          const opened: string[] = []
          let refused = 0
          while (refused === 0 && opened.length < 20_000) {
            const records = Array.from({ length: 20 }, () => anOpen())
            const kept = await outcomes(records.map((record) => log.open(record, BODY)))
            for (const [index, result] of kept.entries()) {
              if (result === 'kept') opened.push(records[index]!.id)
              else refused += 1
            }
          }
          const endings = await outcomes(opened.map((id) => log.close(aClose(id), BODY)))
          await log.end()
          recoverSpool({ directory: mount, clock: systemClock, onEvent: () => undefined })

          const content = readSpool(mount)
          expect(refused).toBeGreaterThan(0)
          expect(content.opened.toSorted()).toEqual(opened.toSorted())
          expect(endings.every((ending) => ending === 'kept')).toBe(true)
          expect(content.closed.toSorted()).toEqual(opened.toSorted())
          expect(content.holes).toEqual([])
        } finally {
          await spool?.end()
          execFileSync('umount', [mount])
        }
      },
    )
  },
)
