/** For each operation a request that succeeds in the own project: of which kind of object, with what body or query. */

import type { Role } from '../../src/keys/key.ts'
import { KIND_BY_PATH, type Kind, type ProjectObjects } from './project-objects.ts'

export type Example = {
  /** Whose objects stand in path, query and body; by the path itself when it is not given. */
  kind?: Kind
  query?: (objects: ProjectObjects) => string
  body?: (objects: ProjectObjects) => unknown
}

const suiteOf = (objects: ProjectObjects) => ({
  name: 'matrix',
  suite: { dataset: objects['/api/datasets'], subject: 'local/reader', scorers: ['equals'] },
})
const tuningOf = (objects: ProjectObjects) => ({
  dataset: objects['/api/datasets'],
  model: 'up/base',
  as: 'matrix',
})
const ofSource = (objects: ProjectObjects) => ({ name: 'matrix', source: objects['/api/sources'] })
const signed = (objects: ProjectObjects) => ({
  evidence_hash: objects.evidence,
  reason: 'a test',
})
const text = () => ({ documents: [{ key: 'a', text: 'Some text.' }] })

let numbered = 0
/** For what may wait once only: each role asks for another one. */
function nextNumber(): number {
  numbered += 1
  return numbered
}

/** An operation that changes something and has no row here is sent an empty body, and only let in or not. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  'POST /api/keys': { body: () => ({ name: 'x', roles: ['engineer'] }) },
  'DELETE /api/keys/{id}': {},
  'POST /api/keys/{id}/rotate': { body: () => ({}) },
  'POST /api/erasures': { body: () => ({ subject: 'matrix', reason: 'a test' }) },
  'POST /api/erasures/{id}/approve': {},
  'POST /api/erasures/{id}/reject': {},
  'POST /api/holds': { body: () => ({ subject: 'held', reason: 'a test' }) },
  'POST /api/holds/{id}/release': { body: () => ({ reason: 'a test' }) },
  'GET /api/audit/leaves': {
    query: () => 'writer=01a21301-6d10-7295-861d-be7c3a36d505&from=0&to=1',
  },
  'GET /api/monitor/explain': { query: () => 'route=matrix' },
  'POST /api/exports': { body: () => ({ since: '1h', purpose: 'matrix' }) },
  'POST /api/promotions': {
    kind: 'release',
    body: (objects) => ({ route: objects['/api/releases'], release: 'r1', reason: 'a test' }),
  },
  'POST /api/online-scores': {
    kind: 'release',
    body: (objects) => ({
      route: objects['/api/releases'],
      releases: ['r1'],
      scorers: ['refusal'],
      sample: 1,
    }),
  },
  'POST /api/online-scores/{id}/stop': {},
  'GET /api/monitor/history': { query: () => 'route=matrix&metric=latency_p95' },
  'POST /api/monitor/calibrate': { body: () => ({ route: 'matrix', since: '1h' }) },
  'GET /api/online-scores/{id}/values': { query: () => 'release=r1&scorer=refusal' },
  'POST /api/alerts/{id}/ack': { body: () => ({ note: 'a test' }) },
  'POST /api/alerts/test': { body: () => ({ channel: 'on-call' }) },
  'POST /api/silences': { body: () => ({ metric: 'error_rate', for: '1h', reason: 'a test' }) },
  'POST /api/silences/{id}/end': {},
  'GET /api/monitor/data': { query: () => 'route=watched' },
  'POST /api/monitor/data': { body: () => ({ route: `watched-${nextNumber()}` }) },
  'POST /api/shadows': {
    kind: 'shadowable',
    body: (objects) => ({
      route: objects['/api/releases'],
      release: 'r2',
      percent: 5,
      budget_usd: '2',
      reason: 'a test',
    }),
  },
  'POST /api/shadows/{id}/stop': { body: () => ({ reason: 'a test' }) },
  'POST /api/rollbacks': {
    kind: 'movedLabel',
    body: (objects) => ({ route: objects['/api/labels'], label: 'production', reason: 'a test' }),
  },
  'POST /api/promotions/{id}/approve': { body: signed },
  'POST /api/promotions/{id}/reject': { body: signed },
  'POST /api/promotions/{id}/withdraw': { kind: 'ownPromotion', body: () => ({ reason: 'a test' }) },
  'POST /api/models/pull': { body: () => ({ name: 'a/b' }) },
  'POST /api/releases': {
    kind: 'modelVersion',
    body: (objects) => ({ route: 'matrix', models: [{ model: objects['/api/model-versions'] }] }),
  },
  'PUT /api/labels/{route}/{label}': { body: () => ({ release: 'r1', reason: 'a test' }) },
  'POST /api/prompts': {
    body: () => ({ name: 'matrix', content: 'messages: [{ role: user, content: hello }]' }),
  },
  'POST /api/prompts/{name}/versions/{version}/render': { body: () => ({}) },
  'GET /api/public/v2/prompts/{name}': { query: () => 'version=1' },
  'POST /api/datasets/items': { body: () => ({ items: [{ id: 'a', input: 'hello' }] }) },
  'POST /api/datasets': {
    kind: 'dataset',
    body: (objects) => ({ name: 'matrix', items: [objects['/api/datasets/items']] }),
  },
  'GET /api/datasets/{name}/versions/{version}/diff': {
    query: (objects) => `from=${objects['/api/datasets']}@1`,
  },
  'POST /api/eval-runs/plan': { kind: 'dataset', body: suiteOf },
  'POST /api/eval-runs': { kind: 'dataset', body: suiteOf },
  'PATCH /api/eval-runs/{id}': { body: () => ({ note: 'matrix' }) },
  'GET /api/eval-runs/{id}/report': { kind: 'cancelledRun' },
  'POST /api/eval-runs/{id}/cancel': {},
  'POST /api/eval-runs/{id}/resume': { kind: 'cancelledRun', body: () => ({}) },
  'POST /api/fine-tunes/plan': { kind: 'trainable', body: tuningOf },
  'POST /api/fine-tunes': {
    kind: 'trainable',
    body: (objects) => ({ ...tuningOf(objects), purpose: 'a test' }),
  },
  'POST /api/fine-tunes/{id}/cancel': {},
  'POST /api/review-queues': {
    kind: 'judgedRun',
    body: ({ '/api/eval-runs': run = '' }) => ({ name: `of-${run.slice(-8)}`, run }),
  },
  'POST /api/review-queues/{name}/next': {},
  'POST /api/review-queues/{name}/tasks/{task}/rating': { body: () => ({ value: 'yes' }) },
  'POST /api/review-queues/{name}/tasks/{task}/skip': { body: () => ({ reason: 'matrix' }) },
  'GET /api/review-queues/{name}/disputes': { kind: 'disputedQueue' },
  'POST /api/review-queues/{name}/tasks/{task}/adjudication': {
    kind: 'disputedQueue',
    body: () => ({ value: 'no' }),
  },
  'GET /api/review-queues/{name}/ratings': { kind: 'disputedQueue' },
  'POST /api/review-queues/{name}/ratings': {
    kind: 'disputedQueue',
    body: () => ({ ratings: [{ item: 'a', reviewer: 'anna', value: 'yes' }] }),
  },
  'POST /api/review-queues/{name}/calibrations': { kind: 'disputedQueue' },
  'POST /api/model-versions': {
    body: () => ({ name: 'matrix', upstream: 'openai', model: 'gpt-4o-mini' }),
  },
  'POST /api/prices': {
    body: () => ({ upstream: 'lab', model: 'm', source: 'a test', input: '1' }),
  },
  'POST /api/sources': { body: () => ({ name: 'matrix', kind: 'pushed' }) },
  'POST /api/sources/{name}/sync': {},
  'POST /api/sources/{name}/documents': { kind: 'pushedSource', body: text },
  'DELETE /api/sources/{name}/documents': {
    kind: 'pushedSource',
    body: () => ({ keys: ['nothing'] }),
  },
  'POST /api/indexes/plan': { kind: 'pushedSource', body: ofSource },
  'POST /api/indexes': { kind: 'pushedSource', body: ofSource },
  'GET /api/indexes/diff': {
    kind: 'index',
    query: (objects) => `from=${objects['/api/indexes']}@1&to=${objects['/api/indexes']}@1`,
  },
  'POST /api/indexes/{name}/{version}/search': { body: () => ({ question: 'text?' }) },
  'DELETE /api/indexes/{name}/{version}': {},
  'POST /api/reload': {},
  'DELETE /v1/files/{id}': {},
  'POST /v1/vector_stores': {
    kind: 'file',
    body: (objects) => ({ file_ids: [objects['/v1/files']] }),
  },
  'POST /v1/vector_stores/{id}': { body: () => ({ name: 'x' }) },
  'DELETE /v1/vector_stores/{id}': {},
  'POST /v1/vector_stores/{id}/search': { body: () => ({ query: 'text?' }) },
  'POST /v1/vector_stores/{id}/files': {
    body: (objects) => ({ file_id: objects['/v1/vector_stores/{id}/files'] }),
  },
  'POST /v1/vector_stores/{id}/files/{file}': { body: () => ({ attributes: {} }) },
  'DELETE /v1/vector_stores/{id}/files/{file}': {},
  'POST /v1/vector_stores/{id}/file_batches': {
    body: (objects) => ({ file_ids: [objects['/v1/vector_stores/{id}/files']] }),
  },
  'POST /v1/vector_stores/{id}/file_batches/{batch}/cancel': {},
}

export type Reference = {
  operation: string
  /** The kind of what is named. */
  names: Kind
  /** Gets what is named, and objects of the operation's own kind and of `beside` in the own project. */
  query?: (named: ProjectObjects, own: ProjectObjects) => string
  body?: (named: ProjectObjects, own: ProjectObjects) => unknown
  beside?: readonly Kind[]
}

/** Objects that are named by a query or a body beside what an operation is about. */
export const REFERENCES: readonly Reference[] = [
  {
    operation: 'POST /api/releases',
    names: 'prompt',
    beside: ['modelVersion'],
    body: (named, own) => ({
      route: 'named',
      prompt: named['/api/prompts'],
      models: [{ model: own['/api/model-versions'] }],
    }),
  },
  {
    operation: 'POST /api/releases',
    names: 'index',
    beside: ['modelVersion', 'contextsPrompt'],
    body: (named, own) => ({
      route: 'searching',
      prompt: own['/api/prompts'],
      index: named['/api/indexes'],
      models: [{ model: own['/api/model-versions'] }],
    }),
  },
  {
    operation: 'GET /api/datasets/{name}/versions/{version}/diff',
    names: 'dataset',
    query: (named) => `from=${named['/api/datasets']}@1`,
  },
  {
    operation: 'POST /api/eval-runs/plan',
    names: 'release',
    beside: ['dataset'],
    body: (named, own) => ({
      name: 'named',
      suite: {
        dataset: own['/api/datasets'],
        subject: `${named['/api/releases']}@r1`,
        scorers: ['equals'],
      },
    }),
  },
  {
    operation: 'POST /api/fine-tunes/plan',
    names: 'trainable',
    body: tuningOf,
  },
  {
    operation: 'GET /api/eval-runs/{id}/report',
    names: 'cancelledRun',
    query: (named) => `against=${named['/api/eval-runs']}`,
  },
  {
    operation: 'GET /api/calibrations',
    names: 'calibration',
    query: (named) => `queue=${named['/api/calibrations']}`,
  },
  {
    operation: 'POST /api/silences',
    names: 'alert',
    body: (named) => ({ alert: named['/api/alerts'], for: '1h', reason: 'a test' }),
  },
  { operation: 'GET /api/labels', names: 'label', query: (named) => `route=${named['/api/labels']}` },
  { operation: 'GET /api/decisions', names: 'label', query: (named) => `route=${named['/api/labels']}` },
  { operation: 'GET /api/releases', names: 'release', query: (named) => `route=${named['/api/releases']}` },
  {
    operation: 'GET /api/prices',
    names: 'price',
    query: (named) => `upstream=lab&model=${named['/api/prices']}`,
  },
]

/** Paths whose objects belong to no project, with the reason. */
export const OF_NO_PROJECT: Readonly<Record<string, string>> = {
  '/api/models': 'local models are files of the installation',
  '/api/policies': 'policies are files of the installation',
  '/v1/models': 'an upstream’s models are those of aval.yaml; which of them a key may call is its own list',
}

/** Lists and sums that show no object made here, with what holds that they keep to the project. */
export const OTHER_LISTS: Readonly<Record<string, string>> = {
  'GET /api/alerts/rules': 'rules of files: test/services/http/alerts.test.ts has one of another project',
  'GET /api/audit/heads': 'heads are over all writers’ records, and of hashes alone',
  'GET /api/audit/leaves': 'leaves are hashes of records',
  'GET /api/doctor': 'the installation, not a project',
  'GET /api/events':
    'nothing is shipped here: test/services/audit/questions.test.ts has one of another project',
  'GET /api/indexes/diff': 'names two objects, and is asked with another project’s',
  'GET /api/models': OF_NO_PROJECT['/api/models'] ?? '',
  'GET /api/monitor/explain': 'sums: test/services/monitoring/explain.test.ts has those of another project',
  'GET /api/monitor/data':
    'comparisons of a route: test/services/monitoring/data.test.ts has those of another project',
  'GET /api/monitor': 'nothing is watched here: test/services/http/monitor.test.ts asks from another project',
  'GET /api/monitor/history':
    'nothing is watched here: test/services/http/monitor.test.ts asks from another project',
  'GET /api/openapi.json': 'the same for all',
  'GET /api/policies': OF_NO_PROJECT['/api/policies'] ?? '',
  'GET /api/requests/count': 'a number, of the rows that the list shows',
  'GET /api/spend': 'sums: test/services/monitoring/spend.test.ts has one of another project',
  'GET /api/usage': 'sums: test/services/audit/questions.test.ts has one of another project',
  'GET /v1/models': OF_NO_PROJECT['/v1/models'] ?? '',
}

/** The kind of object that an operation is about; null for one that names none. */
export function kindOf(operation: string): Kind | null {
  const { kind } = EXAMPLES[operation] ?? {}
  if (kind !== undefined) return kind
  const path = pathOf(operation)
  if (!path.includes('{')) return null
  return KIND_BY_PATH.find(([start]) => path.startsWith(`${start}/`))?.[1] ?? null
}

/** What an operation is sent: its parameters, query and body filled in with these objects. */
export function requestOf(operation: string, objects: ProjectObjects, example = EXAMPLES[operation]) {
  const [method = '', path = ''] = operation.split(' ')
  const { query, body } = example ?? {}
  const filled = path.replaceAll(/\/\{\w+\}/g, (_, at: number) => {
    const value = objects[path.slice(0, at)] ?? 'none-such'
    return `/${encodeURIComponent(value)}`
  })
  const search = query === undefined ? '' : `?${query(objects)}`
  return { method, path: `${filled}${search}`, body: body?.(objects) }
}

export const pathOf = (operation: string) => operation.split(' ')[1] ?? ''

/** Who asks when one is enough: an admin where admins are let in. */
export const firstOf = (roles: readonly Role[]) => (roles.includes('admin') ? 'admin' : (roles[0] ?? 'admin'))
