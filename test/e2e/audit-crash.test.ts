import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { recoverSpool } from '../../src/audit/recover.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { aFolder } from '../support/audit-records.ts'
import { readSpool } from '../support/audit-spool.ts'

const WRITER = fileURLToPath(new URL('../support/audit-writer.ts', import.meta.url))
const KILLS = 12

/** Starts a writer, kills it at a random moment under load, and returns what it had acknowledged. */
async function killedWriter(directory: string): Promise<{ opened: string[]; closed: string[] }> {
  const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  let timer: NodeJS.Timeout | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    timer ??= setTimeout(() => child.kill('SIGKILL'), 20 + Math.random() * 400)
  })
  await once(child, 'close')
  const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1)
  const ids = (letter: string) => lines.filter((line) => line.startsWith(letter)).map((line) => line.slice(2))
  return { opened: ids('O'), closed: ids('C') }
}

test('killed under load, again and again: nothing acknowledged is lost, and every request ends exactly once', async () => {
  const directory = aFolder()
  const opened: string[] = []
  const closed: string[] = []

  for (let kill = 0; kill < KILLS; kill += 1) {
    const acknowledged = await killedWriter(directory)
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
  expect(content.sealed).toBe(KILLS)
  await rm(directory, { recursive: true })
}, 120_000)
