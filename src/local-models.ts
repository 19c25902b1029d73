/** interim */
import type { Config } from './config.ts'
import { UpstreamError } from './errors.ts'
import type { ModelsApiDeps } from './http/api/models.ts'
import type { Provider } from './providers/provider.ts'
import type { Logger } from './telemetry/logger.ts'
export type LocalModels = {
  provider: (dir: string | null) => Provider
  management: ModelsApiDeps
  close(): Promise<void>
}
export function createLocalModels(_config: Config, _logger: Logger): LocalModels {
  const provider: Provider = {
    dialect: 'local',
    supports: () => true,
    call(_call, sink) {
      queueMicrotask(() =>
        sink.onError(new UpstreamError('local_model_missing', 'none', { retryable: false })),
      )
      return { abort() {}, pause() {}, resume() {} }
    },
    listModels: async () => [],
    close: async () => {},
  }
  return {
    provider: () => provider,
    management: {
      listModels: async () => [],
      pullModel: async function* () {},
      removeModel: async () => false,
    },
    close: async () => {},
  }
}
