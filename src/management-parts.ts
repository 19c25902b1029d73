/** What `/api`, files and vector stores are made of, out of the opened parts. Loaded when one of them is first asked for. */

import { listEvents } from './audit/event-log/store.ts'
import { createExport, findExportFile, readExportFile } from './audit/export/exports.ts'
import { findExport, listExports } from './audit/export/store.ts'
import { pseudonym } from './audit/privacy/audit-keys.ts'
import { findReadable } from './audit/privacy/read-bodies.ts'
import { searchRequests } from './audit/search.ts'
import { readShadowFigures } from './audit/shadows/store.ts'
import { countRequests, type RequestScope } from './audit/store.ts'
import { sumUsage } from './audit/usage/store.ts'
import { listNewestHeads, readLeaves } from './audit/verify/source.ts'
import type { ChecksDeps } from './checks.ts'
import { doctorChecks } from './doctor.ts'
import { evalRunsDeps } from './eval-parts.ts'
import { createCalibrator } from './evals/reviews/calibrator.ts'
import { priceTarget } from './gateway/cost.ts'
import type { GatewayDeps } from './gateway/deps.ts'
import { rebuildSent } from './gateway/rebuild.ts'
import { recallContexts } from './gateway/recall-contexts.ts'
import { unpricedTargets } from './gateway/shadows/estimate.ts'
import type { ApiDeps } from './http/api/api.ts'
import type { ExportsApiDeps } from './http/api/exports.ts'
import { createRecorder, type Recorder } from './http/api/recorder.ts'
import type { Pseudonymizer } from './http/api/scope.ts'
import type { App } from './http/frame.ts'
import { createManagement } from './http/management.ts'
import { systemClock } from './lib/clock.ts'
import { monitoringDeps } from './monitoring-parts.ts'
import type { OpenedParts } from './opened-parts.ts'
import { policedLabels, policiesOf, policyInForce } from './policies-in-force.ts'
import { priceNow } from './prices-in-force.ts'
import { promotionAdvancer } from './promotion-parts.ts'
import { shippedPrices } from './registry/prices/price-list.ts'
import { lastNumber } from './registry/releases/store.ts'
import type { Retriever } from './retrieval/retrieve.ts'
import { modelsInForce } from './retrieval-parts.ts'
import type { Shadows } from './shadow-parts.ts'
import { storeBell } from './store-bell.ts'
import * as events from './telemetry/events.ts'
import { fineTunesDeps } from './tuning-parts.ts'
import { VERSION } from './version.ts'

/** What the data plane is made of, and management asks too. */
export type MadeParts = {
  checks: ChecksDeps
  gateway: GatewayDeps
  retriever: Retriever
  shadows: Shadows
  corsOrigins: readonly string[]
}

export function openManagement(opened: OpenedParts, made: MadeParts): App {
  const { runtime } = opened
  const { gateway, retriever, corsOrigins } = made
  return createManagement({
    clock: systemClock,
    reportBug: gateway.reportBug,
    corsOrigins,
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
    api: apiDeps(opened, made),
  })
}

function apiDeps(opened: OpenedParts, { checks, retriever, shadows }: MadeParts): ApiDeps {
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
