/** What the HTTP surface is made of: the data plane's dependencies and the app's, out of the opened parts. */

import type { Flood } from './audit/flood.ts'
import { askDatabase, type ChecksDeps, lookAtHealth } from './checks.ts'
import type { GatewayDeps } from './gateway/deps.ts'
import { createLoads } from './gateway/load/loads.ts'
import { publishLoads } from './gateway/load/publish.ts'
import { gatewayDeps } from './gateway-parts.ts'
import type { AppDeps } from './http/app.ts'
import { createUnauthenticated } from './http/unauthenticated.ts'
import type { ModelCallDeps } from './http/v1/model-calls.ts'
import { atMostOncePer } from './lib/at-most-once-per.ts'
import { systemClock } from './lib/clock.ts'
import { loadManagement } from './load-management.ts'
import { gatewayMetrics } from './metrics-parts.ts'
import type { OpenedParts } from './opened-parts.ts'
import { createRetriever } from './retrieval-parts.ts'
import { openShadows } from './shadow-parts.ts'
import * as events from './telemetry/events.ts'
import { observers } from './telemetry/requests.ts'

/** Who asks for health more often gets the database's last answer. */
const ASK_EVERY_MS = 1000

/**
 * `calls` go to the direct handler of the model calls, `parts` to the app; `close` ends what goes on beside them, before the
 * log and the database close.
 */
export function httpParts(opened: OpenedParts): {
  calls: ModelCallDeps
  parts: AppDeps
  close: () => Promise<void>
} {
  const { keyring, runtime, releases, audit, traces } = opened
  const retriever = createRetriever(opened.sql, runtime)
  // The breaker is made with the data plane, which tells the metrics that ask the breaker.
  const openCircuits = () => plain.breaker.open()
  const ask = atMostOncePer(systemClock, ASK_EVERY_MS, () => askDatabase(opened.checks.database))
  const checks: ChecksDeps = { ...opened.checks, openCircuits, ask }
  const look = () => lookAtHealth(checks)
  const metrics = gatewayMetrics({ audit, catalogue: runtime.catalogue, openCircuits, look })
  const observer = traces === null ? metrics.observer : observers(metrics.observer, traces(metrics.places))
  const loads = createLoads(systemClock)
  const plain = gatewayDeps({ ...opened, loads }, retriever, observer)
  const publishing = publishLoads({ sql: opened.sql, loads }, (error) =>
    events.loadsNotShared(opened.logger, error),
  )
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
    keyring,
    models: {
      routes: (projectId) => {
        const { routes, registry } = runtime.snapshot()
        const ofFile = [...routes.values()].filter(({ targets }) => targets.length > 0)
        return [...new Set([...registry.routesOf(projectId), ...ofFile.map(({ name }) => name)])]
      },
      listings: () => runtime.catalogue.refresh(),
    },
    checks: async () => (await look()).checks,
    scrape: metrics.scrape,
    corsOrigins,
    loadManagement: () => loadManagement(opened, { checks, gateway, retriever, shadows, corsOrigins }),
  }
  const close = async () => {
    await shadows.stop()
    await publishing.stop()
  }
  return { calls, parts, close }
}

function countUnauthenticated(flood: Flood, reportBug: GatewayDeps['reportBug']) {
  return createUnauthenticated(({ method, path, operation }, clientAddress, { code: errorCode, status }) => {
    flood.add({ clientAddress, errorCode, status, method, path, operation, requestBytes: 0 })
  }, reportBug)
}
