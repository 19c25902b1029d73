import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startGateway } from '../../support/gateway.ts'
import { call, chatBody, runAval, temporaryFolder, until } from '../../support/process.ts'

const QUESTION = chatBody('local/reader', '[1] The shop opens at nine.\n\nWhen does the shop open?')
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

test.each([
  ['with spaces, quotes and letters of other scripts', 'a b\'c "d" $HOME ünïcode 数据 🗝'],
  ['longer than a socket address', Array.from({ length: 12 }, () => 'a-long-folder-name').join('/')],
])(
  'a data folder %s serves, works and is locked',
  async (_, name) => {
    const home = join(folder.path, name)
    mkdirSync(home, { recursive: true })

    const gateway = await startGateway({ home })

    const answer = await call(`${gateway.url}/v1/chat/completions`, gateway.appKey, { body: QUESTION })
    expect(answer.status).toBe(200)
    await until('the row', async () => {
      const { json } = await call(`${gateway.url}/api/requests`, gateway.adminKey)
      return ((json.data ?? []) as unknown[]).length === 1
    })
    await until('the worker', () => gateway.stderr().includes('"msg":"working"'))
    const refused = await runAval(['serve'], { cwd: folder.path, env: { AVAL_HOME: home, PORT: '0' } })
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining(`process ${gateway.pid}.`) })
    const listed = await runAval(['requests', 'list', '--json'], {
      cwd: folder.path,
      env: { AVAL_HOME: home },
    })
    expect(listed.code).toBe(0)
    expect(await gateway.stop()).toBe(0)
    expect(gateway.stderr()).not.toContain('worker_exited')
  },
  90_000,
)

test('a folder that cannot be made or is a file ends the start with its path and a way out', async () => {
  writeFileSync(join(folder.path, 'file'), '')

  for (const home of [join(folder.path, 'file'), join(folder.path, 'file', 'below'), '/proc/aval']) {
    const ended = await runAval(['serve'], { cwd: folder.path, env: { AVAL_HOME: home, PORT: '0' } })

    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(`AVAL_HOME: the folder ${home} cannot be used`)
    expect(ended.stderr).not.toContain('    at ')
  }
})

const isRoot = process.getuid?.() === 0
test.skipIf(isRoot)(
  `a folder without the right to write ends the start with 2${isRoot ? ' (skipped: root may write anywhere)' : ''}`,
  async () => {
    const home = join(folder.path, 'closed')
    mkdirSync(home, { mode: 0o500 })
    chmodSync(folder.path, 0o500)

    const ended = await runAval(['serve'], { cwd: '/', env: { AVAL_HOME: join(home, 'below'), PORT: '0' } })

    chmodSync(folder.path, 0o700)
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be used') })
  },
)

test('commands that only look leave no folder behind', async () => {
  await Promise.all([
    runAval(['check'], { cwd: folder.path }),
    runAval(['doctor'], { cwd: folder.path }),
    runAval(['requests', 'list'], { cwd: folder.path }),
  ])

  expect(existsSync(join(folder.path, '.aval'))).toBe(false)
})
