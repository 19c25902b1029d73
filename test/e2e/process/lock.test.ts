import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../../support/child.ts'
import { prepareHome, startGateway } from '../../support/gateway.ts'
import { isAlive, runAval, startAval, temporaryFolder, until } from '../../support/process.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

test("a second server on the same folder is refused with the first one's pid, and a kill frees the folder at once", async () => {
  const first = await startGateway({ home: folder.path })

  const refused = await runAval(['serve'], { cwd: folder.path, env: { AVAL_HOME: folder.path, PORT: '0' } })

  expect(refused.code).toBe(3)
  expect(refused.stderr).toContain(`in use by process ${first.pid}.`)
  expect(refused.stdout).toBe('')

  await first.kill9()
  const next = await startGateway({ home: folder.path })

  expect(next.pid).not.toBe(first.pid)
  expect(await next.stop()).toBe(0)
}, 90_000)

test('of four that start at once in a new folder exactly one serves, and each of the others says who else is there', async () => {
  const starters = Array.from({ length: 4 }, () =>
    startAval(['serve'], { cwd: folder.path, env: { AVAL_HOME: folder.path, PORT: '0' } }),
  )
  const serving = () => starters.filter((one) => one.stdout().includes('  then'))

  const winner = await until('one that serves', () => serving()[0], 60_000)
  const losers = starters.filter((one) => one !== winner)
  const ended = await Promise.all(losers.map((one) => one.exited))

  expect(ended.map(({ code }) => code)).toEqual([3, 3, 3])
  const pids = starters.map(({ pid }) => pid)
  for (const { stderr } of ended) {
    expect(pids).toContain(Number(/in use by process (\d+)\./.exec(stderr)?.[1]))
  }
  expect(serving()).toEqual([winner])
  expect(isAlive(winner.pid)).toBe(true)
  expect(await winner.end()).toMatchObject({ code: 0 })
}, 90_000)

test("a port that is taken ends the start with the port's name and a way out", async () => {
  await prepareHome(folder.path)
  const port = await freePort()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))

  const refused = await runAval(['serve'], {
    cwd: folder.path,
    env: { AVAL_HOME: folder.path, PORT: String(port) },
  })

  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(`127.0.0.1:${port} is in use by another program.`)
  expect(refused.stderr).toContain('PORT')
  expect(refused.stdout).not.toContain('vk_')
  await new Promise((resolve) => other.close(resolve))
}, 60_000)
