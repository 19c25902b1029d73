/** The models that a worker calls: upstreams as aval.yaml has them when a job begins, so that no reload has to be told. */

import type { Config } from './config.ts'
import { createLocalModels } from './local-models.ts'
import { ollamaAnswers, WORKER_PROBE_MS } from './providers/ollama.ts'
import { createProviderRegistry, type ProviderRegistry } from './providers/registry.ts'
import { type UpstreamModels, upstreamModels } from './retrieval/upstream-models.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'
import { withOllama } from './upstream-settings.ts'

export type WorkerModels = {
  /** The providers of this process: whatever else calls models here shares them. */
  registry: ProviderRegistry
  /** Reads the file again. Rejects with ConfigError for one with mistakes. */
  models: () => Promise<UpstreamModels>
  close(): Promise<void>
}

/** Opens no connection and loads no model before one is called. */
export function openWorkerModels(
  config: Config,
  { readConfig, nowMs, logger }: { readConfig: () => Config; nowMs: () => number; logger: Logger },
): WorkerModels {
  const local = createLocalModels(config, logger)
  const registry = createProviderRegistry({
    nowMs,
    createLocal: local.provider,
    onRetireError: (upstream, error) => events.upstreamNotRetired(logger, upstream, error),
  })
  return {
    registry,
    models: async () => {
      const settings = await withOllama(readConfig(), (url) => ollamaAnswers(url, WORKER_PROBE_MS))
      const providers = registry.apply(settings)
      const timeouts = new Map(settings.map((upstream) => [upstream.name, upstream.timeouts]))
      return upstreamModels((name) => {
        const [provider, limits] = [providers.get(name), timeouts.get(name)]
        return provider === undefined || limits === undefined ? null : { provider, timeouts: limits }
      })
    },
    close: () => registry.close(),
  }
}
