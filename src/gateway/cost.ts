/** What an answer cost, from memory: unknown stays unknown. Pure. */

import type { UsageRecord } from '../audit/record.ts'
import type { Operation } from '../providers/provider.ts'
import { costOf, usageOfOperation } from '../registry/prices/cost.ts'
import { type PriceTarget, priceInBatches, priceVersion } from '../registry/prices/price.ts'
import type { RegistryBook } from '../registry/releases/book.ts'
import type { PlannedTarget } from './plan.ts'
import type { Upstream } from './snapshot.ts'

export type Cost = { microUsd: bigint; price: string }

/** What a price of an upstream's model is asked for. */
export function priceTarget({ name, provider, baseUrl }: Upstream, model: string): PriceTarget {
  return { upstream: name, dialect: provider.dialect, baseUrl, model }
}

/** Null when the usage, the price or a figure of it is unknown. `atMs`: when the request came. */
export function costOfAnswer(
  registry: RegistryBook,
  call: {
    projectId: string
    target: PlannedTarget | null
    operation: Operation
    usage: UsageRecord | null
    atMs: number
    /** It was one of a batch, which have prices of their own. */
    inBatch?: boolean
  },
): Cost | null {
  const { projectId, target, operation, usage, atMs, inBatch = false } = call
  if (target === null || usage === null) return null
  const found = registry.pricesOf(projectId).priceOf(priceTarget(target.upstream, target.model), atMs)
  const price = found === null || !inBatch ? found : priceInBatches(found)
  if (price === null) return null
  const microUsd = costOf(usageOfOperation(operation, usage), price)
  return microUsd === null ? null : { microUsd, price: priceVersion(price) }
}
