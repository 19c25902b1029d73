/** Gauges of how the process stands, read when somebody scrapes and never between. */

import type { Registry } from 'prom-client'
import { Counter, collectDefaultMetrics, Gauge } from './prometheus.ts'

export type QueueCount = { job: string; state: string; jobs: number }

export type ProcessState = {
  spool: { spoolBytes: number; openRequests: number; unsyncedMs: number; owedCloses: number }
  ship: { lagRecords: number; lagSeconds: number; failures: number; shippedRows: number }
  /** Names of upstreams whose circuit is open, one for each circuit. */
  openCircuits: readonly string[]
  parts: readonly { name: string; status: 'ok' | 'degraded' | 'unavailable' }[]
  /** Of the newest worker; null when none lives, or nobody can tell. */
  workerAgeSeconds: number | null
  queue: readonly QueueCount[]
}

const LEVEL = { ok: 0, degraded: 1, unavailable: 2 } as const

/** Registers the gauges and gives what writes them, to be called before each scrape. */
export function stateMetrics(registry: Registry): (state: ProcessState) => void {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const health = gauge('aval_health_status', '0 ok, 1 degraded, 2 unavailable.', ['part'])
  const circuits = gauge(
    'aval_upstream_circuits_open',
    'Models of an upstream that are not called for now.',
    ['upstream'],
  )
  const queue = gauge('aval_queue_jobs', 'Jobs as a worker counted them last.', ['name', 'state'])
  const worker = gauge('aval_worker_sign_age_seconds', "Age of the newest worker's sign of life.")
  const lag = gauge('aval_spool_unshipped_records', 'Records of the spool that are not in the database.')
  const oldest = gauge('aval_spool_oldest_unshipped_seconds', 'Age of the oldest ended request among them.')
  const failures = gauge('aval_ship_failures', 'Attempts to ship that failed in a row.')
  const bytes = gauge('aval_spool_bytes', 'Spool on disk.')
  const unsynced = gauge('aval_spool_unsynced_seconds', 'Age of the oldest record a power cut could take.')
  const open = gauge('aval_spool_open_requests', 'Requests whose end is not in the spool.')
  const owed = gauge('aval_spool_owed_closes', 'Ends of requests that the disk did not take yet.')
  const shipped = new Counter({
    name: 'aval_shipped_requests_total',
    help: 'Requests this process put into the database.',
    registers: [registry],
  })
  return (state) => {
    const { spool, ship } = state
    health.reset()
    for (const { name, status } of state.parts) health.set({ part: name }, LEVEL[status])
    circuits.reset()
    for (const upstream of state.openCircuits) circuits.inc({ upstream })
    queue.reset()
    for (const { job, state: jobState, jobs } of state.queue) queue.set({ name: job, state: jobState }, jobs)
    // Unknown is no number, and never 0.
    worker.set(state.workerAgeSeconds ?? Number.NaN)
    lag.set(ship.lagRecords)
    oldest.set(ship.lagSeconds)
    failures.set(ship.failures)
    bytes.set(spool.spoolBytes)
    unsynced.set(spool.unsyncedMs / 1000)
    open.set(spool.openRequests)
    owed.set(spool.owedCloses)
    // The shipper counts itself; the whole count replaces the one of the last scrape.
    shipped.reset()
    shipped.inc(ship.shippedRows)
  }
}

/** Event loop delay, heap, garbage collection, processor time and open files, as the library names them. */
export function processMetrics(registry: Registry, version: string): void {
  collectDefaultMetrics(registry)
  const info = new Gauge({
    name: 'aval_build_info',
    help: 'Always 1; the version is a label.',
    labelNames: ['version'],
    registers: [registry],
  })
  info.set({ version }, 1)
}
