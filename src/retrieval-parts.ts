/** Retrieval as the HTTP surface and the data plane use it: models by the upstreams in force, searches, recalled texts. */

import type { Sql } from 'postgres'
import type { RequestRow } from './audit/store.ts'
import { promptContexts } from './gateway/contexts.ts'
import type { RebuildInput } from './gateway/rebuild.ts'
import { systemClock } from './lib/clock.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import { parseVersionRef } from './registry/releases/release-content.ts'
import { recallTexts } from './retrieval/recall.ts'
import { Retriever } from './retrieval/retrieve.ts'
import { type UpstreamModels, upstreamModels } from './retrieval/upstream-models.ts'
import type { Runtime } from './runtime.ts'

/** Models to make indexes with: those on this machine's disk are known by their weights. */
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
  const { embedderOf } = upstreamModels((name) => runtime.snapshot().upstreams.get(name) ?? null)
  return new Retriever({ sql, clock: systemClock, embedderOf })
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
