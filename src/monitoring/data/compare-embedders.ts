/** The embedding models that a comparison and a route's indexes rest on, each held to what it was. */

import { newId } from '../../lib/ids.ts'
import { parseManifest } from '../../retrieval/indexes/manifest.ts'
import { findIndex } from '../../retrieval/indexes/store.ts'
import type { ValidationReport } from '../../retrieval/indexes/validate.ts'
import type { UpstreamModels } from '../../retrieval/upstream-models.ts'
import type { CheckDeps } from './check-deps.ts'
import { type CheckRow, findHeldFinding } from './check-rows.ts'
import { comparePrints, printOf } from './embedder-print.ts'
import { type EmbedderPrint, type Finding, MAX_INDEXES, unknownFinding } from './finding.ts'
import { EMBEDDER } from './open-requests.ts'
import type { SampledRequest } from './sampled-request.ts'

type Held = { name: string; upstream: string; model: string; prefix: string }

/**
 * The model that reads questions is held to what it was when it last became another one, the model of an index that was searched
 * lately to what it gave when the index was built. Three short texts are embedded for each.
 */
export async function compareEmbedders(
  deps: Pick<CheckDeps, 'sql' | 'clock' | 'models'>,
  check: CheckRow,
  drawn: readonly SampledRequest[],
  seed: number,
  signal: AbortSignal,
): Promise<Finding[]> {
  const models = await deps.models()
  const searched = drawn.flatMap(({ window, search }) =>
    window === 'recent' && search !== null ? [search.index] : [],
  )
  const findings = [await compareOwn(deps, models, check, seed, signal)]
  for (const index of [...new Set(searched)].sort().slice(0, MAX_INDEXES))
    findings.push(await compareIndex(deps, models, check, index, seed, signal))
  return findings.filter((one) => one !== null)
}

async function compareOwn(
  { sql, clock }: Pick<CheckDeps, 'sql' | 'clock'>,
  models: UpstreamModels,
  check: CheckRow,
  seed: number,
  signal: AbortSignal,
): Promise<Finding | null> {
  const { upstream, model } = EMBEDDER
  if (models.embedderOf(upstream, model) === null) return null
  const name = `${upstream}/${model}`
  const before = await findHeldFinding(sql, check, `embedder:${name}`)
  const held = { name, upstream, model, prefix: '' }
  return await compareHeld({ models, clock }, held, before?.print ?? null, seed, signal)
}

/** `index`: `handbook@5`. Null for a version that is not there any more. */
async function compareIndex(
  { sql, clock }: Pick<CheckDeps, 'sql' | 'clock'>,
  models: UpstreamModels,
  { projectId }: CheckRow,
  index: string,
  seed: number,
  signal: AbortSignal,
): Promise<Finding | null> {
  const at = index.lastIndexOf('@')
  const row = await findIndex(sql, projectId, {
    name: index.slice(0, at),
    version: Number(index.slice(at + 1)),
  })
  if (row?.validation == null) return null
  const { upstream, model, digest, queryPrefix: prefix } = parseManifest(row.content).embedding
  const probes = (JSON.parse(row.validation) as ValidationReport).probes
  return await compareHeld(
    { models, clock },
    { name: index, upstream, model, prefix },
    { digest, probes },
    seed,
    signal,
  )
}

async function compareHeld(
  { models, clock }: { models: UpstreamModels; clock: CheckDeps['clock'] },
  { name, upstream, model, prefix }: Held,
  before: EmbedderPrint | null,
  seed: number,
  signal: AbortSignal,
): Promise<Finding> {
  const sizes = { recent: 0, baseline: before?.probes.length ?? 0 }
  const feature = { feature: `embedder:${name}`, method: 'probe-cosine@1', sizes }
  const embedder = models.embedderOf(upstream, model)
  if (embedder === null)
    return unknownFinding(feature, `The upstream "${upstream}" is not configured here.`, seed)
  try {
    const digest = (await models.digestOf(upstream, model))?.digest ?? null
    const requestId = newId('req', clock.nowMs())
    const now = await printOf(embedder, { digest, prefix, requestId, signal })
    return comparePrints(name, before, now, seed)
  } catch (error) {
    signal.throwIfAborted()
    // A model that cannot be asked says nothing of its weights, and must not cost the rest of the comparison.
    const message = error instanceof Error ? error.message : String(error)
    return unknownFinding(feature, message.slice(0, 500), seed)
  }
}
