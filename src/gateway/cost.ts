/** What an answer cost, from memory: unknown stays unknown. Pure. */

import type { UsageRecord } from '../audit/record.ts'
import type { Operation } from '../providers/provider.ts'
import { costOf, usageOfOperation } from '../registry/prices/cost.ts'
import { priceVersion } from '../registry/prices/price.ts'
import type { RegistryBook } from '../registry/releases/book.ts'
import type { PlannedTarget } from './plan.ts'

export type Cost = { microUsd: bigint; price: string }

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
  const { name, provider, baseUrl } = target.upstream
  const price = registry
    .pricesOf(projectId)
    .priceOf({ upstream: name, dialect: provider.dialect, baseUrl, model: target.model }, atMs)
  if (price === null) return null
  const microUsd = costOf(usageOfOperation(operation, usage), price)
  return microUsd === null ? null : { microUsd, price: priceVersion(price) }
}
