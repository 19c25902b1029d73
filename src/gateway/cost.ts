/** What an answer cost, from memory: unknown stays unknown. Pure. */

import type { UsageRecord } from '../audit/record.ts'
import type { Operation } from '../providers/provider.ts'
import { costOf, usageOfOperation } from '../registry/prices/cost.ts'
import { type PriceTarget, priceVersion } from '../registry/prices/price.ts'
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
  },
): Cost | null {
  const { projectId, target, operation, usage, atMs } = call
  if (target === null || usage === null) return null
  const price = registry.pricesOf(projectId).priceOf(priceTarget(target.upstream, target.model), atMs)
  if (price === null) return null
  const microUsd = costOf(usageOfOperation(operation, usage), price)
  return microUsd === null ? null : { microUsd, price: priceVersion(price) }
}
