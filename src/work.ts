/** interim */
import type { Config } from './config.ts'
import type { OpenedDatabase } from './database.ts'
import type { Logger } from './telemetry/logger.ts'
export async function startEmbeddedWorker(_config: Config, _database: OpenedDatabase, _logger: Logger) {
  return { close: async () => {} }
}
