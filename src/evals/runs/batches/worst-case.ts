/** The most that the requests of a part can cost, so that a budget holds it before a byte is sent. Pure. */

import { isJsonObject } from '../../../lib/json.ts'
import type { Batches } from '../../../providers/batches.ts'
import { costOf } from '../../../registry/prices/cost.ts'
import type { Price } from '../../../registry/prices/price.ts'

/** What counts of requests: a token is a byte at least, and answers are as long as requests let them be. */
export type Worst = {
  requests: number
  inputBytes: number
  outputTokens: number
  /** A request says nothing of how long its answer may be. */
  isOpen: boolean
}

export const NOTHING: Worst = { requests: 0, inputBytes: 0, outputTokens: 0, isOpen: false }

/** `body` is a request as it is sent; `outputLimit` reads from it how long its answers may be. */
export function addRequest(worst: Worst, body: Buffer, outputLimit: Batches['outputLimit']): Worst {
  const parsed: unknown = JSON.parse(body.toString('utf8'))
  const most = isJsonObject(parsed) ? outputLimit(parsed) : null
  return {
    requests: worst.requests + 1,
    inputBytes: worst.inputBytes + body.length,
    outputTokens: worst.outputTokens + (most ?? 0),
    isOpen: worst.isOpen || most === null,
  }
}

/** Micro-USD; null when the price has no figure for it. `price` is that of batches. */
export function worstCost({ requests, inputBytes, outputTokens }: Worst, price: Price): bigint | null {
  const usage = { inputTokens: inputBytes, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 }
  const tokens = costOf(usage, { ...price, perRequest: null })
  if (tokens === null) return null
  // Each call is rounded by itself, and pays for itself what is paid for a call.
  return tokens + BigInt(requests) * ((price.perRequest ?? 0n) + 1n)
}
