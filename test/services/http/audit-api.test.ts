/** Erasures, holds, events and usage over HTTP and as commands: what each person may do, and what they see. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CliDeps } from '../../../src/cli/root.ts'
import { runCli } from '../../../src/cli/run.ts'
import { createDatasetActions } from '../../../src/dataset-actions.ts'
import { createEvalActions } from '../../../src/eval-actions.ts'
import { KEEP_ALL, rollUpOnce } from '../../../src/monitoring/rollups/roll-up.ts'
import { createPromptActions } from '../../../src/prompt-actions.ts'
import { createSyncActions } from '../../../src/sync-actions.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { noAuditActions } from '../../support/audit-actions.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { logRow } from '../../support/log-row.ts'
import { noQualityActions } from '../../support/quality-actions.ts'
import { ship } from '../../support/rollup-log.ts'

const REQUEST = 'req_01kb000000000000000000000a'

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  const attempt = { upstream: 'up', model: 'gpt', startedMs: 0, durationMs: 1, status: 200 }
  const nothing = { error: null, detail: null, upstreamRequestId: null }
  server = await startApiServer(database, {
    rows: [
      logRow({ id: REQUEST, attempts: [{ ...attempt, ...nothing, sentDigest: 'ab'.repeat(32) }] }),
      logRow({ id: 'req_none' }),
    ],
  })
})
afterAll(async () => {
  await server.close()
  await database.close()
})
beforeEach(async () => {
  await database.sql`DELETE FROM erasures`
  await database.sql`DELETE FROM legal_holds`
  server.records.length = 0
})

type Role = Parameters<ApiServer['keyOf']>[1]

/** `Answer` is what the caller reads of the JSON. */
async function call<Answer>(role: Role, method: string, path: string, body?: object) {
  const answer = await fetch(`${server.url}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${server.keyOf('default', role).token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: (await answer.json()) as Answer }
}

async function aval(role: Role, ...words: string[]) {
  const output = { out: '', err: '' }
  const deps: CliDeps = {
    version: '0.1.0',
    settings: { url: server.url, key: server.keyOf('default', role).token },
    terminal: {
      write: (text) => {
        output.out += text
      },
      writeError: (text) => {
        output.err += text
      },
      interactive: false,
      colors: false,
      columns: 120,
      timeZone: 'UTC',
      ask: async () => null,
      confirm: async () => false,
      progressStream: process.stderr,
    },
    actions: {
      serve: async () => 0,
      work: async () => 0,
      migrate: async () => 0,
      check: async () => 0,
      selfCheck: async () => [],
      audit: noAuditActions(),
      prompts: createPromptActions('.'),
      retrieval: async () => ({ sources: [], indexes: [] }),
      policies: { check: async () => [] },
      quality: noQualityActions(),
      datasets: createDatasetActions('.'),
      evals: createEvalActions('.'),
      sync: createSyncActions('.'),
    },
    nowMs: () => 1000,
  }
  return { exitCode: await runCli(deps, words), ...output }
}

const ask = () => call<{ id: string }>('admin', 'POST', '/erasures', { subject: 'alice', reason: 'Art. 17' })

describe('an erasure over HTTP', () => {
  test('is asked for by one key and approved by another', async () => {
    const asked = await ask()
    const own = await call('admin', 'POST', `/erasures/${asked.json.id}/approve`)
    const done = await call('approver', 'POST', `/erasures/${asked.json.id}/approve`)
    const again = await call('approver', 'POST', `/erasures/${asked.json.id}/approve`)

    expect(asked).toMatchObject({ status: 201, json: { state: 'open', rows: 0, data_keys: 0 } })
    expect(own).toMatchObject({ status: 403, json: { error: { code: 'permission_denied' } } })
    expect(done).toMatchObject({ status: 200, json: { state: 'executed', rows_erased: 0 } })
    expect(again).toMatchObject({ status: 409, json: { error: { code: 'conflict' } } })
  })

  test('is not approved with a second key of who asked, whatever it is called', async () => {
    const asked = await ask()
    const make = async (name: string, owner?: string) => {
      const body = { name, roles: ['approver'], ...(owner && { owner }) }
      const made = await call<{ token: string; owner: string }>('admin', 'POST', '/keys', body)
      return made.json
    }
    const second = await make('night shift')
    const bob = await make('day shift', 'bob')
    await server.keyring.refresh()
    const approve = async (token: string) => {
      const url = `${server.url}/api/erasures/${asked.json.id}/approve`
      const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
      return { status: answer.status, text: await answer.text() }
    }

    const refused = await approve(second.token)
    const done = await approve(bob.token)

    expect(second.owner).toBe(server.keyOf('default', 'admin').id)
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('Only another person than') })
    expect(done.status).toBe(200)
  })

  test('leaves every step on the log, and the name of the user on none of them', async () => {
    const { json } = await ask()
    await call('approver', 'POST', `/erasures/${json.id}/approve`)
    await call('auditor', 'GET', '/requests?subject=alice')
    await call('auditor', 'GET', '/requests/count?subject=alice')
    await call('auditor', 'GET', '/events?subject=alice')

    expect(server.records.map(({ action }) => action)).toEqual([
      'erasure.request',
      'erasure.approve',
      'subject.erase',
      'subject.erased',
      'requests.list',
      'requests.count',
      'events.list',
    ])
    const named = JSON.stringify(server.records).replaceAll('sub_of_prj_default_alice', '')
    expect(named).not.toContain('alice')
  })

  test('under a hold is a 409 that says why, and the hold ends by another person alone', async () => {
    const { json: hold } = await call<{ id: string }>('admin', 'POST', '/holds', {
      subject: null,
      reason: 'case 17',
    })
    const asked = await ask()
    const released = await call('admin', 'POST', `/holds/${hold.id}/release`, { reason: 'over' })

    expect(asked).toMatchObject({
      status: 409,
      json: { error: { code: 'legal_hold', message: expect.stringContaining('case 17') } },
    })
    expect(released.status).toBe(403)
  })

  test.each([
    ['/erasures', { reason: 'x y z' }, 'subject'],
    ['/erasures', { subject: 'a', reason: ' ' }, 'reason'],
    ['/holds', { reason: 'x y z' }, 'subject'],
    ['/holds', { subject: 'a', reason: 'x y z', resaon: '' }, 'resaon'],
  ])('POST %s with %j is refused by name', async (path, body, param) => {
    const answer = await call('admin', 'POST', path, body)

    expect(answer).toMatchObject({ status: 400, json: { error: { param } } })
  })
})

test.each([
  ['/events?kind=reads', 'access'],
  ['/events?action=a b', 'requests.show'],
  ['/events?tagret=x', 'Did you mean "target"?'],
  ['/usage?group_by=model,user', 'key, project, route'],
  ['/usage?since=1d&until=2d', 'since is later'],
  ['/spend?group_by=route,user', 'route, model, key'],
  ['/spend?month=2026-13', 'a month such as'],
  ['/spend?month=2099-01', 'has not begun'],
  ['/spend?month=2026-01&since=7d', 'its own beginning'],
  ['/spend?since=2099-01-01', 'since is in the future'],
  ['/spend?since=2099-02-01&until=2099-01-01', 'since is later'],
  ['/requests?failed=yes', 'true'],
])('a wrong filter of %s is refused by name', async (path, message) => {
  const answer = await call<{ error: { message: string } }>('auditor', 'GET', path)

  expect(answer.status).toBe(400)
  expect(answer.json.error.message).toContain(message)
})

test('the filters for failures of an upstream arrive as typed values', async () => {
  await call('auditor', 'GET', '/requests?upstream=azure&failed=true')

  expect(server.filters.at(-1)).toMatchObject({ upstream: 'azure', failed: true })
})

test('every read of events, usage and what was sent is recorded with its purpose', async () => {
  await call('auditor', 'GET', '/events?kind=admin&purpose=case 17')
  await call('auditor', 'GET', '/usage?group_by=day&purpose=case 17')
  await call('auditor', 'GET', `/requests/${REQUEST}/rebuild?purpose=case 17`)

  expect(server.records).toMatchObject([
    { kind: 'access', action: 'events.list', purpose: 'case 17', detail: { filters: { kind: 'admin' } } },
    { kind: 'access', action: 'usage.show', purpose: 'case 17' },
    { kind: 'access', action: 'requests.rebuild', target: REQUEST, purpose: 'case 17' },
  ])
})

describe('as commands', () => {
  test('one person asks, the list shows it, another approves', async () => {
    const asked = await aval('admin', 'audit', 'erase', '--subject', 'alice', '--reason', 'Art. 17')
    const id = /ers_\w+/.exec(asked.out)?.[0] ?? ''
    const alone = await aval('approver', 'audit', 'erasures', 'approve', id)
    const own = await aval('admin', 'audit', 'erasures', 'approve', id, '--yes')
    const done = await aval('approver', 'audit', 'erasures', 'approve', id, '--yes')
    const list = await aval('auditor', 'audit', 'erasures', 'list')

    expect(asked.out).toContain('Nothing is gone yet.')
    expect(alone).toMatchObject({ exitCode: 2, err: expect.stringContaining('add --yes') })
    expect(own).toMatchObject({ exitCode: 2, err: expect.stringContaining('Only another person') })
    expect(done).toMatchObject({ exitCode: 0, out: expect.stringContaining('is erased') })
    expect(list.out).toMatch(new RegExp(`${id}.*executed.*default admin.*default approver.*Art. 17`))
  })

  test('an erasure is taken back', async () => {
    const { json } = await ask()

    const rejected = await aval('admin', 'audit', 'erasures', 'reject', json.id)

    expect(rejected.out).toBe(`${json.id} is rejected. Nothing was erased.\n`)
  })

  test('a hold is placed on one thing, listed, and not released by whoever placed it', async () => {
    const both = await aval(
      'admin',
      'audit',
      'hold',
      'place',
      '--subject',
      'a',
      '--project',
      '--reason',
      'x y',
    )
    const placed = await aval('admin', 'audit', 'hold', 'place', '--project', '--reason', 'case 17')
    const id = /hold_\w+/.exec(placed.out)?.[0] ?? ''
    const list = await aval('auditor', 'audit', 'hold', 'list')
    const released = await aval('admin', 'audit', 'hold', 'release', id, '--reason', 'over')

    expect(both).toMatchObject({ exitCode: 2, err: expect.stringContaining('one of --subject') })
    expect(list.out).toMatch(new RegExp(`${id}.*project.*case 17`))
    expect(released).toMatchObject({ exitCode: 2, err: expect.stringContaining('Only another person') })
  })

  test('events and usage say what to do when there is nothing', async () => {
    expect((await aval('auditor', 'audit', 'events', 'list')).out).toContain('No event matches.')
    expect((await aval('auditor', 'requests', 'usage')).out).toContain('--since 90d')
  })

  test('what cannot be rebuilt says why', async () => {
    const shown = await aval('auditor', 'requests', 'show', REQUEST, '--rebuild')
    const none = await aval('auditor', 'requests', 'show', 'req_none', '--rebuild')

    expect(shown.out).toContain('not rebuilt. The kept body is no longer a request')
    expect(shown.out).toContain('ab'.repeat(32))
    expect(none).toMatchObject({ exitCode: 2, err: expect.stringContaining('nothing went upstream') })
  })
})

test('spend is of the own project, recorded, and shown as a table with what is left open', async () => {
  const empty = await aval('auditor', 'spend')
  const [own] = await database.sql<{ project: string }[]>`
    SELECT project_id AS project FROM virtual_keys WHERE id = ${server.keyOf('default', 'auditor').id}`
  const projectId = own?.project ?? null
  await ship(database.sql, '0193f0d2-0000-7000-8000-000000000000', [
    { open: { projectId }, close: { costMicroUsd: 2_345_678, price: 'list/1' } },
    { open: { projectId, route: 'other' }, close: { costMicroUsd: 1_000_000, price: 'list/1' } },
    { open: { projectId, route: 'other' } },
    { open: { projectId: 'prj_elsewhere' }, close: { costMicroUsd: 9, price: 'list/1' } },
  ])
  await rollUpOnce(database.sql, () => KEEP_ALL, 1000)
  server.records.length = 0

  const answer = await call('auditor', 'GET', '/spend?group_by=route&purpose=case 17')
  const { out, exitCode } = await aval('auditor', 'spend', '--by', 'route')
  const until = await call('auditor', 'GET', '/spend?until=2020-03-02T00:00:00Z')

  expect(empty.out).toContain('No requests in this time.')
  expect(answer.json).toMatchObject({
    data: [
      { group: { route: 'support-answer' }, cost_usd: '2.345678', unpriced: 0 },
      { group: { route: 'other' }, cost_usd: '1', unpriced: 1 },
    ],
    total: { cost_usd: '3.345678', requests: 3 },
    forecast: { total_usd: null, refused: 'too_few_days' },
  })
  expect(server.records[0]).toMatchObject({ kind: 'access', action: 'spend.show', purpose: 'case 17' })
  expect(until.json).toMatchObject({ since: '2020-02-01T00:00:00.000Z', until: '2020-03-02T00:00:00.000Z' })
  expect(exitCode).toBe(0)
  expect(out).toMatch(/support-answer +\$2\.35 +70\.1 % +1 /)
  expect(out).toContain('UNPRICED: 1 requests went to an upstream')
  expect(out).toContain('no forecast, because fewer than seven whole days are known')
})
