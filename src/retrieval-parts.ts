/** Retrieval as the HTTP surface and the data plane use it: models by the upstreams in force, and searches. */

import type { Sql } from 'postgres'
import { systemClock } from './lib/clock.ts'
import type { ProviderRegistry } from './providers/registry.ts'
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
