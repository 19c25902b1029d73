/** The upstreams that a process uses: those of the configuration, and Ollama where nobody named it and it answers. */

import type { UpstreamConfig } from './config/upstreams.ts'
import type { Config } from './config.ts'
import { contentOf } from './registry/content.ts'

/** `runs` is asked whether a server answers at Ollama's address, unless somebody named it. */
export async function withOllama(
  config: Pick<Config, 'upstreams' | 'ollama' | 'routes'>,
  runs: (url: string) => Promise<boolean>,
): Promise<UpstreamConfig[]> {
  const settings = [...config.upstreams]
  const { url, explicit } = config.ollama
  if (settings.some(({ name }) => name === 'ollama')) return settings
  const wanted =
    explicit || config.routes.some((route) => route.targets.some(({ upstream }) => upstream === 'ollama'))
  if (!wanted && !(await runs(url))) return settings
  settings.push({
    name: 'ollama',
    dialect: 'openai',
    baseUrl: `${url}/v1`,
    key: null,
    keyHeader: null,
    headers: {},
    query: {},
    // Loading a model from disk can take minutes before the first byte.
    timeouts: { connectMs: 2000, firstByteMs: 300_000, idleMs: 120_000, totalMs: 900_000 },
    maxConnections: 64,
    traceparent: true,
    responses: 'auto',
    streamUsage: true,
  })
  return settings
}

/**
 * SHA-256 of the settings that say whom an upstream leads to. Without its key, as another one of the same account leads to the same
 * models, and without what only says how patiently it is asked.
 */
export function upstreamIdentity(upstream: UpstreamConfig): string {
  const { dialect } = upstream
  if (dialect === 'local') return contentOf({ dialect, modelsDir: upstream.modelsDir }).hash
  const { baseUrl, headers } = upstream
  return contentOf({ dialect, baseUrl, headers, query: dialect === 'openai' ? upstream.query : {} }).hash
}
