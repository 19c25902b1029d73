/** What syncs and builds need besides a database: the shipped model, a parser, a folder. */

import { fileURLToPath } from 'node:url'
import { createLocalProvider } from '../../src/providers/local/local.ts'
import { createParser } from '../../src/retrieval/documents/parser.ts'
import { type UpstreamModels, upstreamModels } from '../../src/retrieval/upstream-models.ts'

const MODELS = fileURLToPath(new URL('../../models', import.meta.url))
const TIMEOUTS = { connectMs: 1000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }

/** The upstream `local` with the models of the repository; no thread starts before the first call. */
export function shippedModels(): UpstreamModels & { close(): Promise<void> } {
  const provider = createLocalProvider({ folders: [MODELS], hub: { enabled: false, cacheFolder: MODELS } })
  const found = { provider, timeouts: TIMEOUTS }
  return { ...upstreamModels((name) => (name === 'local' ? found : null)), close: () => provider.close() }
}

/** What a worker is given for jobs of retrieval. `close` ends its threads. */
export function retrievalParts(directory: string) {
  const models = shippedModels()
  const parser = createParser()
  const fetchUrl = () => Promise.reject(new Error('Nothing is fetched in this test.'))
  return {
    parts: { models: async () => models, parser, fetchUrl, directory },
    close: async () => {
      await models.close()
      await parser.close()
    },
  }
}
