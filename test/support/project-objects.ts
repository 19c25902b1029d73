/** One object of each kind in a project, as the role matrix asks for it: what stands in the place of a path's parameters. */

import { requestErasure } from '../../src/audit/erasure/erasures.ts'
import { placeHold } from '../../src/audit/erasure/holds.ts'
import { createExport } from '../../src/audit/export/exports.ts'
import { writeExport } from '../../src/audit/export/write-export.ts'
import { deriveAuditKeys } from '../../src/audit/privacy/audit-keys.ts'
import { pushDataset, pushItems } from '../../src/evals/datasets/dataset-versions.ts'
import { createQueue } from '../../src/evals/reviews/create-queue.ts'
import { importRatings, nextTask } from '../../src/evals/reviews/review.ts'
import { runBuildIndex } from '../../src/jobs/build-index.ts'
import { projectIdOf } from '../../src/keys/project.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { openAlert } from '../../src/monitoring/alerts/alert-rows.ts'
import { OPEN, type Policy } from '../../src/promotion/policy.ts'
import { advancePromotion } from '../../src/promotion/requests/advance.ts'
import { requestPromotion } from '../../src/promotion/requests/request.ts'
import type { Actor } from '../../src/registry/actor.ts'
import { createRelease } from '../../src/registry/releases/create.ts'
import { anAlert } from './alerts.ts'
import { auditSecrets } from './audit-records.ts'
import { execute, scriptedAsk } from './eval-runs.ts'
import { advanceDeps } from './promotions.ts'
import { NOTHING, seedModel } from './registry.ts'
import { shippedModels } from './retrieval.ts'
import type { Project, RoleServer } from './role-server.ts'

/** By the path up to a parameter: `/api/prompts` → the name of a prompt, `/api/prompts/{name}/versions` → `1`. */
export type ProjectObjects = Readonly<Record<string, string>>

/** Names of parts that are the same in every object, by which nothing can be told apart. */
export const COMMON_PARTS: readonly string[] = ['1', 'r1', 'staging', 'manifest.json']

type Make = (server: RoleServer, project: Project) => Promise<ProjectObjects>

const clock = systemClock
/** So that names never meet those of an earlier call. */
let made = 0
const named = (kind: string, project: Project) => `${kind}-${++made}-of-${project}`
const author = (project: Project) => ({
  id: 'vk_else',
  name: 'somebody else',
  projectId: `prj_${project}`,
  person: 'somebody-else',
})

async function create({ ask, keyOf }: RoleServer, project: Project, path: string, body: unknown) {
  const answer = await ask(keyOf(project, 'admin').token, 'POST', path, body)
  if (answer.status >= 300) throw new Error(`POST ${path} answered ${answer.status}: ${answer.text}`)
  return answer.json
}

/** An engineer's, so that an engineer may rotate and revoke it. */
const key: Make = async (server, project) => {
  const { id } = await create(server, project, '/api/keys', {
    name: named('key', project),
    owner: server.keyOf(project, 'engineer').id,
    roles: ['engineer'],
  })
  return { '/api/keys': id }
}

const request: Make = async (_, project) => ({ '/api/requests': `req_of_${project}` })

const erasure: Make = async ({ database: { db } }, project) => {
  const deps = { db, clock, log: { event: async () => undefined }, forgetSubject: () => undefined }
  const wanted = { subject: named('sub', project), reason: 'a test' }
  const { erasure: asked } = await requestErasure(deps, author(project), wanted)
  return { '/api/erasures': asked.id }
}

const hold: Make = async ({ database: { db } }, project) => {
  const wanted = { subject: named('sub', project), reason: 'a test' }
  const { id } = await placeHold({ db, clock }, author(project), wanted)
  return { '/api/holds': id }
}

/** Written, so that its files can be read. */
const exported: Make = async ({ database: { db } }, project) => {
  const deps = { db, keys: deriveAuditKeys(auditSecrets().auditKey), clock }
  const id = named('exp', project)
  await createExport(deps, {
    id,
    scope: { projectId: `prj_${project}`, unowned: false },
    filters: { sinceMs: 0, untilMs: 1 },
    format: 'jsonl',
    withBodies: false,
    purpose: 'a test',
    createdBy: 'vk_1',
    createdByName: null,
  })
  await writeExport({ ...deps, signal: new AbortController().signal }, id)
  return { '/api/exports': id, '/api/exports/{id}/files': 'manifest.json' }
}

const modelVersion: Make = async ({ database: { db } }, project) => {
  const name = named('model', project)
  const { projectId } = author(project)
  await seedModel(db, { projectId, name, content: { upstream: 'up', model: 'm' } })
  return { '/api/model-versions': name, '/api/model-versions/{name}/versions': '1' }
}

const price: Make = async (server, project) => {
  const model = named('price', project)
  await create(server, project, '/api/prices', { upstream: 'lab', model, source: 'a test', input: '1' })
  return { '/api/prices': model }
}

const release: Make = async (server, project) => {
  const { '/api/model-versions': model } = await modelVersion(server, project)
  const route = named('route', project)
  await create(server, project, '/api/releases', { route, models: [{ model }] })
  return {
    '/api/releases': route,
    '/api/releases/{route}': 'r1',
    '/api/cards': route,
    '/api/cards/{route}': 'r1',
  }
}

/** A route with a label that serves its release. */
const label: Make = async (server, project) => {
  const { '/api/releases': route = '' } = await release(server, project)
  const body = { release: 'r1', reason: 'a test' }
  const token = server.keyOf(project, 'admin').token
  await server.ask(token, 'PUT', `/api/labels/${route}/production`, body)
  return {
    '/api/labels': route,
    '/api/labels/{route}': 'staging',
    '/api/decisions': route,
  }
}

/** Of a release that somebody else made, waiting for more approvals than one. */
async function promotionBy(server: RoleServer, project: Project, requester: Actor): Promise<ProjectObjects> {
  const { db } = server.database
  const deps = advanceDeps(server.database, {})
  const { '/api/model-versions': ref = '' } = await modelVersion(server, project)
  const route = named('route', project)
  const wish = { route, ...NOTHING, models: [{ ref, weight: null }] }
  await createRelease({ db, clock }, author(project), wish)
  const order = { route, label: 'production', to: 1, reason: 'a test', breakGlass: false }
  const { id } = await requestPromotion({ db, clock }, requester, GUARDED, order)
  const waiting = await advancePromotion(deps, id)
  return { '/api/promotions': id, evidence: waiting?.evidenceHash ?? '' }
}
const GUARDED: Policy = {
  ...OPEN,
  name: 'guarded',
  approvals: { count: 5, roles: ['admin', 'engineer', 'approver'], expireMs: 60_000 },
}
const promotion: Make = async (server, project) => await promotionBy(server, project, author(project))
const ownPromotion: Make = async (server, project) => {
  const { id } = server.keyOf(project, 'engineer')
  return await promotionBy(server, project, { ...author(project), id, person: id })
}

const onlineOrder: Make = async (server, project) => {
  const { '/api/releases': route = '' } = await release(server, project)
  const order = { route, releases: ['r1'], scorers: ['refusal'], sample: 1 }
  const { id } = await create(server, project, '/api/online-scores', order)
  return { '/api/online-scores': id }
}

/** A route with two releases, the first of which production serves: the second may be shadowed. */
const shadowable: Make = async (server, project) => {
  const { '/api/labels': route = '' } = await label(server, project)
  const { '/api/model-versions': model } = await modelVersion(server, project)
  await create(server, project, '/api/releases', { route, models: [{ model }] })
  return { '/api/releases': route }
}
const shadow: Make = async (server, project) => {
  const { '/api/releases': route } = await shadowable(server, project)
  const wish = { route, release: 'r2', percent: 5, budget_usd: '2', reason: 'a test' }
  const { id } = await create(server, project, '/api/shadows', wish)
  return { '/api/shadows': id }
}

const promptOf =
  (content: string): Make =>
  async (server, project) => {
    const name = named('prompt', project)
    await create(server, project, '/api/prompts', { name, content })
    return { '/api/prompts': name, '/api/prompts/{name}/versions': '1', '/api/public/v2/prompts': name }
  }
const prompt = promptOf('messages: [{ role: user, content: Hello }]')
/** With a place for what an index finds. */
const contextsPrompt = promptOf(
  [
    'variables: { type: object, properties: { question: { type: string } } }',
    'messages: [{ role: user, content: "{{#contexts}}[{{number}}] {{text}}{{/contexts}} {{question}}" }]',
  ].join('\n'),
)

const dataset: Make = async ({ database: { sql } }, project) => {
  const actor = author(project)
  const name = named('set', project)
  const hashes = await pushItems({ sql, clock }, actor.projectId, [{ id: 'a', input: `hello ${name}` }])
  await pushDataset({ sql, clock }, actor, { name, hashes, schema: null, description: null })
  return {
    '/api/datasets': name,
    '/api/datasets/{name}/versions': '1',
    '/api/datasets/items': hashes[0] ?? '',
  }
}

/** Enough examples to train with. */
const trainable: Make = async ({ database: { sql } }, project) => {
  const actor = author(project)
  const name = named('examples', project)
  const items = Array.from({ length: 10 }, (_, at) => ({
    id: `q${at}`,
    input: `${at} ${name}`,
    expected: 'a',
  }))
  const hashes = await pushItems({ sql, clock }, actor.projectId, items)
  await pushDataset({ sql, clock }, actor, { name, hashes, schema: null, description: null })
  return { '/api/datasets': name }
}
/** One that no worker is at. */
const fineTune: Make = async (server, project) => {
  const { '/api/datasets': from } = await trainable(server, project)
  const as = named('tuned', project)
  const wish = { dataset: from, model: 'up/base', as, purpose: 'a test' }
  const { id } = await create(server, project, '/api/fine-tunes', wish)
  return { '/api/fine-tunes': id }
}

/** A run that no worker is at. */
const run: Make = async (server, project) => {
  const { '/api/datasets': name } = await dataset(server, project)
  const suite = { dataset: name, subject: 'local/reader', scorers: ['equals'] }
  const begun = await create(server, project, '/api/eval-runs', { name: named('run', project), suite })
  return { '/api/eval-runs': begun.run.id }
}

const cancelledRun: Make = async (server, project) => {
  const objects = await run(server, project)
  await create(server, project, `/api/eval-runs/${objects['/api/eval-runs']}/cancel`, undefined)
  return objects
}

/** One answer that a judge judged. */
const judgedRun: Make = async (server, project) => {
  const { '/api/datasets': name } = await dataset(server, project)
  const judge = { kind: 'closed-qa', criterion: 'Polite.', model: 'local/judge' }
  const suite = { dataset: name, subject: 'local/reader', scorers: [judge] }
  const begun = await create(server, project, '/api/eval-runs', { name: named('judged', project), suite })
  await execute(server.database, begun.run.id, scriptedAsk(() => '{"reason":"x","meets":"Y"}').ask)
  return { '/api/eval-runs': begun.run.id }
}

async function queueOf(server: RoleServer, project: Project, reviewers: number) {
  const { sql } = server.database
  const { '/api/eval-runs': judged = '' } = await judgedRun(server, project)
  const wish = { name: named('queue', project), run: judged, scorer: null, reviewers, tasks: 1 }
  const rest = { decide: 'unanimous', seed: 1, question: null } as const
  return await createQueue({ sql, clock }, author(project), { ...wish, ...rest })
}

const queueObjects = (name: string): ProjectObjects => ({
  '/api/review-queues': name,
  '/api/review-queues/{name}/tasks': '1',
})

/** Its task is in the hands of every reviewer of the project. */
const queue: Make = async (server, project) => {
  const { sql } = server.database
  const handed = await queueOf(server, project, 4)
  for (const role of ['admin', 'engineer', 'approver'] as const) {
    const { id } = server.keyOf(project, role)
    const person = { ...author(project), id, name: role, person: id }
    await nextTask({ sql, clock }, handed, person)
  }
  return queueObjects(handed.name)
}

const disputedQueue: Make = async (server, project) => {
  const { sql } = server.database
  const disputed = await queueOf(server, project, 2)
  const of = { item: 'a', repeat: 0, note: null }
  await importRatings({ sql, clock }, disputed, author(project), [
    { ...of, reviewer: 'anna', value: 'yes' },
    { ...of, reviewer: 'ben', value: 'no' },
  ])
  return queueObjects(disputed.name)
}

const calibration: Make = async (server, project) => {
  const objects = await disputedQueue(server, project)
  const { '/api/review-queues': name = '' } = objects
  await create(server, project, `/api/review-queues/${name}/calibrations`, undefined)
  return { ...objects, '/api/calibrations': name }
}

/** Addresses that are read, with a sync that waits for its worker. */
const source: Make = async (server, project) => {
  const name = named('source', project)
  await create(server, project, '/api/sources', { name, kind: 'urls', urls: ['https://example.org/'] })
  const { id } = await create(server, project, `/api/sources/${name}/sync`, undefined)
  return { '/api/sources': name, '/api/sources/{name}/syncs': id }
}

const pushedSource: Make = async (server, project) => {
  const name = named('pushed', project)
  await create(server, project, '/api/sources', { name, kind: 'pushed' })
  const documents = [{ key: 'a', text: `Some text of ${name}.` }]
  await create(server, project, `/api/sources/${name}/documents`, { documents })
  return { '/api/sources': name }
}

/** Built, so that it can be searched. */
const index: Make = async (server, project) => {
  const { '/api/sources': from } = await pushedSource(server, project)
  const name = named('index', project)
  const { id } = await create(server, project, '/api/indexes', { name, source: from })
  const { sql, embedded } = server.database
  const models = shippedModels()
  const deps = { sql, embedded, clock, models: async () => models }
  await runBuildIndex(deps, { indexId: id }, new AbortController().signal)
  await models.close()
  return { '/api/indexes': name, '/api/indexes/{name}': '1' }
}

const alert: Make = async (server, project) => {
  const subject = { kind: 'route', name: named('route', project) } as const
  const id = await openAlert(server.database.sql, anAlert({ projectId: projectIdOf(project), subject }))
  return { '/api/alerts': id ?? '' }
}
const silence: Make = async (server, project) => {
  const wish = { route: named('quiet', project), for: '1h', reason: 'a test' }
  const { id } = await create(server, project, '/api/silences', wish)
  return { '/api/silences': id }
}

/** A label that served something else before. */
const movedLabel: Make = async (server, project) => {
  const { '/api/releases': route = '' } = await shadowable(server, project)
  const body = { release: 'r2', reason: 'a test' }
  await server.ask(server.keyOf(project, 'admin').token, 'PUT', `/api/labels/${route}/production`, body)
  return { '/api/labels': route }
}

const file: Make = async (server, project) => {
  const form = new FormData()
  form.set('purpose', 'assistants')
  form.set('file', new Blob(['Some text.']), `${named('file', project)}.txt`)
  const { id } = await create(server, project, '/v1/files', form)
  return { '/v1/files': id }
}

/** With a file in a batch that no worker has looked at. */
const vectorStore: Make = async (server, project) => {
  const { '/v1/files': fileId = '' } = await file(server, project)
  const { id } = await create(server, project, '/v1/vector_stores', { name: named('store', project) })
  const batch = await create(server, project, `/v1/vector_stores/${id}/file_batches`, { file_ids: [fileId] })
  return {
    '/v1/vector_stores': id,
    '/v1/vector_stores/{id}/files': fileId,
    '/v1/vector_stores/{id}/file_batches': batch.id,
  }
}

export const MAKERS = {
  key,
  request,
  erasure,
  hold,
  exported,
  modelVersion,
  price,
  release,
  label,
  prompt,
  contextsPrompt,
  dataset,
  trainable,
  fineTune,
  run,
  cancelledRun,
  judgedRun,
  queue,
  disputedQueue,
  calibration,
  source,
  pushedSource,
  index,
  file,
  vectorStore,
  promotion,
  ownPromotion,
  onlineOrder,
  shadowable,
  movedLabel,
  shadow,
  alert,
  silence,
}

export type Kind = keyof typeof MAKERS

/** Whose objects stand behind a path, by its beginning; the first that fits. */
export const KIND_BY_PATH: readonly (readonly [path: string, kind: Kind])[] = [
  ['/api/keys', 'key'],
  ['/api/requests', 'request'],
  ['/api/erasures', 'erasure'],
  ['/api/holds', 'hold'],
  ['/api/exports', 'exported'],
  ['/api/model-versions', 'modelVersion'],
  ['/api/prices', 'price'],
  ['/api/releases', 'release'],
  ['/api/cards', 'release'],
  ['/api/labels', 'label'],
  ['/api/decisions', 'label'],
  ['/api/promotions', 'promotion'],
  ['/api/online-scores', 'onlineOrder'],
  ['/api/shadows', 'shadow'],
  ['/api/alerts', 'alert'],
  ['/api/silences', 'silence'],
  ['/api/prompts', 'prompt'],
  ['/api/public/v2/prompts', 'prompt'],
  ['/api/datasets', 'dataset'],
  ['/api/eval-runs', 'run'],
  ['/api/fine-tunes', 'fineTune'],
  ['/api/review-queues', 'queue'],
  ['/api/calibrations', 'calibration'],
  ['/api/sources', 'source'],
  ['/api/indexes', 'index'],
  ['/v1/files', 'file'],
  ['/v1/vector_stores', 'vectorStore'],
]
