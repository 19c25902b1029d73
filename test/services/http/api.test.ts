import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Role } from '../../../src/keys/key.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { type ApiServer, startApiServer } from '../../support/api-server.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { ATTEMPT, logRow } from '../../support/log-row.ts'

let database: TestDatabase
let server: ApiServer

beforeAll(async () => {
  database = await testDatabase()
  server = await startApiServer(database, {
    rows: [
      logRow({ id: 'req_1', attempts: [ATTEMPT] }),
      logRow({ id: 'req_2', responseBody: Buffer.from([0xff, 0x00]) }),
      logRow({ id: 'req_other', projectId: 'prj_other' }),
    ],
    declared: [
      {
        name: 'moved',
        owner: null,
        secret: new Secret('sk-abcdefghijklmnopqrstuvwxyz0123456789', 'env:MOVED'),
        roles: ['app'],
        project: null,
        routes: null,
        expiresAtMs: null,
        rpm: null,
        concurrency: null,
      },
    ],
  })
})
afterAll(async () => {
  await server.close()
  await database.close()
})

async function call(token: string | null, method: string, path: string, body?: unknown, headers = {}) {
  const answer = await fetch(server.url + path, {
    method,
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, text, headers: answer.headers, json: safeJson(text) }
}

function safeJson(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const as = (role: Role, project: 'default' | 'other' = 'default') => server.keyOf(project, role).token

test('lists show the own project alone', async () => {
  const keys = await call(as('admin', 'other'), 'GET', '/api/keys?limit=200')
  const requests = await call(as('auditor', 'other'), 'GET', '/api/requests')

  expect(new Set(keys.json.data.map((key: { project: string }) => key.project))).toEqual(new Set(['other']))
  expect(requests.json.data.map((row: { id: string }) => row.id)).toEqual(['req_other'])
})

test('unknown, wrong, expired, revoked and wrong-project keys get one and the same 401', async () => {
  const revoked = await call(as('admin'), 'POST', '/api/keys', { name: 'gone', roles: ['admin'] })
  await call(as('admin'), 'DELETE', `/api/keys/${revoked.json.id}`)
  const expired = await call(as('admin'), 'POST', '/api/keys', {
    name: 'old',
    roles: ['admin'],
    expires_in: '1ms',
  })
  await server.keyring.refresh()
  const good = as('admin')

  const answers = [
    await call(null, 'GET', '/api/keys'),
    await call(`vk_01kb0000000000000000000000_${'a'.repeat(43)}`, 'GET', '/api/keys'),
    await call(`${good.slice(0, -1)}${good.endsWith('a') ? 'b' : 'a'}`, 'GET', '/api/keys'),
    await call(revoked.json.token, 'GET', '/api/keys'),
    await call(expired.json.token, 'GET', '/api/keys'),
    await call(good, 'GET', '/api/keys', undefined, { 'x-aval-project': 'other' }),
  ]

  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 401))
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
  expect(new Set(answers.map((answer) => answer.headers.get('www-authenticate')))).toEqual(
    new Set(['Bearer']),
  )
})

test('a key is made, used, rotated and revoked, and its token is shown once', async () => {
  const made = await call(as('admin'), 'POST', '/api/keys', {
    name: 'web-shop',
    routes: ['support-*'],
    rpm: 600,
    expires_in: '90d',
  })
  await server.keyring.refresh()

  expect(made.status).toBe(201)
  expect(made.json).toMatchObject({
    roles: ['app'],
    routes: ['support-*'],
    rpm: 600,
    state: 'active',
    project: 'default',
  })
  expect(server.keyring.authenticate(`Bearer ${made.json.token}`)?.name).toBe('web-shop')
  const shown = await call(as('auditor'), 'GET', `/api/keys/${made.json.id}`)
  expect(shown.text).not.toContain('token')
  const rotated = await call(as('admin'), 'POST', `/api/keys/${made.json.id}/rotate`, { overlap: '2h' })
  expect(rotated.json.replaced).toMatchObject({
    id: made.json.id,
    state: 'expiring',
    replaced_by: rotated.json.id,
  })
  const again = await call(as('admin'), 'POST', `/api/keys/${made.json.id}/rotate`, {})
  expect(again.json.error).toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(rotated.json.id),
  })
})

test('a key of aval.yaml is listed, and changed only there', async () => {
  const list = await call(as('admin'), 'GET', '/api/keys')
  const revoked = await call(as('admin'), 'DELETE', '/api/keys/cfg_moved')

  expect(list.json.data[0]).toMatchObject({ id: 'cfg_moved', source: 'aval.yaml', state: 'active' })
  expect(revoked.status).toBe(409)
})

test.each([
  [
    'an unknown field',
    { name: 'x', rolse: ['app'] },
    'unsupported_parameter',
    'rolse',
    'Did you mean "roles"?',
  ],
  ['a missing name', {}, 'missing_required_parameter', 'name', 'name'],
  ['a wrong type', { name: 5 }, 'invalid_type', 'name', 'expected string'],
  ['an unknown role', { name: 'x', roles: ['root'] }, 'invalid_value', 'roles.0', 'admin'],
  ['a wrong duration', { name: 'x', expires_in: 'soon' }, 'invalid_value', 'expires_in', '24h'],
  ['broken JSON', '{"name":', 'invalid_json', null, 'not valid JSON'],
  ['too much', { name: 'x'.repeat(70_000) }, 'body_too_large', null, '65536'],
])('a new key with %s is refused by name', async (_, body, code, param, message) => {
  const answer = await call(as('admin'), 'POST', '/api/keys', body)

  expect(answer.json.error).toMatchObject({ code, param, message: expect.stringContaining(message) })
})

test('filters of the log arrive as typed values', async () => {
  const path =
    '/api/requests?since=7d&until=2026-11-23T13:00:00Z&key_owner=web-shop&status=429&outcome=upstream_cut&stream=true&limit=10'
  const answer = await call(as('auditor'), 'GET', path.replace('2026-11-23T13:00:00Z', '1m'))

  expect(answer.status).toBe(200)
  expect(server.filters.at(-1)).toMatchObject({
    scope: { projectId: 'prj_default', unowned: true },
    keyName: 'web-shop',
    status: { from: 429, to: 429 },
    outcome: 'upstream_cut',
    stream: true,
    limit: 10,
  })
  const { sinceMs, untilMs } = server.filters.at(-1)!
  expect(untilMs! - sinceMs!).toBeCloseTo(7 * 86_400_000 - 60_000, -2)
})

test.each([
  ['?rotue=x', 'Unknown filter "rotue". Did you mean "route"?'],
  ['?since=yesterday', 'Write an ISO 8601 time'],
  ['?outcome=cut', 'upstream_cut'],
  ['?limit=201', '200'],
  ['?limit=abc', 'whole number'],
  ['?status=abc', 'status'],
  ['?since=1d&until=2d', 'since is later than until'],
])('a wrong filter %s is refused by name', async (query, message) => {
  const answer = await call(as('auditor'), 'GET', `/api/requests${query}`)

  expect(answer.status).toBe(400)
  expect(answer.json.error.message).toContain(message)
})

test('a request shows its attempts and both bodies, bytes as base64', async () => {
  const text = await call(as('auditor'), 'GET', '/api/requests/req_1')
  const bytes = await call(as('auditor'), 'GET', '/api/requests/req_2')

  expect(text.json.attempts).toMatchObject([
    { upstream: 'openai', started_ms: 3, upstream_request_id: 'up-1' },
  ])
  expect(text.json).toMatchObject({
    request_body: '{"model":"support-answer"}',
    request_body_encoding: 'utf8',
  })
  expect(bytes.json).toMatchObject({ response_body: '/wA=', response_body_encoding: 'base64' })
})

test('a pull that fails on the way ends with an error line', async () => {
  const answer = await call(as('admin'), 'POST', '/api/models/pull', { name: 'no/such' })

  const lines = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines[0]).toEqual({ received_bytes: 10, total_bytes: 100 })
  expect(lines.at(-1).error.message).toContain('models/no/such')
})

test('an unknown path says where the list is, and every answer has a request id', async () => {
  const answer = await call(as('app'), 'GET', '/api/nothing')

  expect(answer.json.error).toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('/api/openapi.json'),
  })
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
})
