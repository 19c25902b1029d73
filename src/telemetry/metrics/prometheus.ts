/**
 * The Prometheus client's own files. Its index also loads OpenTelemetry and what a cluster of processes needs, 80 modules
 * that few gateways use (ADR 39). Adds nothing to it.
 */

import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

export const Counter: typeof import('prom-client').Counter = load('prom-client/lib/counter.js')
export const Gauge: typeof import('prom-client').Gauge = load('prom-client/lib/gauge.js')
export const Histogram: typeof import('prom-client').Histogram = load('prom-client/lib/histogram.js')
export const Registry: typeof import('prom-client').Registry = load('prom-client/lib/registry.js')

/** Registers event loop delay, heap, garbage collection, processor time and open files; loads the rest of the client. */
export function collectDefaultMetrics(register: import('prom-client').Registry): void {
  const client: typeof import('prom-client') = load('prom-client')
  client.collectDefaultMetrics({ register })
}
