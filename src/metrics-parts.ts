/** Prometheus metrics of a gateway and of a worker, out of the opened parts. */

import type { Audit } from './audit/audit.ts'
import type { Look } from './checks.ts'
import { atMostOncePer } from './lib/at-most-once-per.ts'
import { type Clock, systemClock } from './lib/clock.ts'
import type { Catalogue } from './providers/catalogue.ts'
import { type JobObserver, jobMetrics } from './telemetry/metrics/job-metrics.ts'
import { createPlaces, type Places } from './telemetry/metrics/places.ts'
import { Registry } from './telemetry/metrics/prometheus.ts'
import { requestMetrics } from './telemetry/metrics/request-metrics.ts'
import { processMetrics, stateMetrics } from './telemetry/metrics/state-metrics.ts'
import type { RequestObserver } from './telemetry/requests.ts'
import { VERSION } from './version.ts'

/** A list that was read anew is seen this much later. */
const LISTED_MS = 5000

/** Thousands of lines are written on the thread that serves: who scrapes more often gets the last ones. */
const SCRAPE_EVERY_MS = 1000

export type GatewayMetrics = { observer: RequestObserver; places: Places; scrape: () => Promise<string> }

export function gatewayMetrics(given: {
  audit: Pick<Audit, 'stats'>
  catalogue: Pick<Catalogue, 'known' | 'peek'>
  openCircuits: () => readonly string[]
  look: () => Promise<Look>
}): GatewayMetrics {
  const registry = new Registry()
  const places = createPlaces(listedModels(given.catalogue, systemClock))
  const observer = requestMetrics(registry, places)
  const writeState = stateMetrics(registry)
  let isScraped = false
  const read = async () => {
    // Node's own figures cost a timer and an observer of every collection: whoever never scrapes pays for none.
    if (!isScraped) processMetrics(registry, VERSION)
    isScraped = true
    const { checks, sign } = await given.look()
    // Whoever watches wants to see models by name: their lists are kept fresh.
    given.catalogue.peek()
    writeState({
      ...given.audit.stats(),
      openCircuits: given.openCircuits().map((target) => target.split('/')[0] ?? target),
      parts: checks,
      workerAgeSeconds: sign?.ageSeconds ?? null,
      queue: sign?.queue ?? [],
    })
    return await registry.metrics()
  }
  return { observer, places, scrape: atMostOncePer(systemClock, SCRAPE_EVERY_MS, read) }
}

/** Of a worker alone. */
export function workerMetrics(): { observeJob: JobObserver; scrape: () => Promise<string> } {
  const registry = new Registry()
  const observeJob = jobMetrics(registry)
  processMetrics(registry, VERSION)
  return { observeJob, scrape: () => registry.metrics() }
}

/** One lookup in a set, which is made anew now and then from what is known already. */
function listedModels(
  catalogue: Pick<Catalogue, 'known'>,
  clock: Clock,
): (upstream: string, model: string) => boolean {
  let names: ReadonlySet<string> = new Set()
  let madeAtMs = Number.NEGATIVE_INFINITY
  return (upstream, model) => {
    if (clock.monotonicMs() - madeAtMs > LISTED_MS) {
      names = new Set(
        catalogue.known().flatMap((listing) => listing.models.map(({ id }) => `${listing.upstream}/${id}`)),
      )
      madeAtMs = clock.monotonicMs()
    }
    return names.has(`${upstream}/${model}`)
  }
}
