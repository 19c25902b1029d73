/** Retrieval as the HTTP surface and the data plane use it: models by the upstreams in force, searches, recalled texts. */

import type { Sql } from 'postgres'
import type { RequestRow } from './audit/store.ts'
import { promptContexts } from './gateway/contexts.ts'
import type { RebuildInput } from './gateway/rebuild.ts'
import { systemClock } from './lib/clock.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import { parseVersionRef } from './registry/releases/release-content.ts'
import type { Embedder } from './retrieval/embed.ts'
import { recallTexts } from './retrieval/recall.ts'
import { Retriever } from './retrieval/retrieve.ts'
import { type UpstreamModels, upstreamModels } from './retrieval/upstream-models.ts'
import type { Runtime } from './runtime.ts'

/** The model behind `upstream/model` as it is configured now; null when the upstream is not. */
export function embedderOf(runtime: Pick<Runtime, 'snapshot'>) {
  return (name: string, model: string): Embedder | null => {
    const upstream = runtime.snapshot().upstreams.get(name)
    if (upstream === undefined) return null
    return { upstream: name, provider: upstream.provider, model, timeouts: upstream.timeouts }
  }
}

/** The same models, to make indexes with: those on this machine's disk are known by their weights. */
export function modelsInForce(
  runtime: Pick<Runtime, 'snapshot'>,
  providers: Pick<ProviderRegistry, 'current'>,
): UpstreamModels {
  return upstreamModels((name) => {
    const timeouts = runtime.snapshot().upstreams.get(name)?.timeouts
    const provider = providers.current().get(name)
    return timeouts === undefined || provider === undefined ? null : { provider, timeouts }
  })
}

export function createRetriever(sql: Sql, runtime: Pick<Runtime, 'snapshot'>): Retriever {
  return new Retriever({ sql, clock: systemClock, embedderOf: embedderOf(runtime) })
}

/** What a logged request's prompt was filled with, for making its bytes again. */
export async function recallContexts(
  sql: Sql,
  { projectId, index, retrieval }: Pick<RequestRow, 'projectId' | 'index' | 'retrieval'>,
): Promise<RebuildInput['contexts']> {
  if (index === null || retrieval === null) return null
  const ref = parseVersionRef(index)
  if (ref === null || ref.version === null || projectId === null) return 'gone'
  const numbers = retrieval.contexts.map(({ chunk }) => chunk)
  const texts = await recallTexts(sql, projectId, { name: ref.name, version: ref.version }, numbers)
  return texts === null ? 'gone' : promptContexts(texts)
}
