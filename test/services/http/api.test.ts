import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestErasure } from '../../../src/audit/erasure/erasures.ts'
import { placeHold } from '../../../src/audit/erasure/holds.ts'
import { createExport } from '../../../src/audit/export/exports.ts'
import { writeExport } from '../../../src/audit/export/write-export.ts'
import { deriveAuditKeys } from '../../../src/audit/privacy/audit-keys.ts'
import { pushDataset, pushItems } from '../../../src/evals/datasets/dataset-versions.ts'
import { createQueue } from '../../../src/evals/reviews/create-queue.ts'
import { importRatings, nextTask } from '../../../src/evals/reviews/review.ts'
import { runBuildIndex } from '../../../src/jobs/build-index.ts'
import { ROLES, type Role } from '../../../src/keys/key.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { Secret } from '../../../src/lib/secret.ts'
import { moveLabel } from '../../../src/promotion/promote.ts'
import { contentOf } from '../../../src/registry/content.ts'
import { createRelease } from '../../../src/registry/releases/create.ts'
import { startShadow } from '../../../src/registry/shadows/shadow.ts'
import { type ApiServer, logRow, startApiServer } from '../../support/api-server.ts'
import { auditSecrets } from '../../support/audit-records.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import { execute, scriptedAsk } from '../../support/eval-runs.ts'
import { seedModel } from '../../support/registry.ts'
import { shippedModels } from '../../support/retrieval.ts'

let database: TestDatabase
const ATTEMPT = {
  upstream: 'openai',
  model: 'gpt-4o-mini',
  startedMs: 3,
  durationMs: 80,
  status: 200,
  error: null,
  detail: null,
  upstreamRequestId: 'up-1',
}

let server: ApiServer
const models = shippedModels()
afterAll(() => models.close())

/** A finished export of the default project, and one of another. */
async function makeExports(): Promise<void> {
  const keys = deriveAuditKeys(auditSecrets().auditKey)
  const deps = { db: database.db, keys, clock: systemClock }
  for (const [id, projectId] of [
    ['exp_own', 'prj_default'],
    ['exp_other', 'prj_other'],
  ] as const) {
    await createExport(deps, {
      id,
      scope: { projectId, unowned: false },
      filters: { sinceMs: 0, untilMs: 1 },
      format: 'jsonl',
      withBodies: false,
      purpose: 'a test',
      createdBy: 'vk_1',
      createdByName: null,
    })
    await writeExport({ ...deps, signal: new AbortController().signal }, id)
  }
}

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
beforeAll(makeExports)
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

const REGISTRY_READERS: readonly Role[] = ['admin', 'engineer', 'approver', 'auditor']

/** Every route with the roles it lets in; a route of the OpenAPI document without a row here fails. */
const MATRIX_SUITE = { dataset: 'set-default', subject: 'local/reader', scorers: ['equals'] }
const MATRIX: {
  route: string
  roles: readonly Role[]
  own: string
  other: string
  /** Made anew for each call where it is a function. */
  body?: unknown
  /** What OWN and OTHER stand for; a key when not given. */
  fresh?: (project: 'default' | 'other') => Promise<string>
}[] = [
  {
    route: 'POST /keys',
    roles: ['admin', 'engineer'],
    own: '/keys',
    other: '/keys',
    body: { name: 'x', roles: ['engineer'] },
  },
  { route: 'GET /keys', roles: ['admin', 'engineer', 'auditor'], own: '/keys', other: '/keys' },
  {
    route: 'GET /keys/{id}',
    roles: ['admin', 'engineer', 'auditor'],
    own: '/keys/OWN',
    other: '/keys/OTHER',
  },
  { route: 'DELETE /keys/{id}', roles: ['admin', 'engineer'], own: '/keys/OWN', other: '/keys/OTHER' },
  {
    route: 'POST /keys/{id}/rotate',
    roles: ['admin', 'engineer'],
    own: '/keys/OWN/rotate',
    other: '/keys/OTHER/rotate',
    body: {},
  },
  { route: 'GET /requests', roles: ['admin', 'auditor'], own: '/requests', other: '/requests' },
  {
    route: 'GET /requests/count',
    roles: ['admin', 'auditor'],
    own: '/requests/count',
    other: '/requests/count',
  },
  {
    route: 'GET /requests/{id}',
    roles: ['admin', 'auditor'],
    own: '/requests/req_1',
    other: '/requests/req_other',
  },
  {
    route: 'GET /requests/{id}/rebuild',
    roles: ['admin', 'auditor'],
    own: '/requests/req_1/rebuild',
    other: '/requests/req_other/rebuild',
  },
  { route: 'GET /events', roles: ['admin', 'auditor'], own: '/events', other: '/events' },
  { route: 'GET /usage', roles: ['admin', 'auditor'], own: '/usage', other: '/usage' },
  {
    route: 'POST /erasures',
    roles: ['admin'],
    own: '/erasures',
    other: '/erasures',
    body: { subject: 'matrix', reason: 'a test' },
  },
  {
    route: 'GET /erasures',
    roles: ['admin', 'approver', 'auditor'],
    own: '/erasures',
    other: '/erasures',
  },
  {
    route: 'POST /erasures/{id}/approve',
    roles: ['admin', 'approver'],
    own: '/erasures/OWN/approve',
    other: '/erasures/OTHER/approve',
    fresh: freshErasure,
  },
  {
    route: 'POST /erasures/{id}/reject',
    roles: ['admin', 'approver'],
    own: '/erasures/OWN/reject',
    other: '/erasures/OTHER/reject',
    fresh: freshErasure,
  },
  {
    route: 'POST /holds',
    roles: ['admin'],
    own: '/holds',
    other: '/holds',
    body: { subject: 'held', reason: 'a test' },
  },
  { route: 'GET /holds', roles: ['admin', 'approver', 'auditor'], own: '/holds', other: '/holds' },
  {
    route: 'POST /holds/{id}/release',
    roles: ['admin'],
    own: '/holds/OWN/release',
    other: '/holds/OTHER/release',
    body: { reason: 'a test' },
    fresh: freshHold,
  },
  { route: 'GET /audit/heads', roles: ['admin', 'auditor'], own: '/audit/heads', other: '/audit/heads' },
  {
    route: 'GET /audit/leaves',
    roles: ['admin', 'auditor'],
    own: '/audit/leaves?writer=01a21301-6d10-7295-861d-be7c3a36d505&from=0&to=1',
    other: '/audit/leaves?writer=01a21301-6d10-7295-861d-be7c3a36d505&from=0&to=1',
  },
  {
    route: 'POST /exports',
    roles: ['auditor'],
    own: '/exports',
    other: '/exports',
    body: { since: '1h', purpose: 'matrix' },
  },
  { route: 'GET /exports', roles: ['auditor'], own: '/exports', other: '/exports' },
  { route: 'GET /exports/{id}', roles: ['auditor'], own: '/exports/exp_own', other: '/exports/exp_other' },
  {
    route: 'GET /exports/{id}/files/{name}',
    roles: ['auditor'],
    own: '/exports/exp_own/files/manifest.json',
    other: '/exports/exp_other/files/manifest.json',
  },
  { route: 'GET /models', roles: ['admin', 'engineer', 'auditor'], own: '/models', other: '/models' },
  {
    route: 'POST /models/pull',
    roles: ['admin'],
    own: '/models/pull',
    other: '/models/pull',
    body: { name: 'a/b' },
  },
  {
    route: 'DELETE /models/{name}',
    roles: ['admin'],
    own: '/models/Xenova%2Ftiny',
    other: '/models/Xenova%2Ftiny',
  },
  {
    route: 'POST /releases',
    roles: ['admin', 'engineer'],
    own: '/releases',
    other: '/releases',
    body: { route: 'matrix', models: [{ model: 'matrix' }] },
    fresh: freshRelease,
  },
  {
    route: 'GET /releases',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/releases',
    other: '/releases',
  },
  {
    route: 'GET /releases/{route}/{release}',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/releases/OWN/r1',
    other: '/releases/OTHER/r1',
    fresh: freshRelease,
  },
  {
    route: 'GET /releases/{route}/{release}/card',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/releases/OWN/r1/card',
    other: '/releases/OTHER/r1/card',
    fresh: freshRelease,
  },
  {
    route: 'GET /labels',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/labels',
    other: '/labels',
  },
  {
    route: 'PUT /labels/{route}/{label}',
    roles: ['admin'],
    own: '/labels/OWN/production',
    other: '/labels/OTHER/production',
    body: { release: 'r1', reason: 'a test' },
    fresh: freshRelease,
  },
  {
    route: 'POST /shadows',
    roles: ['admin', 'engineer'],
    own: '/shadows',
    other: '/shadows',
    body: () => ({ route: shadowed(), release: 'r2', percent: 5, budget_usd: '2', reason: 'a test' }),
    fresh: routeToShadow,
  },
  { route: 'GET /shadows', roles: REGISTRY_READERS, own: '/shadows', other: '/shadows' },
  {
    route: 'GET /shadows/{id}',
    roles: REGISTRY_READERS,
    own: '/shadows/OWN',
    other: '/shadows/OTHER',
    fresh: freshShadow,
  },
  {
    route: 'POST /shadows/{id}/stop',
    roles: ['admin', 'engineer'],
    own: '/shadows/OWN/stop',
    other: '/shadows/OTHER/stop',
    body: { reason: 'a test' },
    fresh: freshShadow,
  },
  {
    route: 'GET /decisions',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/decisions',
    other: '/decisions',
  },
  {
    route: 'POST /prompts',
    roles: ['admin', 'engineer'],
    own: '/prompts',
    other: '/prompts',
    body: { name: 'matrix', content: 'messages: [{ role: user, content: hello }]' },
  },
  {
    route: 'GET /prompts',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/prompts',
    other: '/prompts',
  },
  {
    route: 'GET /prompts/{name}',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/prompts/OWN',
    other: '/prompts/OTHER',
    fresh: pushedPrompt,
  },
  {
    route: 'GET /prompts/{name}/versions/{version}',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/prompts/OWN/versions/1',
    other: '/prompts/OTHER/versions/1',
    fresh: pushedPrompt,
  },
  {
    route: 'POST /prompts/{name}/versions/{version}/render',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/prompts/OWN/versions/1/render',
    other: '/prompts/OTHER/versions/1/render',
    body: {},
    fresh: pushedPrompt,
  },
  {
    route: 'GET /requests/{id}/contexts',
    roles: ['admin', 'auditor'],
    own: '/requests/req_1/contexts',
    other: '/requests/req_other/contexts',
  },
  {
    route: 'POST /datasets/items',
    roles: ['admin', 'engineer'],
    own: '/datasets/items',
    other: '/datasets/items',
    body: { items: [{ id: 'a', input: 'hello' }] },
  },
  {
    route: 'POST /datasets',
    roles: ['admin', 'engineer'],
    own: '/datasets',
    other: '/datasets',
    body: { name: 'matrix', items: [contentOf({ id: 'a', input: 'hello' }).hash] },
    fresh: pushedDataset,
  },
  { route: 'GET /datasets', roles: REGISTRY_READERS, own: '/datasets', other: '/datasets' },
  {
    route: 'GET /datasets/{name}',
    roles: REGISTRY_READERS,
    own: '/datasets/OWN',
    other: '/datasets/OTHER',
    fresh: pushedDataset,
  },
  {
    route: 'GET /datasets/{name}/versions/{version}',
    roles: REGISTRY_READERS,
    own: '/datasets/OWN/versions/1',
    other: '/datasets/OTHER/versions/1',
    fresh: pushedDataset,
  },
  {
    route: 'GET /datasets/{name}/versions/{version}/items',
    roles: REGISTRY_READERS,
    own: '/datasets/OWN/versions/newest/items',
    other: '/datasets/OTHER/versions/newest/items',
    fresh: pushedDataset,
  },
  {
    route: 'GET /datasets/{name}/versions/{version}/diff',
    roles: REGISTRY_READERS,
    own: '/datasets/OWN/versions/1/diff?from=set-default@1',
    other: '/datasets/OTHER/versions/1/diff?from=set-other@1',
    fresh: pushedDataset,
  },
  {
    route: 'POST /eval-runs/plan',
    roles: ['admin', 'engineer'],
    own: '/eval-runs/plan',
    other: '/eval-runs/plan',
    body: { name: 'matrix', suite: MATRIX_SUITE },
    fresh: pushedDataset,
  },
  {
    route: 'POST /eval-runs',
    roles: ['admin', 'engineer'],
    own: '/eval-runs',
    other: '/eval-runs',
    body: { name: 'matrix', suite: MATRIX_SUITE },
    fresh: pushedDataset,
  },
  { route: 'GET /eval-runs', roles: REGISTRY_READERS, own: '/eval-runs', other: '/eval-runs' },
  {
    route: 'GET /eval-runs/{id}',
    roles: REGISTRY_READERS,
    own: '/eval-runs/OWN',
    other: '/eval-runs/OTHER',
    fresh: freshRun,
  },
  {
    route: 'PATCH /eval-runs/{id}',
    roles: ['admin', 'engineer'],
    own: '/eval-runs/OWN',
    other: '/eval-runs/OTHER',
    body: { note: 'matrix' },
    fresh: freshRun,
  },
  {
    route: 'GET /eval-runs/{id}/results',
    roles: REGISTRY_READERS,
    own: '/eval-runs/OWN/results',
    other: '/eval-runs/OTHER/results',
    fresh: freshRun,
  },
  {
    route: 'GET /eval-runs/{id}/report',
    roles: REGISTRY_READERS,
    own: '/eval-runs/OWN/report',
    other: '/eval-runs/OTHER/report',
    fresh: cancelledRun,
  },
  {
    route: 'POST /eval-runs/{id}/cancel',
    roles: ['admin', 'engineer'],
    own: '/eval-runs/OWN/cancel',
    other: '/eval-runs/OTHER/cancel',
    fresh: freshRun,
  },
  {
    route: 'POST /eval-runs/{id}/resume',
    roles: ['admin', 'engineer'],
    own: '/eval-runs/OWN/resume',
    other: '/eval-runs/OTHER/resume',
    body: {},
    fresh: cancelledRun,
  },
  {
    route: 'POST /review-queues',
    roles: ['admin', 'engineer'],
    own: '/review-queues',
    other: '/review-queues',
    body: () => ({ name: nextQueue(), run: judgedRuns.default }),
  },
  { route: 'GET /review-queues', roles: REGISTRY_READERS, own: '/review-queues', other: '/review-queues' },
  {
    route: 'GET /review-queues/{name}',
    roles: REGISTRY_READERS,
    own: '/review-queues/OWN',
    other: '/review-queues/OTHER',
    fresh: handedQueue,
  },
  {
    route: 'POST /review-queues/{name}/next',
    roles: ['admin', 'engineer', 'approver'],
    own: '/review-queues/OWN/next',
    other: '/review-queues/OTHER/next',
    fresh: handedQueue,
  },
  {
    route: 'POST /review-queues/{name}/tasks/{task}/rating',
    roles: ['admin', 'engineer', 'approver'],
    own: '/review-queues/OWN/tasks/1/rating',
    other: '/review-queues/OTHER/tasks/1/rating',
    body: { value: 'yes' },
    fresh: handedQueue,
  },
  {
    route: 'POST /review-queues/{name}/tasks/{task}/skip',
    roles: ['admin', 'engineer', 'approver'],
    own: '/review-queues/OWN/tasks/1/skip',
    other: '/review-queues/OTHER/tasks/1/skip',
    body: { reason: 'matrix' },
    fresh: handedQueue,
  },
  {
    route: 'GET /review-queues/{name}/disputes',
    roles: ['admin', 'approver'],
    own: '/review-queues/OWN/disputes',
    other: '/review-queues/OTHER/disputes',
    fresh: disputedQueue,
  },
  {
    route: 'POST /review-queues/{name}/tasks/{task}/adjudication',
    roles: ['admin', 'approver'],
    own: '/review-queues/OWN/tasks/1/adjudication',
    other: '/review-queues/OTHER/tasks/1/adjudication',
    body: { value: 'no' },
    fresh: disputedQueue,
  },
  {
    route: 'POST /review-queues/{name}/ratings',
    roles: ['admin'],
    own: '/review-queues/OWN/ratings',
    other: '/review-queues/OTHER/ratings',
    body: { ratings: [{ item: 'a', reviewer: 'anna', value: 'yes' }] },
    fresh: disputedQueue,
  },
  {
    route: 'GET /review-queues/{name}/ratings',
    roles: REGISTRY_READERS,
    own: '/review-queues/OWN/ratings',
    other: '/review-queues/OTHER/ratings',
    fresh: disputedQueue,
  },
  {
    route: 'POST /review-queues/{name}/calibrations',
    roles: ['admin', 'engineer'],
    own: '/review-queues/OWN/calibrations',
    other: '/review-queues/OTHER/calibrations',
    fresh: disputedQueue,
  },
  { route: 'GET /calibrations', roles: REGISTRY_READERS, own: '/calibrations', other: '/calibrations' },
  {
    route: 'POST /model-versions',
    roles: ['admin', 'engineer'],
    own: '/model-versions',
    other: '/model-versions',
    body: { name: 'matrix', upstream: 'openai', model: 'gpt-4o-mini' },
  },
  {
    route: 'GET /model-versions',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/model-versions',
    other: '/model-versions',
  },
  {
    route: 'GET /model-versions/{name}',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/model-versions/OWN',
    other: '/model-versions/OTHER',
    fresh: freshModelVersion,
  },
  {
    route: 'GET /model-versions/{name}/versions/{version}',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/model-versions/OWN/versions/1',
    other: '/model-versions/OTHER/versions/1',
    fresh: freshModelVersion,
  },
  {
    route: 'POST /prices',
    roles: ['admin'],
    own: '/prices',
    other: '/prices',
    body: { upstream: 'lab', model: 'm', source: 'a test', input: '1' },
  },
  {
    route: 'GET /prices',
    roles: ['admin', 'engineer', 'approver', 'auditor'],
    own: '/prices',
    other: '/prices',
  },
  {
    route: 'POST /sources',
    roles: ['admin', 'engineer'],
    own: '/sources',
    other: '/sources',
    body: { name: 'matrix', kind: 'pushed' },
  },
  { route: 'GET /sources', roles: REGISTRY_READERS, own: '/sources', other: '/sources' },
  {
    route: 'GET /sources/{name}',
    roles: REGISTRY_READERS,
    own: '/sources/OWN',
    other: '/sources/OTHER',
    fresh: urlSource,
  },
  {
    route: 'GET /sources/{name}/problems',
    roles: REGISTRY_READERS,
    own: '/sources/OWN/problems',
    other: '/sources/OTHER/problems',
    fresh: urlSource,
  },
  {
    route: 'POST /sources/{name}/sync',
    roles: ['admin', 'engineer'],
    own: '/sources/OWN/sync',
    other: '/sources/OTHER/sync',
    fresh: urlSource,
  },
  {
    route: 'GET /sources/{name}/syncs/{sync}',
    roles: REGISTRY_READERS,
    own: '/sources/OWN',
    other: '/sources/OTHER',
    fresh: async (project) => {
      const name = await urlSource(project)
      const { json } = await call(as('admin', project), 'POST', `/api/sources/${name}/sync`)
      return `${name}/syncs/${json.id}`
    },
  },
  {
    route: 'POST /sources/{name}/documents',
    roles: ['admin', 'engineer'],
    own: '/sources/OWN/documents',
    other: '/sources/OTHER/documents',
    body: { documents: [{ key: 'a', text: 'Some text.' }] },
    fresh: pushedSource,
  },
  {
    route: 'DELETE /sources/{name}/documents',
    roles: ['admin', 'engineer'],
    own: '/sources/OWN/documents',
    other: '/sources/OTHER/documents',
    body: { keys: ['nothing'] },
    fresh: pushedSource,
  },
  {
    route: 'POST /indexes/plan',
    roles: ['admin', 'engineer'],
    own: '/indexes/plan',
    other: '/indexes/plan',
    body: { name: 'matrix', source: 'pushed-default' },
    fresh: pushedSource,
  },
  {
    route: 'POST /indexes',
    roles: ['admin', 'engineer'],
    own: '/indexes',
    other: '/indexes',
    body: { name: 'matrix', source: 'pushed-default' },
    fresh: pushedSource,
  },
  { route: 'GET /indexes', roles: REGISTRY_READERS, own: '/indexes', other: '/indexes' },
  {
    route: 'GET /indexes/diff',
    roles: REGISTRY_READERS,
    own: '/indexes/diff?OWN',
    other: '/indexes/diff?OTHER',
    fresh: async (project) => {
      const name = await freshIndex(project)
      return `from=${name}@1&to=${name}@1`
    },
  },
  {
    route: 'GET /indexes/{name}/{version}',
    roles: REGISTRY_READERS,
    own: '/indexes/OWN/1',
    other: '/indexes/OTHER/1',
    fresh: freshIndex,
  },
  {
    route: 'GET /indexes/{name}/signals',
    roles: ['admin', 'auditor'],
    own: '/indexes/OWN/signals',
    other: '/indexes/OTHER/signals',
    fresh: freshIndex,
  },
  {
    route: 'POST /indexes/{name}/{version}/search',
    roles: ['admin', 'engineer', 'auditor'],
    own: '/indexes/OWN/1/search',
    other: '/indexes/OTHER/1/search',
    body: { question: 'text?' },
    fresh: freshIndex,
  },
  {
    route: 'DELETE /indexes/{name}/{version}',
    roles: ['admin'],
    own: '/indexes/OWN/1',
    other: '/indexes/OTHER/1',
    fresh: freshIndex,
  },
  { route: 'GET /doctor', roles: ['admin', 'engineer', 'auditor'], own: '/doctor', other: '/doctor' },
  { route: 'POST /reload', roles: ['admin'], own: '/reload', other: '/reload' },
]

const bodyOf = ({ body }: { body?: unknown }): unknown => (typeof body === 'function' ? body() : body)

/** A model of one project alone. */
async function freshModelVersion(project: 'default' | 'other'): Promise<string> {
  const name = `only-${project}`
  const body = { name, upstream: 'openai', model: 'gpt-4o-mini' }
  await call(as('engineer', project), 'POST', '/api/model-versions', body)
  return name
}

async function urlSource(project: 'default' | 'other'): Promise<string> {
  const body = { name: `urls-${project}`, kind: 'urls', urls: ['https://example.org/'] }
  await call(as('engineer', project), 'POST', '/api/sources', body)
  return body.name
}

/** With one document. */
async function pushedSource(project: 'default' | 'other'): Promise<string> {
  const body = { name: `pushed-${project}`, kind: 'pushed' }
  const documents = [{ key: 'a', text: 'Some text.' }]
  await call(as('engineer', project), 'POST', '/api/sources', body)
  await call(as('engineer', project), 'POST', `/api/sources/${body.name}/documents`, { documents })
  return body.name
}

/** Built, so that it can be searched. */
async function freshIndex(project: 'default' | 'other'): Promise<string> {
  const name = `index-${project}`
  const body = { name, source: await pushedSource(project) }
  const { json } = await call(as('engineer', project), 'POST', '/api/indexes', body)
  const { sql, embedded } = database
  const deps = { sql, embedded, clock: systemClock, models: async () => models }
  await runBuildIndex(deps, { indexId: json.id }, new AbortController().signal)
  return name
}

/** A fresh engineer key, so that an engineer may rotate and revoke it. */
async function freshKey(project: 'default' | 'other'): Promise<string> {
  const made = await call(as('admin', project), 'POST', '/api/keys', { name: 'matrix', roles: ['engineer'] })
  return made.json.id
}

async function pushedPrompt(project: 'default' | 'other'): Promise<string> {
  const content = 'messages: [{ role: user, content: hello }]'
  const made = await call(as('admin', project), 'POST', '/api/prompts', { name: `of-${project}`, content })
  return made.json.name
}

const somebodyElse = (project: 'default' | 'other') => ({
  id: 'vk_else',
  name: 'somebody else',
  projectId: `prj_${project}`,
})
let freshSubjects = 0

/** A route with a release, by another name in each project. */
async function freshRelease(project: 'default' | 'other'): Promise<string> {
  const route = project === 'default' ? 'matrix' : 'elsewhere'
  const author = somebodyElse(project)
  const model = { projectId: author.projectId, name: 'matrix', content: { upstream: 'up', model: 'm' } }
  await seedModel(database.db, model).catch(() => undefined)
  const wanted = { from: null, prompt: null, index: null, retrieval: null, parameters: null, retries: null }
  await createRelease({ db: database.db, clock: systemClock }, author, {
    ...wanted,
    route,
    models: [{ ref: 'matrix', weight: null }],
  })
  return route
}

let shadowedRoutes = 0
const shadowed = () => `shadowed-${shadowedRoutes}`

/** A route with two releases, the first of which production serves; another one each time, as one is mirrored once. */
async function routeToShadow(project: 'default' | 'other'): Promise<string> {
  await freshRelease(project)
  shadowedRoutes += 1
  const author = somebodyElse(project)
  const deps = { db: database.db, clock: systemClock }
  const wanted = { from: null, prompt: null, index: null, retrieval: null, retries: null }
  const models = [{ ref: 'matrix', weight: null }]
  for (const seed of [1, 2])
    await createRelease(deps, author, { ...wanted, route: shadowed(), models, parameters: { seed } })
  const production = { label: 'production', to: 1, canary: null, expected: null, reason: 'a test' }
  await moveLabel(deps, author, { route: shadowed(), ...production })
  return shadowed()
}

async function freshShadow(project: 'default' | 'other'): Promise<string> {
  const route = await routeToShadow(project)
  const deps = { db: database.db, clock: systemClock, unpricedModels: async () => [] }
  const { id } = await startShadow(deps, somebodyElse(project), {
    ...{ route, label: 'production', release: 2, share: 500, budget: 1n, allowUnpriced: false },
    ...{ durationMs: 60_000, reason: 'a test' },
  })
  return id
}

async function freshErasure(project: 'default' | 'other'): Promise<string> {
  freshSubjects += 1
  const deps = {
    db: database.db,
    clock: systemClock,
    log: { event: async () => undefined },
    forgetSubject: () => undefined,
  }
  const wanted = { subject: `sub_${freshSubjects}`, reason: 'a test' }
  return (await requestErasure(deps, somebodyElse(project), wanted)).erasure.id
}

async function pushedDataset(project: 'default' | 'other'): Promise<string> {
  const actor = somebodyElse(project)
  const deps = { sql: database.sql, clock: systemClock }
  const hashes = await pushItems(deps, actor.projectId, [{ id: 'a', input: 'hello' }])
  const name = `set-${project}`
  await pushDataset(deps, actor, { name, hashes, schema: null, description: null })
  return name
}

/** A run over the project's dataset that no worker is at. */
async function freshRun(project: 'default' | 'other'): Promise<string> {
  const name = await pushedDataset(project)
  const suite = { ...MATRIX_SUITE, dataset: name }
  const made = await call(as('engineer', project), 'POST', '/api/eval-runs', { name: 'matrix', suite })
  return made.json.run.id
}

/** One answer that a judge judged, in each project. */
const judgedRuns = { default: '', other: '' }
let queues = 0
const nextQueue = () => `queue-${++queues}`

beforeAll(async () => {
  for (const project of ['default', 'other'] as const) {
    const judge = { kind: 'closed-qa', criterion: 'Polite.', model: 'local/judge' }
    const suite = { ...MATRIX_SUITE, dataset: await pushedDataset(project), scorers: [judge] }
    const made = await call(as('engineer', project), 'POST', '/api/eval-runs', { name: 'judged', suite })
    const { id } = made.json.run
    judgedRuns[project] = id
    await execute(database, id, scriptedAsk(() => '{"reason":"x","meets":"Y"}').ask)
  }
})

/** Its task is in the hands of every role's key. */
async function handedQueue(project: 'default' | 'other'): Promise<string> {
  const queue = await freshQueue(project, 3)
  for (const role of ['admin', 'engineer', 'approver'] as const) {
    const person = { id: server.keyOf(project, role).id, name: role }
    await nextTask({ sql: database.sql, clock: systemClock }, queue, person)
  }
  return queue.name
}

async function disputedQueue(project: 'default' | 'other'): Promise<string> {
  const queue = await freshQueue(project, 2)
  const of = { item: 'a', repeat: 0, note: null }
  await importRatings({ sql: database.sql, clock: systemClock }, queue, somebodyElse(project), [
    { ...of, reviewer: 'anna', value: 'yes' },
    { ...of, reviewer: 'ben', value: 'no' },
  ])
  return queue.name
}

async function freshQueue(project: 'default' | 'other', reviewers: number) {
  const wish = { name: nextQueue(), run: judgedRuns[project], scorer: null, reviewers, tasks: 1 }
  const rest = { decide: 'unanimous', seed: 1, question: null } as const
  return await createQueue({ sql: database.sql, clock: systemClock }, somebodyElse(project), {
    ...wish,
    ...rest,
  })
}

async function cancelledRun(project: 'default' | 'other'): Promise<string> {
  const id = await freshRun(project)
  await call(as('engineer', project), 'POST', `/api/eval-runs/${id}/cancel`)
  return id
}

async function freshHold(project: 'default' | 'other'): Promise<string> {
  const wanted = { subject: 'sub_held', reason: 'a test' }
  return (await placeHold({ db: database.db, clock: systemClock }, somebodyElse(project), wanted)).id
}

describe('who may do what', () => {
  for (const row of MATRIX) {
    const [method = ''] = row.route.split(' ')
    const fresh = row.fresh ?? freshKey
    test.each(ROLES)(`${row.route} as %s`, async (role) => {
      const allowed = row.roles.includes(role)
      const own = await call(
        as(role),
        method,
        `/api${row.own.replace('OWN', await fresh('default'))}`,
        bodyOf(row),
      )

      if (allowed) {
        expect([200, 201, 202]).toContain(own.status)
      } else {
        expect(own.status).toBe(403)
        expect(own.json.error.code).toBe('permission_denied')
        for (const needed of row.roles) expect(own.json.error.message).toContain(needed)
      }
      if (row.own === row.other) return
      const other = await call(
        as(role),
        method,
        `/api${row.other.replace('OTHER', await fresh('other'))}`,
        bodyOf(row),
      )
      expect(other.status).toBe(allowed ? 404 : 403)
    })
  }

  test.each(MATRIX)('$route as nobody', async (row) => {
    const [method = ''] = row.route.split(' ')

    const answer = await call(null, method, `/api${row.own}`, bodyOf(row))

    expect(answer.status).toBe(401)
  })

  test('an auditor changes nothing: no route but reading lets one in', () => {
    // An export is a way of reading that takes its time: it makes a copy and changes no row. Rendering only computes,
    // and a search only finds.
    const reading = [
      'POST /exports',
      'POST /prompts/{name}/versions/{version}/render',
      'POST /indexes/{name}/{version}/search',
    ]
    const changing = MATRIX.filter(({ route }) => !route.startsWith('GET ') && !reading.includes(route))

    expect(changing.length).toBeGreaterThan(5)
    expect(changing.filter(({ roles }) => roles.includes('auditor'))).toEqual([])
  })

  test('every route of the OpenAPI document has its row', async () => {
    const { json } = await call(as('app'), 'GET', '/api/openapi.json')

    const documented = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(documented.sort()).toEqual(MATRIX.map((row) => row.route).sort())
  })

  test('lists show the own project alone', async () => {
    const keys = await call(as('admin', 'other'), 'GET', '/api/keys?limit=200')
    const requests = await call(as('auditor', 'other'), 'GET', '/api/requests')

    expect(new Set(keys.json.data.map((key: { project: string }) => key.project))).toEqual(new Set(['other']))
    expect(requests.json.data.map((row: { id: string }) => row.id)).toEqual(['req_other'])
  })
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
