/** /api/shadows and `aval shadow`: who may start and stop one, what stands on the log before, and what people read. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { projectIdOf } from '../../../src/keys/project.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { OPEN } from '../../../src/promotion/policy.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { commandLine } from '../../support/command-line.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { seedModel } from '../../support/registry.ts'

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database)
  const deps = { db: database.db, clock: systemClock }
  const projectId = projectIdOf('default')
  const author = { id: 'vk_author', name: 'ada', projectId, person: 'ada' }
  await seedModel(database.db, { projectId, name: 'small', content: { upstream: 'up', model: 'small-1' } })
  const nothing = { from: null, prompt: null, retries: null, index: null, retrieval: null }
  const models = [{ ref: 'small', weight: null }]
  for (const seed of [1, 2, 3]) {
    await createRelease(deps, author, { route: 'answer', ...nothing, models, parameters: { seed } })
  }
  const production = { label: 'production', to: 1, canary: null, expected: null, reason: 'a test' }
  await moveLabel(deps, author, OPEN, { route: 'answer', ...production })
})
afterAll(async () => {
  await server?.close()
  await database?.close()
})

async function call(role: Role, method: string, path: string, body?: object) {
  const answer = await fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.keyOf('default', role).token}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
}

const aval = (...words: string[]) =>
  commandLine(words, { url: server.url, key: server.keyOf('default', 'engineer').token }, { directory: '.' })

const wanted = { route: 'answer', release: 'r2', percent: 5, budget_usd: '2', reason: 'new prompt' }

test('says what to do while there is none', async () => {
  const { exitCode, out } = await aval('shadow', 'list')

  expect([exitCode, out]).toEqual([0, expect.stringContaining('aval shadow start <route> <release>')])
})

test.each<[string, object, string]>([
  ['no share', { percent: 0 }, 'percent'],
  ['more than all', { percent: 101 }, 'percent'],
  ['no budget', { budget_usd: '0' }, 'budget_usd'],
  ['a budget that is none', { budget_usd: 'two' }, 'budget_usd'],
  ['a month and more', { duration_seconds: 2_592_001 }, 'duration_seconds'],
  ['no reason', { reason: ' ' }, 'reason'],
])('%s is refused by name', async (_what, more, param) => {
  const { status, json } = await call('engineer', 'POST', '/shadows', { ...wanted, ...more })

  expect([status, json.error]).toEqual([400, expect.objectContaining({ param })])
})

test('is started, shown and stopped, each change on the log before it', async () => {
  const from = server.records.length
  const started = await aval(
    ...['shadow', 'start', 'answer', 'r2', '--sample', '5%', '--budget', '2', '--for', '2h'],
    ...['--reason', 'new prompt'],
  )
  const id = /shd_\w+/.exec(started.out)?.[0] ?? ''
  const list = await aval('shadow', 'list', 'answer')
  const shown = await aval('shadow', 'show', id)
  const stopped = await aval('shadow', 'stop', id, '--reason', 'seen enough')
  const after = JSON.parse((await aval('shadow', 'show', id, '--json')).out) as object
  const again = await aval('shadow', 'stop', id, '--reason', 'seen enough')

  expect(started.exitCode).toBe(0)
  expect(started.out).toContain('mirrors 5 % of answer@production to r2, for at most $2.00')
  expect(list.out).toMatch(/answer@production\s+r2\s+5 %\s+\$2\.00\s+running/)
  expect(shown.out).toContain('0; 0 dropped, 0 skipped')
  expect(shown.out).toContain('$0.00 of $2.00')
  expect(stopped.out).toContain(`${id} mirrors nothing more`)
  expect(after).toMatchObject({ state: 'stopped', stop_reason: 'seen enough', percent: 5, budget_usd: '2' })
  expect([again.exitCode, again.err]).toEqual([
    expect.any(Number),
    expect.stringContaining('is stopped already'),
  ])
  expect(again.exitCode).not.toBe(0)
  const recorded = server.records.slice(from).map(({ action, target, purpose }) => [action, target, purpose])
  expect(recorded.slice(0, 2)).toEqual([
    ['shadow.start', 'answer@production', 'new prompt'],
    ['shadow.stop', id, 'seen enough'],
  ])
})

test('a list names the candidate of each', async () => {
  for (const release of ['r2', 'r3']) {
    const { json } = await call('engineer', 'POST', '/shadows', { ...wanted, release })
    await call('engineer', 'POST', `/shadows/${json.id}/stop`, { reason: 'seen enough' })
  }
  const { json } = await call('auditor', 'GET', '/shadows?limit=2')

  expect(json.data).toMatchObject([{ release: 'r3' }, { release: 'r2' }])
})

test('is shown with what is known where its calls are too many to be read in time', async () => {
  const { json } = await call('engineer', 'POST', '/shadows', wanted)
  const { figuresOf } = server.deps.shadows
  server.deps.shadows.figuresOf = async () => ({
    spending: { sent: 9_000_000, spent: 1_500_000n, unpriced: 0 },
    outcomes: null,
    latencies: null,
  })
  const some = await aval('shadow', 'show', String(json.id))
  server.deps.shadows.figuresOf = async () => ({ spending: null, outcomes: null, latencies: null })
  const none = await aval('shadow', 'show', String(json.id))
  const wire = await call('auditor', 'GET', `/shadows/${json.id}`)
  server.deps.shadows.figuresOf = figuresOf

  expect(some.out).toMatch(/sent +9000000; 0 dropped/)
  expect(some.out).toMatch(
    /outcomes +unknown: too many calls to be read in time\nspent +\$1\.50 of \$2\.00\n/,
  )
  expect(none.out).toMatch(/spent +unknown: too many.*\napp took +unknown: too many/)
  expect(wire).toMatchObject({
    status: 200,
    json: { state: 'running', sent: null, spent_usd: null, unpriced: null, outcomes: null, latency: null },
  })
})

test.each([
  [['--sample', 'some', '--budget', '2'], /is no share/],
  [['--sample', '5%', '--budget', '2', '--for', 'ever'], /is no time/],
])('the command line refuses %j', async (words, why) => {
  const { exitCode, err } = await aval('shadow', 'start', 'answer', 'r2', ...words, '--reason', 'x')

  expect([exitCode, err]).toEqual([2, expect.stringMatching(why)])
})
