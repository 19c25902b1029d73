/** What one mirrored call can cost at most, before it is sent. Pure. */

import type { JsonObject, JsonValue } from '../../lib/json.ts'
import { costOf } from '../../registry/prices/cost.ts'
import type { Price, TokenFigures } from '../../registry/prices/price.ts'
import type { RegistryBook, ServedRelease } from '../../registry/releases/book.ts'
import { priceTarget } from '../cost.ts'
import type { PlannedTarget } from '../plan.ts'
import type { ParsedBody } from '../request.ts'
import type { Snapshot } from '../snapshot.ts'

export type Estimate = {
  /** Micro-USD of the dearest target whose price is known. */
  microUsd: bigint
  /** Whether some target's price is unknown, so that `microUsd` bounds nothing for it. */
  unpriced: boolean
}

/** Assumed where neither the request nor release nor model says how long an answer may be. */
const ASSUMED_OUTPUT_TOKENS = 4_096
/** Assumed for each passage that an index will give: above the chunks that Aval makes by default. */
const ASSUMED_PASSAGE_BYTES = 4_096

/**
 * The input is taken as one token per byte: byte-level BPE starts with bytes and only merges them (Radford et al.,
 * "Language Models are Unsupervised Multitask Learners", 2019, §2.2), so text never has more tokens than bytes. Pictures
 * and sounds that are named by an address are not covered by it.
 */
export function estimateCall(
  registry: RegistryBook,
  call: {
    projectId: string
    targets: readonly PlannedTarget[]
    release: ServedRelease
    sent: ParsedBody
    atMs: number
  },
): Estimate {
  const { projectId, targets, release, sent, atMs } = call
  const inputTokens = sent.bytes.length + (release.index?.retrieval.limit ?? 0) * ASSUMED_PASSAGE_BYTES
  const estimate: Estimate = { microUsd: 0n, unpriced: false }
  for (const { upstream, model, version } of targets) {
    // Models in this process cost nobody anything.
    if (upstream.provider.dialect === 'local') continue
    const price = registry.pricesOf(projectId).priceOf(priceTarget(upstream, model), atMs)
    const outputTokens = maxOutputTokens({ ...version?.parameters, ...sent.parsed })
    const most = price === null ? null : dearest(inputTokens, outputTokens, price)
    if (most === null) estimate.unpriced = true
    else if (most > estimate.microUsd) estimate.microUsd = most
  }
  return estimate
}

/** `upstream/model` of each target whose price is unknown, or whose upstream is. */
export function unpricedTargets(
  { registry, upstreams }: Snapshot,
  projectId: string,
  release: ServedRelease,
  atMs: number,
): string[] {
  const unknown = release.targets.filter((target) => {
    const upstream = upstreams.get(target.upstream)
    if (upstream === undefined) return true
    if (upstream.provider.dialect === 'local') return false
    const price = registry.pricesOf(projectId).priceOf(priceTarget(upstream, target.model), atMs)
    return price === null || dearest(1, 1, price) === null
  })
  return unknown.map(({ upstream, model }) => `${upstream}/${model}`)
}

/**
 * Whether calls of the release cost nothing now: each model runs in this process, or has a price whose every figure is 0.
 * An unknown price is not 0, nor is one that leaves out what text costs.
 */
export function isFree(
  { registry, upstreams }: Snapshot,
  projectId: string,
  release: ServedRelease,
  atMs: number,
): boolean {
  return release.targets.every((target) => {
    const upstream = upstreams.get(target.upstream)
    if (upstream === undefined) return false
    if (upstream.provider.dialect === 'local') return true
    const price = registry.pricesOf(projectId).priceOf(priceTarget(upstream, target.model), atMs)
    return price !== null && [price, ...price.tiers].every(isNothing) && !price.perImage && !price.perRequest
  })
}

function isNothing({ input, output, cachedInput, cacheWrite, reasoning }: TokenFigures): boolean {
  return input === 0n && output === 0n && !cachedInput && !cacheWrite && !reasoning
}

/** Over how the parts may fall: written to a cache or not, reasoned or not. Null when the price lacks a figure. */
function dearest(inputTokens: number, outputTokens: number, price: Price): bigint | null {
  const costs = [0, inputTokens].flatMap((cacheWriteTokens) =>
    [0, outputTokens].map((reasoningTokens) =>
      costOf({ inputTokens, outputTokens, cachedInputTokens: 0, cacheWriteTokens, reasoningTokens }, price),
    ),
  )
  // The first is that of plain input and output; others may lack a figure that most calls do not need.
  if (costs[0] === null || costs[0] === undefined) return null
  return costs.reduce<bigint>((most, cost) => (cost !== null && cost > most ? cost : most), costs[0])
}

function maxOutputTokens(body: JsonObject): number {
  const each = count(body.max_completion_tokens) ?? count(body.max_tokens) ?? ASSUMED_OUTPUT_TOKENS
  return each * (count(body.n) ?? 1)
}

function count(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null
}
