/** A listening /api over a real database, with keys of every role in two projects. The log's rows are given by the test. */

import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { pino } from 'pino'
import { listEvents } from '../../src/audit/event-log/store.ts'
import { createExport, findExportFile, readExportFile } from '../../src/audit/export/exports.ts'
import { findExport, listExports } from '../../src/audit/export/store.ts'
import { deriveAuditKeys } from '../../src/audit/privacy/audit-keys.ts'
import type { RequestDetail } from '../../src/audit/privacy/read-bodies.ts'
import type { EventRecord } from '../../src/audit/record.ts'
import { readShadowFigures } from '../../src/audit/shadows/store.ts'
import type { RequestFilter } from '../../src/audit/store.ts'
import { sumUsage } from '../../src/audit/usage/store.ts'
import { RequestError, UpstreamError } from '../../src/errors.ts'
import { createCalibrator } from '../../src/evals/reviews/calibrator.ts'
import { subjectText } from '../../src/evals/runs/run-content.ts'
import { verdictOf } from '../../src/evals/runs/verdict.ts'
import { rebuildSent } from '../../src/gateway/rebuild.ts'
import { type ApiDeps, createApi } from '../../src/http/api/api.ts'
import { createRecorder } from '../../src/http/api/recorder.ts'
import type { DeclaredKey } from '../../src/keys/declared.ts'
import { ROLES, type Role } from '../../src/keys/key.ts'
import { createKeyring, type Keyring } from '../../src/keys/keyring.ts'
import { createKey, type KeyDeps } from '../../src/keys/lifecycle.ts'
import { databaseKeySource } from '../../src/keys/source.ts'
import { pepperKey } from '../../src/keys/token.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { AlertRule } from '../../src/monitoring/alerts/rules.ts'
import { OPEN, type Policy } from '../../src/promotion/policy.ts'
import { advancePromotion } from '../../src/promotion/requests/advance.ts'
import { createRecordStep } from '../../src/promotion/requests/record-step.ts'
import type { Ring } from '../../src/queue/jobs.ts'
import { shippedPrices } from '../../src/registry/prices/price-list.ts'
import { lastNumber } from '../../src/registry/releases/store.ts'
import { Retriever } from '../../src/retrieval/retrieve.ts'
import type { UpstreamModels } from '../../src/retrieval/upstream-models.ts'
import { auditSecrets } from './audit-records.ts'
import type { TestDatabase } from './database.ts'
import { advanceDeps } from './promotions.ts'

/** How long sums are kept by default. */
const KEEP = { minuteDays: 8, hourDays: 90, dayDays: 730 }

import { shippedModels } from './retrieval.ts'

export type ApiServer = {
  url: string
  keyring: Keyring
  keyDeps: KeyDeps
  /** Token and id of a key of a role in a project. */
  keyOf(project: 'default' | 'other', role: Role): { token: string; id: string }
  /** Filters the log was asked with, newest last. */
  filters: RequestFilter[]
  /** What was put on the log. */
  records: EventRecord[]
  /** Ids of exports that a worker was told of; of other jobs with their names in front. */
  rung: string[]
  /** Mounts more routes beside /api, such as a scripted /v1. */
  app: Hono
  /** What /api is made of. */
  deps: ApiDeps
  close(): Promise<void>
}

/** `rows` are the log of the default project. */
export async function startApiServer(
  database: TestDatabase,
  input: {
    rows?: RequestDetail[]
    declared?: DeclaredKey[]
    /** By `route@label`; any other label is open. */
    policies?: Readonly<Record<string, Policy>>
    /** Texts of `evals/<name>.yaml`. */
    suites?: Readonly<Record<string, string>>
    alertRules?: readonly AlertRule[]
  } = {},
): Promise<ApiServer> {
  const logger = pino({ level: 'silent' })
  const keyDeps: KeyDeps = { db: database.db, pepper: pepperKey(randomBytes(32)), clock: systemClock }
  const keyring = createKeyring({
    load: databaseKeySource(database, systemClock),
    declared: input.declared ?? [],
    pepper: keyDeps.pepper,
    clock: systemClock,
    logger,
    snapshotPath: null,
  })
  const minted = new Map<string, { token: string; id: string }>()
  for (const project of ['default', 'other']) {
    for (const role of ROLES) {
      const unbound = { allowedRoutes: null, rpm: null, concurrency: null, expiresAtMs: null }
      const made = await createKey(keyDeps, null, {
        name: `${project} ${role}`,
        owner: null,
        project,
        roles: [role],
        ...unbound,
      })
      minted.set(`${project} ${role}`, { token: made.token, id: made.key.id })
    }
  }
  await keyring.start()

  const filters: RequestFilter[] = []
  const records: EventRecord[] = []
  const rung: string[] = []
  const models = shippedModels()
  const rows = input.rows ?? []
  const { policies = {}, suites = {}, alertRules = [] } = input
  const given = {
    alertRules,
    database,
    keyDeps,
    keyring,
    logger,
    filters,
    records,
    rung,
    rows,
    models,
    policies,
    suites,
  }
  const deps = apiDeps(given)
  const app = new Hono()
  app.route('/api', createApi(deps))
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keyring,
    keyDeps,
    keyOf: (project, role) => minted.get(`${project} ${role}`)!,
    filters,
    records,
    rung,
    app,
    deps,
    close: async () => {
      await keyring.stop()
      await models.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** `up` trains models; the others speak dialects in which none is trained. */
const SPOKEN = new Map([
  ['up', { dialect: 'openai', tunes: true }],
  ['claude', { dialect: 'anthropic', tunes: false }],
] as const)

function apiDeps(parts: {
  database: TestDatabase
  keyDeps: KeyDeps
  keyring: Keyring
  logger: ApiDeps['logger']
  filters: RequestFilter[]
  records: EventRecord[]
  rung: string[]
  rows: RequestDetail[]
  models: UpstreamModels
  policies: Readonly<Record<string, Policy>>
  suites: Readonly<Record<string, string>>
  alertRules: readonly AlertRule[]
}): ApiDeps {
  const { database, keyDeps, keyring, logger, filters, records, rung, rows, models } = parts
  const { db } = database
  const clock = systemClock
  const pseudonym = (projectId: string, subject: string) => `sub_of_${projectId}_${subject}`
  const findRequest: ApiDeps['rebuild']['findRequest'] = async ({ projectId }, id) =>
    rows.find((row) => row.projectId === projectId && row.id === id) ?? null
  const keys = deriveAuditKeys(auditSecrets().auditKey)
  const keepRecord = async (record: EventRecord) => void records.push(record)
  const record = createRecorder({ event: keepRecord }, systemClock)
  const ring: Ring = async (name, _payload, key) => void rung.push(`${name} ${key}`)
  const policyOf = (route: string, label: string) => parts.policies[`${route}@${label}`] ?? OPEN
  const listed = [
    {
      name: 'embed',
      tasks: ['embeddings'],
      sizeBytes: 8_100_000,
      shipped: true,
      loaded: false,
    },
  ]
  return {
    version: '0.1.0',
    logger,
    keyring,
    keys: { ...keyDeps, keyring, record },
    requests: {
      record,
      pseudonym,
      clock,
      listRequests: async (filter) => {
        filters.push(filter)
        const own = rows.filter((row) => row.projectId === filter.scope.projectId)
        const limit = filter.limit ?? own.length
        return { rows: own.slice(0, limit), nextCursor: own.length > limit ? 'next-page' : null, scanned: 0 }
      },
      countRequests: async (filter) => rows.filter((row) => row.projectId === filter.scope.projectId).length,
      findRequest,
    },
    rebuild: {
      record,
      findRequest,
      rebuild: async ({ id, operation, requestBody }, attempt) =>
        rebuildSent({
          requestId: id,
          operation,
          body: requestBody === null ? null : Buffer.from(requestBody),
          attempt,
          provider: null,
          release: null,
          contexts: null,
        }),
    },
    requestContexts: {
      record,
      findRequest,
      contextsOf: async ({ retrieval }) => (retrieval === null ? null : [{ number: 1, text: 'A passage.' }]),
    },
    releases: { db, clock, record, changed: async () => undefined, policyOf },
    promotions: {
      db,
      clock,
      record,
      keyring,
      policyOf,
      changed: async () => undefined,
      advance: (id) =>
        advancePromotion(
          {
            ...advanceDeps(database, parts.suites),
            record: createRecordStep(async () => ({ event: keepRecord }), clock),
            runSuite: (runId) => ring('run-suite', { runId }, runId),
          },
          id,
        ),
    },
    policies: {
      policies: () => [OPEN, ...Object.values(parts.policies)],
      labels: () =>
        Object.entries(parts.policies).map(([name, { name: policy }]) => {
          const [route = '', label = ''] = name.split('@')
          return { route, label, policy }
        }),
      policyOf,
      hasRoute: async (projectId, route) => (await lastNumber(db, projectId, route)) > 0,
    },
    shadows: {
      db,
      clock,
      record,
      changed: async () => undefined,
      unpricedModels: async () => [],
      figuresOf: (shadow) => readShadowFigures(db, shadow),
    },
    evalRuns: {
      db,
      sql: database.sql,
      clock,
      record,
      ring,
      reckon: async (...given) => verdictOf(...given),
      serves: (model) => model.startsWith('local/'),
      demandBatches: (_projectId, subject) => {
        if (subjectText(subject) === 'local/batched') return
        throw new RequestError('unsupported_operation', 'local/reader takes no batches.', { param: 'batch' })
      },
      targetOf: () => ({ price: null, free: true }),
      // The reader that ships may be another one after an update.
      answererOf: (_projectId, model) => (model === 'local/reader' ? null : model),
    },
    fineTunes: { sql: database.sql, clock, record, ring, speaks: (name) => SPOKEN.get(name as 'up') ?? null },
    monitorExplain: { sql: database.sql, clock, record },
    onlineScores: { sql: database.sql, db, clock, record, ring },
    monitor: { sql: database.sql, clock, record, keep: () => KEEP },
    monitorData: { sql: database.sql, clock, record, ring },
    reviews: { sql: database.sql, clock, record, figure: createCalibrator() },
    alerts: {
      sql: database.sql,
      db,
      clock,
      record,
      rules: () => parts.alertRules,
      channels: () => ['on-call', 'gone'],
      test: async (_project, channel) => {
        if (channel === 'gone') return { outcome: 'refused', note: 'hooks.example.org answered 410' }
        return channel === 'on-call' ? { outcome: 'sent', note: null } : null
      },
    },
    cards: { db, sql: database.sql, record, priceOf: () => null },
    events: { clock, record, pseudonym, listEvents: (filter) => listEvents(db, filter) },
    usage: { clock, record, sumUsage: (query) => sumUsage(db, query) },
    spend: { sql: database.sql, clock, record, keep: () => KEEP },
    erasures: { db, clock, log: { event: keepRecord }, forgetSubject: () => undefined, record, pseudonym },
    holds: { db, clock, record, pseudonym },
    exports: {
      record,
      pseudonym: (projectId, subject) => `sub_of_${projectId}_${subject}`,
      clock: systemClock,
      createExport: async (order) => {
        rung.push(order.id)
        return await createExport({ db, keys, clock: systemClock }, order)
      },
      findExport: (projectId, id) => findExport(db, projectId, id),
      listExports: (projectId, page) => listExports(db, projectId, page),
      findFile: (stored, name) => findExportFile(db, stored, name),
      readFile: (stored, file) => readExportFile({ db, keys }, stored, file),
    },
    models: {
      record,
      listModels: async () => listed,
      pullModel: async function* (name) {
        yield { receivedBytes: 10, totalBytes: 100 }
        if (name === 'no/such') {
          throw new UpstreamError(
            'local_model_missing',
            'The hub is out of reach. Put the files into models/no/such.',
            {
              retryable: false,
            },
          )
        }
        yield { receivedBytes: 100, totalBytes: 100 }
      },
      removeModel: async (name) => {
        if (name === 'embed') throw new RequestError('conflict', 'local/embed is shipped and stays.')
        return name === 'Xenova/tiny'
      },
    },
    prompts: { db, clock, record },
    modelVersions: { db, clock, record },
    prices: {
      db,
      clock,
      record,
      list: shippedPrices,
      findTarget: (upstream, model) =>
        upstream === 'openai'
          ? { upstream, model, dialect: 'openai', baseUrl: 'https://api.openai.com/v1' }
          : null,
    },
    evidence: { record, listNewestHeads: async () => [], readLeaves: async () => Buffer.alloc(0) },
    sources: { sql: database.sql, clock, record, ring },
    datasets: { sql: database.sql, clock, record },
    indexes: {
      ...models,
      db,
      sql: database.sql,
      clock,
      record,
      ring,
      retriever: new Retriever({ sql: database.sql, clock, embedderOf: models.embedderOf }),
      priceOf: () => null,
    },
    operations: {
      record,
      doctor: async () => [
        { name: 'database', status: 'ok', detail: 'embedded, .aval/db', remedy: null },
        { name: 'upstream openai', status: 'warning', detail: 'no key', remedy: 'Set OPENAI_API_KEY.' },
      ],
      reload: async () => ({
        applied: false,
        problems: ['aval.yaml: rotues: unknown key. Did you mean "routes"?'],
      }),
    },
  }
}
