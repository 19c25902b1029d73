/** Promotions as people type them, over /api and a real database. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { advancePromotion } from '../../../src/promotion/requests/advance.ts'
import { act, acting, anOpenAlert } from '../../support/alert-actions.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { aDataset, echo, execute, numbered, scriptedAsk } from '../../support/eval-runs.ts'
import { CAREFUL, releaseOf, suiteOf } from '../../support/promoted.ts'
import { advanceDeps } from '../../support/promotions.ts'

const ROUTE = 'typed'
const SUITES = { numbers: suiteOf(ROUTE) }
const folder = mkdtempSync(join(tmpdir(), 'aval-promotions-'))
let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  const policies = { [`${ROUTE}@production`]: CAREFUL }
  server = await startApiServer(database, { policies, suites: SUITES })
  await aDataset(database, ROUTE, numbered(100))
  for (let made = 0; made < 3; made += 1) await releaseOf(database, ROUTE)
  for (const role of ['approver', 'engineer'] as const) {
    writeFileSync(join(folder, role), `${server.keyOf('default', role).token}\n`)
  }
})
afterAll(async () => {
  await server.close()
  await database.close()
  rmSync(folder, { recursive: true })
})

const aval = (role: Role, ...words: string[]) =>
  commandLine(words, { url: server.url, key: server.keyOf('default', role).token }, { directory: folder })

/** Makes every run that was rung for, in which r3 answers nothing rightly, and takes the promotion on. */
async function worked(id: string): Promise<void> {
  for (const bell of server.rung.splice(0)) {
    const [, runId = ''] = bell.split(' ')
    const [run] = await database.sql<{ subject: string }[]>`SELECT subject FROM eval_runs WHERE id = ${runId}`
    const ask = scriptedAsk((question) => (run?.subject.endsWith('@r3') ? 'no idea' : echo(question))).ask
    await execute(database, runId, ask)
  }
  await advancePromotion(advanceDeps(database, SUITES), id)
}
const idIn = (text: string) => /prm_[0-9a-z]{26}/.exec(text)?.[0] ?? ''

test('a label that has a policy is promoted with evidence, by somebody else’s approval, and taken back', async () => {
  const set = await aval('admin', 'label', 'set', `${ROUTE}@production`, 'r1', '--reason', 'x', '--yes')
  expect(set).toMatchObject({
    exitCode: 104,
    err: expect.stringContaining('aval promote typed r1 --to production'),
  })

  const asked = await aval('engineer', 'promote', ROUTE, 'r1')
  expect(asked).toMatchObject({ exitCode: 0, out: expect.stringMatching(/Evidence is gathered: run_/) })
  const id = idIn(asked.out)
  await worked(id)

  const shown = await aval('auditor', 'promotion', 'show', id)
  expect(shown.out).toMatch(/verdict: pass, one-sided at 0.05/)
  expect(shown.out).toMatch(/numbers {2}equals .*at_least 0.8 .*pass/)
  const answer = ['approve', id, '--reason', 'seen', '--yes']
  const silent = await aval('approver', ...answer)
  expect(silent).toMatchObject({ exitCode: 2, err: expect.stringContaining('--key-file') })
  const other = await aval('approver', ...answer, '--key-file', join(folder, 'engineer'))
  expect(other).toMatchObject({ exitCode: 2, err: expect.stringContaining('takes the key once more') })
  const approved = await aval('approver', ...answer, '--key-file', join(folder, 'approver'))
  expect(approved).toMatchObject({ exitCode: 0, out: expect.stringContaining('typed@production serves r1.') })

  const second = await aval('engineer', 'promote', ROUTE, 'r2', '--reason', 'better')
  await worked(idIn(second.out))
  const { out } = await aval('engineer', 'promotion', 'list', '--live')
  expect(out).toMatch(/typed@production +r1 +r2 +waiting/)
  const rejected = await aval(
    'approver',
    ...['reject', idIn(second.out), '--reason', 'not yet', '--yes', '--key-file', join(folder, 'approver')],
  )
  expect(rejected).toMatchObject({ exitCode: 0, out: expect.stringContaining('rejected it: not yet') })
  expect(await aval('engineer', 'rollback', ROUTE, '--yes')).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('served nothing before'),
  })
})

test('a release that is worse ends with 104 and the number, in JSON as well', async () => {
  const asked = await aval('engineer', 'promote', ROUTE, 'r3', '--json')
  const { id } = JSON.parse(asked.out) as { id: string }
  await worked(id)

  const waited = await aval('engineer', 'promotion', 'show', id)
  const again = await aval('engineer', 'promote', ROUTE, 'r3', '--wait')

  expect(waited.out).toMatch(/refused/)
  expect(again).toMatchObject({
    exitCode: 104,
    err: expect.stringMatching(/policy careful \(fail\): numbers, equals: at least 0.8/),
  })
  expect(again.err.match(/at least 0.8/g)).toHaveLength(1)
})

test('a label that an alert has frozen refuses with 104, and says which alert and what to do', async () => {
  const id = await anOpenAlert(database, ROUTE)
  await act(database, id, acting({ actions: ['freeze'] }))

  const refused = await aval('engineer', 'promote', ROUTE, 'r2', '--reason', 'better')

  expect(refused).toMatchObject({
    exitCode: 104,
    err: expect.stringContaining(
      `nothing moves while it is frozen by alert ${id} (latency_p95 of ${ROUTE}), as long as that is open. See it: aval alerts show ${id}; end the freeze: aval alerts ack ${id} --note "…"`,
    ),
  })
  const shown = await aval('auditor', 'alerts', 'show', id)
  expect(shown.out).toMatch(
    /freeze +typed@production +done .* Nothing moves typed@production while the alert is open/,
  )
  const acked = await aval('approver', 'alerts', 'ack', id, '--note', 'the upstream was slow')
  expect(acked.exitCode).toBe(0)
  const asked = await aval('engineer', 'promote', ROUTE, 'r2', '--reason', 'better', '--json')
  expect(asked.exitCode).toBe(0)
  const { id: promotion } = JSON.parse(asked.out) as { id: string }
  await aval('engineer', 'promotion', 'withdraw', promotion, '--reason', 'a test')
})

test('what has not moved anybody is withdrawn by who asked, and by nobody else but an admin', async () => {
  const { out } = await aval('engineer', 'promote', ROUTE, 'r2', '--reason', 'once more')
  const words = ['promotion', 'withdraw', idIn(out), '--reason', 'the wrong one']

  expect(await aval('approver', ...words)).toMatchObject({ exitCode: 2 })
  expect(await aval('engineer', ...words)).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining('withdrew it'),
  })
  expect(await aval('engineer', ...words)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('is withdrawn'),
  })
})

test('breaking the glass is asked of admins, and is no approver’s to agree to', async () => {
  const words = ['promote', ROUTE, 'r3', '--break-glass', '--reason', 'it burns', '--yes']
  expect(await aval('engineer', ...words)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('two keys with the role admin'),
  })

  const { out } = await aval('admin', ...words)
  expect(out).toContain('Waits for 1 approval (admin)')
  const answer = ['approve', idIn(out), '--reason', 'x', '--yes', '--key-file', join(folder, 'approver')]
  expect(await aval('approver', ...answer)).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining('approved by the role admin'),
  })
  await aval('admin', 'promotion', 'withdraw', idIn(out), '--reason', 'out')
})

test('policies are listed and explained by their names and by labels, and a slip of the hand is no open label', async () => {
  const list = await aval('auditor', 'policy', 'list')
  const careful = await aval('auditor', 'policy', 'explain', `${ROUTE}@production`)
  const open = await aval('auditor', 'policy', 'explain', `${ROUTE}@staging`)
  const slip = await aval('auditor', 'policy', 'explain', 'tiped@production')

  expect(list.out).toMatch(/careful +typed@production +numbers/)
  expect(careful.out).toContain('The suites numbers pass for exactly the release.')
  expect(open.out).toContain(`${OPEN.name}\n  - Demands nothing`)
  expect(slip).toMatchObject({ exitCode: 2, err: expect.stringContaining('there is no route of that name') })
})

test('empty lists say what to type', async () => {
  const { out } = await aval('engineer', 'promotion', 'list', '--route', 'none-yet')

  expect(out).toContain('aval promote <route> r2 --to production')
})
