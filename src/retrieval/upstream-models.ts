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

/**
 * `find` is asked for each call, so that a reload is seen at once: a build that holds a model for hours must not go on with a
 * provider that was retired meanwhile. Of an upstream that is configured no more the last one stays.
 */
export function upstreamModels(
  find: (upstream: string) => { provider: Provider; timeouts: Timeouts } | null,
): UpstreamModels {
  return {
    embedderOf: (upstream, model) => {
      let last = find(upstream)
      if (last === null) return null
      const current = () => {
        last = find(upstream) ?? last
        return last as NonNullable<typeof last>
      }
      return {
        upstream,
        model,
        get provider() {
          return current().provider
        },
        get timeouts() {
          return current().timeouts
        },
      }
    },
    digestOf: async (upstream, model) => {
      const provider = find(upstream)?.provider
      if (provider === undefined || !isLocalProvider(provider)) return null
      return await provider.describeEmbedding(model)
    },
  }
}
