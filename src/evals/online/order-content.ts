/** What is fixed when an order to score live traffic is made. */

import type { RunScorer } from '../runs/run-content.ts'
import type { OrderRow } from './order-rows.ts'

export type OrderContent = {
  route: string
  releases: readonly { id: string; number: number }[]
  scorers: readonly RunScorer[]
  /** What apps asked for, the names of a label; left out for all that the releases answered. */
  models?: readonly string[]
  /** Share of the requests, above 0 and up to 1. */
  sample: number
  /** Requests that began from `since` on and before `until`, ISO 8601. */
  since: string
  until: string
  /** Sampled requests at most. */
  limit: number
  /** Of what judges ask, micro-USD as text; null without a cap. */
  budget: string | null
  /** Why bodies are read, in the words of whoever ordered it. */
  purpose: string
}

/** Of a row that this version wrote. */
export function parseOrder({ content }: Pick<OrderRow, 'content'>): OrderContent {
  return JSON.parse(content) as OrderContent
}
