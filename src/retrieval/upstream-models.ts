/** Models of configured upstreams as indexes need them: to call, and to know by their weights. */

import { isLocalProvider } from '../providers/local/local.ts'
import type { Provider, Timeouts } from '../providers/provider.ts'
import type { Embedder } from './embed.ts'

export type UpstreamModels = {
  /** Null when no such upstream is configured here. */
  embedderOf: (upstream: string, model: string) => Embedder | null
  /** SHA-256 over a local model's files; null for a model that is not on this machine's disk. */
  digestOf: (upstream: string, model: string) => Promise<{ digest: string; pooling: string } | null>
}

/** `find` is asked for each call, so that a reload is seen at once. */
export function upstreamModels(
  find: (upstream: string) => { provider: Provider; timeouts: Timeouts } | null,
): UpstreamModels {
  return {
    embedderOf: (upstream, model) => {
      const found = find(upstream)
      return found === null ? null : { upstream, model, provider: found.provider, timeouts: found.timeouts }
    },
    digestOf: async (upstream, model) => {
      const provider = find(upstream)?.provider
      if (provider === undefined || !isLocalProvider(provider)) return null
      return await provider.describeEmbedding(model)
    },
  }
}
