import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/audit/events.ts'
import { encodeFrame, RECORD_TYPES, type RecordType } from '../../../src/audit/frames.ts'
import { recoverSpool } from '../../../src/audit/recover.ts'
import { segmentName } from '../../../src/audit/segments.ts'
import { aFolder, anOpen } from '../../support/audit-records.ts'
import { readSpool } from '../../support/audit-spool.ts'

const clock = { nowMs: () => 1_763_900_005_000, monotonicMs: () => 5 }
const writer = randomUUID()
let directory = ''
let events: AuditEvent[] = []

beforeEach(() => {
  directory = aFolder()
  events = []
  mkdirSync(join(directory, writer))
})
afterEach(() => rmSync(directory, { recursive: true }))

function recover(): void {
  recoverSpool({ directory, clock, onEvent: (event) => events.push(event) })
}

function record(type: RecordType, seq: number, id: string, body = 'body'): Buffer {
  const meta = type === RECORD_TYPES.open ? JSON.stringify(anOpen({ id, stream: true })) : `{"id":"${id}"}`
  const stamp = { type, flags: 0, seq, monotonicMs: seq, wallMs: 1_763_900_000_000 + seq }
  return encodeFrame(stamp, id, meta, Buffer.from(body))
}

function write(firstSeq: number, ...frames: Buffer[]): string {
  const path = join(directory, writer, segmentName(firstSeq))
  writeFileSync(path, Buffer.concat(frames))
  return path
}

const { open, part, close } = RECORD_TYPES

test('a request that was open when the process died ends as gateway_crash with what its parts say', () => {
  write(
    0,
    record(open, 0, 'req_a', '12345'),
    record(part, 1, 'req_a', 'half an '),
    record(part, 2, 'req_a', 'answer'),
  )

  recover()

  const last = readSpool(directory).frames.find(({ type }) => type === close)
  expect(JSON.parse(last!.meta.toString())).toMatchObject({
    id: 'req_a',
    outcome: 'gateway_crash',
    status: 500,
    errorCode: null,
    durationMs: 2,
    requestBytes: 5,
    responseBytes: 14,
    truncated: true,
  })
  expect(events).toMatchObject([{ event: 'audit.recovered', writer, closed: 1, cutBytes: 0, gaps: 0 }])
})

test('killed at any byte of its own work and run again, recovery gives the same result', () => {
  const path = write(
    0,
    record(open, 0, 'req_a'),
    record(open, 1, 'req_b'),
    record(close, 2, 'req_a'),
    record(open, 3, 'req_c'),
  )
  const crashedBytes = readFileSync(path).length
  recover()
  const recovered = readFileSync(path)

  for (let length = crashedBytes; length < recovered.length; length += 1) {
    writeFileSync(path, recovered.subarray(0, length))
    recover()

    const content = readSpool(directory)
    expect(content.closed.toSorted()).toEqual(['req_a', 'req_b', 'req_c'])
    expect(content).toMatchObject({ sealed: 1, holes: [] })
  }
})

test('a spool that ended in order is left byte for byte as it is', () => {
  const path = write(0, record(open, 0, 'req_a'), record(close, 1, 'req_a'), record(RECORD_TYPES.seal, 2, ''))
  const before = readFileSync(path)

  recover()

  expect(readFileSync(path).equals(before)).toBe(true)
  expect(events).toEqual([])
})

test('a torn last record is cut off and the rest is kept', () => {
  const torn = record(close, 2, 'req_a')
  write(0, record(open, 0, 'req_a'), record(open, 1, 'req_b'), torn.subarray(0, torn.length - 3))

  recover()

  const content = readSpool(directory)
  expect(content.crashed).toEqual(['req_a', 'req_b'])
  expect(events).toMatchObject([{ event: 'audit.recovered', cutBytes: torn.length - 3 }])
})

test('damage in the middle is reported, kept in quarantine and replaced by a gap; what follows it is kept', () => {
  const frames = [
    record(open, 0, 'req_a'),
    record(open, 1, 'req_b'),
    record(close, 2, 'req_a'),
    record(close, 3, 'req_b'),
  ]
  const damagedAt = frames[0]!.length + 90
  const path = write(0, ...frames)
  const bytes = readFileSync(path)
  bytes[damagedAt]! ^= 0xff
  writeFileSync(path, bytes)

  recover()

  const content = readSpool(directory)
  const [damage] = events.filter(({ event }) => event === 'audit.damaged')
  expect(content.closed).toEqual(['req_a', 'req_b'])
  expect(content.holes).toEqual([])
  expect(content.frames.find(({ type }) => type === RECORD_TYPES.gap)?.seq).toBe(1)
  expect(damage).toMatchObject({ offset: frames[0]!.length, reason: 'checksum' })
  expect(readFileSync((damage as { quarantine: string }).quarantine).equals(bytes)).toBe(true)
})

test('a segment that lacks its end before the next one gets a gap up to it', () => {
  write(0, record(open, 0, 'req_a'))
  write(3, record(close, 3, 'req_a'))

  recover()

  const gap = readSpool(directory).frames.find(({ type }) => type === RECORD_TYPES.gap)
  expect(JSON.parse(gap!.meta.toString())).toMatchObject({ fromSeq: 1, toSeq: 2 })
  expect(readSpool(directory).holes).toEqual([])
})

test('a folder without records is removed', () => {
  writeFileSync(join(directory, writer, 'ballast'), Buffer.alloc(10))

  recover()

  expect(existsSync(join(directory, writer))).toBe(false)
  expect(readdirSync(directory)).toEqual([])
})
