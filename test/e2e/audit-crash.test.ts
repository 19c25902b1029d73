import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { listWriters, recoverSpool } from '../../src/audit/recover.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { killedWriter } from '../support/audit-killed-writer.ts'
import { aFolder } from '../support/audit-records.ts'
import { readSpool } from '../support/audit-spool.ts'
import { printCount, soakCount } from '../support/soak.ts'

const KILLS = soakCount(30, 1000)

test('killed under load, again and again: nothing acknowledged is lost, and every request ends exactly once', async () => {
  const directory = aFolder()
  const opened: string[] = []
  const closed: string[] = []

  for (let kill = 0; kill < KILLS; kill += 1) {
    const acknowledged = await killedWriter([directory], () => 20 + Math.random() * 400)
    opened.push(...acknowledged.opened)
    closed.push(...acknowledged.closed)
  }
  recoverSpool({ directory, clock: systemClock, onEvent: () => undefined })

  const content = readSpool(directory)
  const keptOpens = new Set(content.opened)
  const ended = new Set(content.closed)
  const crashed = new Set(content.crashed)
  expect(opened.length).toBeGreaterThan(KILLS * 10)
  expect(opened.filter((id) => !keptOpens.has(id))).toEqual([])
  expect(closed.filter((id) => !ended.has(id) || crashed.has(id))).toEqual([])
  expect(content.closed.length).toBe(ended.size)
  expect(content.opened.length).toBe(keptOpens.size)
  expect(ended).toEqual(keptOpens)
  expect(content.holes).toEqual([])
  // A writer killed before its first record leaves nothing to seal; every other one is sealed.
  expect(content.sealed).toBe(listWriters(directory).length)
  expect(content.sealed).toBeGreaterThan(KILLS / 2)
  printCount(
    `${KILLS} kills: ${opened.length} opened, ${closed.length} closed, 0 lost, 0 doubled, ${crashed.size} ended as gateway_crash`,
  )
  await rm(directory, { recursive: true })
}, 3_600_000)
