/** A data plane with one upstream that takes batches, and one that does not; its log is real, or kept in memory. */

import type { AuditLog, EventLog, EventRecord } from '../../src/audit/record.ts'
import { createGatewayAsk } from '../../src/evals/runs/ask-gateway.ts'
import type { BatchPlane } from '../../src/evals/runs/batches/part.ts'
import { answerersOf } from '../../src/evals/runs/taken-over/answerers.ts'
import { createAdmission } from '../../src/gateway/admission.ts'
import { createBreaker } from '../../src/gateway/breaker.ts'
import type { GatewayDeps } from '../../src/gateway/deps.ts'
import { createLoads } from '../../src/gateway/load/loads.ts'
import type { Snapshot, Upstream } from '../../src/gateway/snapshot.ts'
import { createLimiter } from '../../src/keys/limiter.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { Secret } from '../../src/lib/secret.ts'
import { sleep } from '../../src/lib/sleep.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createProviderRegistry } from '../../src/providers/registry.ts'
import { RegistryBook } from '../../src/registry/releases/book.ts'
import { EMPTY_REGISTRY, type RegistryData } from '../../src/registry/releases/registry-data.ts'
import { NO_OBSERVER } from '../../src/telemetry/requests.ts'
import { BATCH_KEY } from './batch-server.ts'

/** The system's clock, moved on: a worker comes back later than the one before. */
export function clockIn(ms: number): Clock {
  return { ...systemClock, nowMs: () => systemClock.nowMs() + ms }
}

type Whole = Parameters<AuditLog['whole']>
export type KeptLog = { wholes: Whole[]; events: EventRecord[]; log: AuditLog & EventLog }

export function keptLog(): KeptLog {
  const wholes: Whole[] = []
  const events: EventRecord[] = []
  return {
    wholes,
    events,
    log: {
      open: async () => {},
      part: () => {},
      close: async () => {},
      whole: async (...whole) => void wholes.push(whole),
      event: async (record) => void events.push(record),
    },
  }
}

export type Given = {
  url: string
  /** Of `up`; `openai` unless said. */
  dialect?: 'openai' | 'anthropic' | 'gemini'
  log: AuditLog & EventLog
  clock?: Clock
  registry?: Partial<RegistryData>
  routes?: Snapshot['routes']
  retrieve?: GatewayDeps['retrieve']
}

/** Takes no batches. */
const near: Provider = {
  dialect: 'local',
  supports: () => true,
  call: () => {
    throw new Error('Nobody is asked call by call here.')
  },
  listModels: async () => [],
  close: async () => undefined,
}

/** Upstreams `up`, which takes batches, and `local`, which does not. Close it. */
export function openBatchPlane({
  url,
  dialect = 'openai',
  log,
  clock = systemClock,
  registry = {},
  routes = new Map(),
  retrieve,
}: Given) {
  const timeouts = { connectMs: 2_000, firstByteMs: 20_000, idleMs: 20_000, totalMs: 30_000 }
  const remote = { key: new Secret(BATCH_KEY, 'env:BATCH_KEY'), headers: {}, timeouts, maxConnections: 8 }
  const providers = createProviderRegistry({
    nowMs: systemClock.nowMs,
    createLocal: () => near,
    onRetireError: () => {},
  })
  const up = { ...remote, name: 'up', baseUrl: url }
  const made = providers.apply([
    dialect === 'openai' ? { ...up, dialect, keyHeader: null, query: {} } : { ...up, dialect },
    { name: 'local', dialect: 'local', modelsDir: null, timeouts },
  ])
  const upstreams = new Map(
    [...made].map(([name, provider]): [string, Upstream] => [
      name,
      {
        name,
        provider,
        baseUrl: url,
        identity: name,
        timeouts,
        streamUsage: true,
        traceparent: false,
        redact: (text) => text,
      },
    ]),
  )
  const snapshot: Snapshot = {
    upstreams,
    routes,
    registry: new RegistryBook({ ...EMPTY_REGISTRY, ...registry }),
    guarantee: { durability: 'process', policy: 'required', deadlineMs: 0 },
    knownModels: () => [],
  }
  const gateway: GatewayDeps = {
    snapshot: () => snapshot,
    audit: log,
    admission: createAdmission(createLimiter(), () => ({ rpm: null, concurrency: null }), systemClock),
    breaker: createBreaker(systemClock),
    clock,
    random: () => 0.5,
    loads: createLoads(clock),
    retrieve: retrieve ?? (async () => await Promise.reject(new Error('No index in this test.'))),
    sleep,
    offerToShadow: () => {},
    observer: NO_OBSERVER,
    reportBug: (error) => {
      throw error
    },
  }
  const batches: BatchPlane = { gateway, log }
  const answererOf = answerersOf(() => snapshot)
  return { batches, ask: createGatewayAsk(gateway), answererOf, close: () => providers.close() }
}
