/** What calls cost by the upstreams and prices in force now. */

import { priceTarget } from './gateway/cost.ts'
import { systemClock } from './lib/clock.ts'
import type { Price } from './registry/prices/price.ts'
import type { Runtime } from './runtime.ts'

/** Null is unknown, for an upstream that is not configured too. */
export function priceNow(runtime: Runtime, projectId: string, name: string, model: string): Price | null {
  const { upstreams, registry } = runtime.snapshot()
  const upstream = upstreams.get(name)
  if (upstream === undefined) return null
  return registry.pricesOf(projectId).priceOf(priceTarget(upstream, model), systemClock.nowMs())
}
