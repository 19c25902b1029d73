/**
 * The upstreams of a worker, as aval.yaml has them when a job begins, so that no reload has to be told. Index builds and runs of
 * suites share them: were they applied in two places, one would retire the providers that the other asks.
 */

import type { Config } from './config.ts'
import { ConfigError } from './errors.ts'
import { systemClock } from './lib/clock.ts'
import { createLocalModels } from './local-models.ts'
import { ollamaAnswers } from './providers/ollama.ts'
import { createProviderRegistry } from './providers/registry.ts'
import { RegistryBook } from './registry/releases/book.ts'
import { EMPTY_REGISTRY } from './registry/releases/registry-data.ts'
import type { UpstreamModels } from './retrieval/upstream-models.ts'
import { modelsInForce } from './retrieval-parts.ts'
import { createRuntime, type Runtime } from './runtime.ts'
import * as events from './telemetry/events.ts'
import type { Logger } from './telemetry/logger.ts'

export type WorkerModels = {
  /** Reads the file again. Rejects with ConfigError for one with mistakes. What it gives follows later changes. */
  models: () => Promise<UpstreamModels>
  /** The same upstreams for a data plane. */
  runtime: () => Promise<Runtime>
  /** Releases that the data plane asks; without, there are none. */
  follow(releases: { readonly book: RegistryBook }): void
  close(): Promise<void>
}

/** Nobody waits for a worker to begin. */
const OLLAMA_PROBE_MS = 1_000

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
  let followed: { readonly book: RegistryBook } = { book: new RegistryBook(EMPTY_REGISTRY) }
  let created: Promise<Runtime> | null = null
  const runtime = () => {
    created ??= createRuntime(
      {
        clock: systemClock,
        registry,
        // Nobody calls this process.
        keyring: { setDeclared: () => undefined },
        book: () => followed.book,
        ownKeys: [],
        readConfig,
        ollamaRuns: (url) => ollamaAnswers(url, OLLAMA_PROBE_MS),
      },
      config,
    )
    return created
  }
  return {
    models: async () => {
      const live = await runtime()
      const { applied, problems } = await live.reload()
      if (!applied) throw new ConfigError(problems)
      return modelsInForce(live, registry)
    },
    runtime,
    follow: (releases) => {
      followed = releases
    },
    close: () => registry.close(),
  }
}
