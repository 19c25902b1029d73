/** What the HTTP surface is made of: the data plane's dependencies and the app's, out of the opened parts. */

import type { Sql } from 'postgres'
import type { Audit } from './audit/audit.ts'
import type { ExecuteDeps } from './audit/erasure/execute.ts'
import { listEvents } from './audit/event-log/store.ts'
import { createExport, findExportFile, readExportFile } from './audit/export/exports.ts'
import { findExport, listExports } from './audit/export/store.ts'
import type { Flood } from './audit/flood.ts'
import { pseudonym } from './audit/privacy/audit-keys.ts'
import { findReadable } from './audit/privacy/read-bodies.ts'
import { searchRequests } from './audit/search.ts'
import { readShadowFigures } from './audit/shadows/store.ts'
import { countRequests, type RequestScope } from './audit/store.ts'
import { sumUsage } from './audit/usage/store.ts'
import { listNewestHeads, readLeaves } from './audit/verify/source.ts'
import { askDatabase, type ChecksDeps, doctorChecks, lookAtHealth } from './checks.ts'
import type { Db } from './db/client.ts'
import { evalRunsDeps } from './eval-parts.ts'
import { createCalibrator } from './evals/reviews/calibrator.ts'
import { priceTarget } from './gateway/cost.ts'
import type { GatewayDeps } from './gateway/deps.ts'
import { rebuildSent } from './gateway/rebuild.ts'
import { recallContexts } from './gateway/recall-contexts.ts'
import { unpricedTargets } from './gateway/shadows/estimate.ts'
import { gatewayDeps } from './gateway-parts.ts'
import type { ApiDeps } from './http/api/api.ts'
import type { ExportsApiDeps } from './http/api/exports.ts'
import type { ModelManagement } from './http/api/models.ts'
import type { OperationsApiDeps } from './http/api/operations.ts'
import { createRecorder, type Recorder } from './http/api/recorder.ts'
import type { Pseudonymizer } from './http/api/scope.ts'
import type { AppDeps } from './http/app.ts'
import { createUnauthenticated } from './http/unauthenticated.ts'
import type { ModelCallDeps } from './http/v1/model-calls.ts'
import type { Keyring } from './keys/keyring.ts'
import type { KeyDeps } from './keys/lifecycle.ts'
import { atMostOncePer } from './lib/at-most-once-per.ts'
import { systemClock } from './lib/clock.ts'
import { gatewayMetrics } from './metrics-parts.ts'
import { monitoringDeps } from './monitoring-parts.ts'
import { policedLabels, policiesOf, policyInForce } from './policies-in-force.ts'
import { priceNow } from './prices-in-force.ts'
import { promotionAdvancer } from './promotion-parts.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import type { Ring } from './queue/jobs.ts'
import { shippedPrices } from './registry/prices/price-list.ts'
import type { LiveRegistry } from './registry/releases/follow.ts'
import { lastNumber } from './registry/releases/store.ts'
import type { Retriever } from './retrieval/retrieve.ts'
import { createRetriever, modelsInForce } from './retrieval-parts.ts'
import type { Runtime } from './runtime.ts'
import { openShadows, type Shadows } from './shadow-parts.ts'
import { storeBell } from './store-bell.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import { observers } from './telemetry/requests.ts'
import type { Traces } from './traces-parts.ts'
import { fineTunesDeps } from './tuning-parts.ts'
import { VERSION } from './version.ts'

/** Who asks for health more often gets the database's last answer. */
const ASK_EVERY_MS = 1000

export type OpenedParts = {
  logger: Logger
  audit: Audit
  flood: Flood
  keyring: Keyring
  keyDeps: KeyDeps
  runtime: Runtime
  releases: Pick<LiveRegistry, 'look'>
  /** Where the process was started. */
  directory: string
  providers: Pick<ProviderRegistry, 'current'>
  checks: Omit<ChecksDeps, 'openCircuits' | 'ask'>
  /** Traces, where a collector takes them. */
  traces: Traces | null
  models: ModelManagement
  db: Db
  sql: Sql
  /** Never rejects. */
  ring: Ring
  reload: OperationsApiDeps['reload']
  erasure: ExecuteDeps
}

/** `calls` go to the direct handler of the model calls, `parts` to the app; `shadows` are stopped before the log closes. */
export function httpParts(opened: OpenedParts): { calls: ModelCallDeps; parts: AppDeps; shadows: Shadows } {
  const { keyring, runtime, releases, audit, traces } = opened
  const retriever = createRetriever(opened.sql, runtime)
  // The breaker is made with the data plane, which tells the metrics that ask the breaker.
  const openCircuits = () => plain.breaker.open()
  const ask = atMostOncePer(systemClock, ASK_EVERY_MS, () => askDatabase(opened.checks.database))
  const checks: ChecksDeps = { ...opened.checks, openCircuits, ask }
  const look = () => lookAtHealth(checks)
  const metrics = gatewayMetrics({ audit, catalogue: runtime.catalogue, openCircuits, look })
  const observer = traces === null ? metrics.observer : observers(metrics.observer, traces(metrics.places))
  const plain = gatewayDeps(opened, retriever, observer)
  const shadows = openShadows(
    {
      db: opened.db,
      clock: systemClock,
      logger: opened.logger,
      writer: opened.audit.writer,
      book: () => runtime.snapshot().registry,
      changed: () => releases.look(),
    },
    plain,
  )
  const gateway: GatewayDeps = { ...plain, offerToShadow: shadows.offer }
  const { corsOrigins } = runtime.config().server
  const calls: ModelCallDeps = {
    gateway,
    keyring,
    unauthenticated: countUnauthenticated(opened.flood, gateway.reportBug),
    maxBodyBytes: () => runtime.config().server.maxBodyBytes,
    corsOrigins,
  }
  const parts: AppDeps = {
    clock: systemClock,
    reportBug: gateway.reportBug,
    models: {
      routes: (projectId) => {
        const { routes, registry } = runtime.snapshot()
        const ofFile = [...routes.values()].filter(({ targets }) => targets.length > 0)
        return [...new Set([...registry.routesOf(projectId), ...ofFile.map(({ name }) => name)])]
      },
      listings: () => runtime.catalogue.refresh(),
    },
    stores: {
      sql: opened.sql,
      clock: systemClock,
      embedderOf: modelsInForce(runtime, opened.providers).embedderOf,
      record: createRecorder(opened.audit.log, systemClock),
      admission: gateway.admission,
      log: gateway.audit,
      retriever,
      ring: storeBell(opened.ring),
    },
    checks: async () => (await look()).checks,
    scrape: metrics.scrape,
    corsOrigins,
    api: apiDeps(opened, checks, retriever, shadows),
  }
  return { calls, parts, shadows }
}

function apiDeps(opened: OpenedParts, checks: ChecksDeps, retriever: Retriever, shadows: Shadows): ApiDeps {
  const { logger, audit, keyring, keyDeps, runtime, db, erasure } = opened
  const clock = systemClock
  const record = createRecorder(audit.log, clock)
  const known: Pseudonymizer = (projectId, subject) => pseudonym(audit.keys, projectId, subject)
  const priceOf = (projectId: string, upstream: string, model: string) =>
    priceNow(runtime, projectId, upstream, model)
  const findRequest = (scope: RequestScope, id: string) => findReadable(db, audit.keys, { scope, id })
  return {
    version: VERSION,
    logger,
    keyring,
    keys: { ...keyDeps, keyring, record },
    requests: {
      clock,
      record,
      pseudonym: known,
      listRequests: (filter) => searchRequests(db, audit.keys, filter),
      countRequests: (filter) => countRequests(db, filter),
      findRequest,
    },
    rebuild: {
      record,
      findRequest,
      rebuild: async (request, attempt) => {
        const { id, operation, requestBody, projectId, releaseId } = request
        const { upstreams, registry } = runtime.snapshot()
        return rebuildSent({
          requestId: id,
          operation,
          body: requestBody === null ? null : Buffer.from(requestBody),
          attempt,
          provider: upstreams.get(attempt.upstream)?.provider ?? null,
          release: releaseId === null ? null : { found: registry.byId(projectId ?? '', releaseId) },
          contexts: await recallContexts(opened.sql, request),
        })
      },
    },
    requestContexts: {
      record,
      findRequest,
      contextsOf: (request) => recallContexts(opened.sql, request),
    },
    events: { clock, record, pseudonym: known, listEvents: (filter) => listEvents(db, filter) },
    usage: { clock, record, sumUsage: (query) => sumUsage(db, query) },
    erasures: { ...erasure, record, pseudonym: known },
    holds: { db, clock, record, pseudonym: known },
    evidence: {
      record,
      listNewestHeads: () => listNewestHeads(opened.sql),
      readLeaves: (writer, from, to) => readLeaves(opened.sql, writer, from, to),
    },
    exports: exportsDeps(opened, record),
    models: { ...opened.models, record },
    ...promotionDeps(opened, record),
    shadows: shadowsDeps(opened, shadows, record),
    cards: { db, sql: opened.sql, record, priceOf },
    prompts: { db, clock, record },
    modelVersions: { db, clock, record },
    prices: {
      db,
      clock,
      record,
      list: shippedPrices,
      findTarget: (name, model) => {
        const upstream = runtime.snapshot().upstreams.get(name)
        return upstream === undefined ? null : priceTarget(upstream, model)
      },
    },
    sources: { sql: opened.sql, clock, record, ring: opened.ring },
    datasets: { sql: opened.sql, clock, record },
    indexes: indexesDeps(opened, retriever, record),
    evalRuns: evalRunsDeps(opened, record),
    fineTunes: fineTunesDeps(opened, record),
    onlineScores: { sql: opened.sql, db, clock, record, ring: opened.ring },
    reviews: { sql: opened.sql, clock, record, figure: createCalibrator() },
    ...monitoringDeps(opened, record),
    operations: { doctor: () => doctorChecks(checks), reload: opened.reload, record },
  }
}

function promotionDeps(
  opened: OpenedParts,
  record: Recorder,
): Pick<ApiDeps, 'releases' | 'promotions' | 'policies'> {
  const { audit, db, sql, keyring, directory, ring, logger } = opened
  const { config } = opened.runtime
  const clock = systemClock
  const changed = () => opened.releases.look()
  const policyOf = (route: string, label: string) => policyInForce(config(), route, label)
  const log = async () => audit.log
  const runtime = async () => opened.runtime
  const advance = promotionAdvancer({ db, sql, log, runtime, directory, logger })
  return {
    releases: { db, clock, record, changed, policyOf },
    promotions: {
      db,
      clock,
      record,
      keyring,
      policyOf,
      advance: async (id) => {
        try {
          await advance(id, (runId) => ring('run-suite', { runId }, runId))
        } catch (error) {
          // What was asked is kept; the worker's round goes on with it.
          events.bug(logger, error, id)
        }
      },
      changed,
    },
    policies: {
      policies: () => policiesOf(config()),
      labels: () => policedLabels(config()),
      policyOf,
      hasRoute: async (projectId, route) => (await lastNumber(db, projectId, route)) > 0,
    },
  }
}

function shadowsDeps(
  { db, releases, runtime }: OpenedParts,
  shadows: Shadows,
  record: Recorder,
): ApiDeps['shadows'] {
  const clock = systemClock
  return {
    db,
    clock,
    record,
    changed: async () => {
      await releases.look()
      await shadows.look()
    },
    unpricedModels: async (projectId, releaseId) => {
      // Another gateway may have made it a moment ago.
      await releases.look()
      const snapshot = runtime.snapshot()
      const release = snapshot.registry.byId(projectId, releaseId)
      return release === null ? [releaseId] : unpricedTargets(snapshot, projectId, release, clock.nowMs())
    },
    figuresOf: (shadow) => readShadowFigures(db, shadow),
  }
}

function indexesDeps(opened: OpenedParts, retriever: Retriever, record: Recorder): ApiDeps['indexes'] {
  const { db, sql, ring, runtime, providers } = opened
  return {
    ...modelsInForce(runtime, providers),
    db,
    sql,
    clock: systemClock,
    record,
    ring,
    retriever,
    priceOf: (projectId, upstream, model) => priceNow(runtime, projectId, upstream, model),
  }
}

function exportsDeps({ db, audit, ring }: OpenedParts, record: Recorder): ExportsApiDeps {
  const { keys } = audit
  return {
    clock: systemClock,
    record,
    pseudonym: (projectId, subject) => pseudonym(keys, projectId, subject),
    createExport: async (order) => {
      const created = await createExport({ db, keys, clock: systemClock }, order)
      await ring('write-export', { exportId: created.id }, created.id)
      return created
    },
    findExport: (projectId, id) => findExport(db, projectId, id),
    listExports: (projectId, page) => listExports(db, projectId, page),
    findFile: (stored, name) => findExportFile(db, stored, name),
    readFile: (stored, file) => readExportFile({ db, keys }, stored, file),
  }
}

function countUnauthenticated(flood: Flood, reportBug: GatewayDeps['reportBug']) {
  return createUnauthenticated(({ method, path, operation }, clientAddress, { code: errorCode, status }) => {
    flood.add({ clientAddress, errorCode, status, method, path, operation, requestBytes: 0 })
  }, reportBug)
}
