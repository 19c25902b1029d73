import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AlreadyRunningError, lockFolder } from '../../../src/db/lock.ts'
import { kill, startProgram } from '../../support/programs.ts'

type Line = { locked: boolean; pid: number }
const HOLD_LOCK = new URL('../../support/programs/hold-lock.ts', import.meta.url)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aval-lock-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

test('a second process is told the pid of the first', async () => {
  const first = await startProgram<Line>(HOLD_LOCK, folder)
  const second = await startProgram<Line>(HOLD_LOCK, folder)

  expect(first.line).toEqual({ locked: true, pid: first.pid })
  expect(second.line).toEqual({ locked: false, pid: first.pid })
})

test('a holder that does not answer keeps its lock', async () => {
  const first = await startProgram<Line>(HOLD_LOCK, folder, 'block')

  const refusal = await lockFolder(folder).catch((error: unknown) => error)

  expect(refusal).toBeInstanceOf(AlreadyRunningError)
  expect(refusal).toMatchObject({ pid: first.pid })
})

test('a stopped holder keeps its lock', async () => {
  const first = await startProgram<Line>(HOLD_LOCK, folder)
  first.process.kill('SIGSTOP')

  const refusal = await lockFolder(folder).catch((error: unknown) => error)

  expect(refusal).toMatchObject({ pid: first.pid, message: expect.stringContaining(String(first.pid)) })
})

test('a killed holder frees the folder, and what it left is cleaned up', async () => {
  const first = await startProgram<Line>(HOLD_LOCK, folder)
  await kill(first.process)

  const lock = await lockFolder(folder)

  expect(await readdir(folder)).toHaveLength(1)
  await lock.release()
  expect(await readdir(folder)).toEqual([])
})

test('of many that start at once over a dead lock exactly one wins, every time', async () => {
  const dead = await startProgram<Line>(HOLD_LOCK, folder)
  await kill(dead.process)

  for (let round = 0; round < 30; round += 1) {
    const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
    const winners = attempts.filter((attempt) => attempt.status === 'fulfilled')
    const losers = attempts.filter((attempt) => attempt.status === 'rejected')

    expect(winners).toHaveLength(1)
    for (const loser of losers) expect(loser.reason).toBeInstanceOf(AlreadyRunningError)
    await winners[0]?.value.release()
  }
})

test('of several processes that start at once exactly one wins', async () => {
  const programs = await Promise.all([1, 2, 3, 4].map(() => startProgram<Line>(HOLD_LOCK, folder)))

  const winners = programs.filter((program) => program.line.locked)

  expect(winners).toHaveLength(1)
  for (const program of programs) expect(programs.map((one) => one.pid)).toContain(program.line.pid)
})

test('a folder whose path is longer than a socket address can be locked, and is really locked', async () => {
  const deep = join(folder, 'a-rather-long-name-'.repeat(5), 'b-rather-long-name-'.repeat(5))
  await mkdir(deep, { recursive: true })

  const lock = await lockFolder(deep)
  const second = await startProgram<Line>(HOLD_LOCK, deep)

  expect(second.line).toEqual({ locked: false, pid: process.pid })
  await lock.release()
})

test('a released folder can be taken again', async () => {
  const first = await lockFolder(folder)
  await first.release()
  await first.release()

  const second = await lockFolder(folder)

  await second.release()
  expect(await readdir(folder)).toEqual([])
})
