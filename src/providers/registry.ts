/** From configured upstreams to providers. A reload keeps every provider whose settings did not change. */

import type { Secret } from '../lib/secret.ts'
import { createAnthropicBatches } from './anthropic/batches.ts'
import { anthropicTranslation } from './anthropic/translation.ts'
import { translateResults } from './batch-results.ts'
import { createGeminiBatches } from './gemini/batches.ts'
import { geminiTranslation } from './gemini/translation.ts'
import { createOpenAIProvider } from './openai.ts'
import type { Provider, Timeouts } from './provider.ts'
import { createTranslatedProvider, headersOf } from './translated.ts'
import { createTransport } from './transport.ts'

type Remote = {
  name: string
  baseUrl: string
  key: Secret | null
  headers: Readonly<Record<string, string>>
  timeouts: Timeouts
  maxConnections: number
}

export type UpstreamSettings =
  | (Remote & { dialect: 'openai'; keyHeader: string | null; query: Readonly<Record<string, string>> })
  | (Remote & { dialect: 'anthropic' | 'gemini' })
  | { name: string; dialect: 'local'; modelsDir: string | null; timeouts: Timeouts }

export type ProviderRegistry = {
  /** Builds what is new, keeps what is unchanged, retires the rest once the time of every call that knew it is up. */
  apply(settings: readonly UpstreamSettings[]): ReadonlyMap<string, Provider>
  current(): ReadonlyMap<string, Provider>
  close(): Promise<void>
}

export type RegistryDeps = {
  nowMs: () => number
  /** Local models are one pool of worker threads per process, made by the caller. */
  createLocal: (modelsDir: string | null) => Provider
  onRetireError: (upstream: string, error: unknown) => void
}

type Held = { fingerprint: string; provider: Provider; totalMs: number }

export function createProviderRegistry(deps: RegistryDeps): ProviderRegistry {
  let held = new Map<string, Held>()
  const retiring = new Map<Provider, NodeJS.Timeout>()
  const retire = (name: string, { provider, totalMs }: Held) => {
    const close = () => {
      retiring.delete(provider)
      provider.close().catch((error: unknown) => deps.onRetireError(name, error))
    }
    // A request that began before the reload may still make its next call here, until its time is up.
    retiring.set(provider, setTimeout(close, totalMs).unref())
  }
  const providers = () => new Map([...held].map(([name, { provider }]) => [name, provider]))
  return {
    apply(settings) {
      const next = new Map<string, Held>()
      for (const upstream of settings) {
        const fingerprint = fingerprintOf(upstream)
        const known = held.get(upstream.name)
        const provider = known?.fingerprint === fingerprint ? known.provider : build(deps, upstream)
        next.set(upstream.name, { fingerprint, provider, totalMs: upstream.timeouts.totalMs })
      }
      for (const [name, old] of held) if (next.get(name)?.provider !== old.provider) retire(name, old)
      held = next
      return providers()
    },
    current: providers,
    async close() {
      for (const timer of retiring.values()) clearTimeout(timer)
      const open = [...retiring.keys(), ...[...held.values()].map(({ provider }) => provider)]
      await Promise.all(open.map((provider) => provider.close()))
    },
  }
}

function build(deps: RegistryDeps, upstream: UpstreamSettings): Provider {
  if (upstream.dialect === 'local') return deps.createLocal(upstream.modelsDir)
  const transport = createTransport(upstream.name, upstream.baseUrl, {
    maxConnections: upstream.maxConnections,
    connectTimeoutMs: upstream.timeouts.connectMs,
    key: upstream.key,
  })
  if (upstream.dialect === 'openai') return createOpenAIProvider(upstream, transport)
  const { name, timeouts, dialect } = upstream
  const [translation, createBatches] = TRANSLATED[dialect]
  const headers = headersOf(upstream, translation)
  const translate = translateResults(name, translation, deps.nowMs)
  return {
    ...createTranslatedProvider(upstream, translation, transport, deps.nowMs),
    batches: createBatches({ name, headers, timeouts, transport, translate }),
  }
}

const TRANSLATED = {
  anthropic: [anthropicTranslation, createAnthropicBatches],
  gemini: [geminiTranslation, createGeminiBatches],
} as const

/** Changes when anything that a provider holds changes, the secret included. */
function fingerprintOf(upstream: UpstreamSettings): string {
  const key = 'key' in upstream ? (upstream.key?.reveal() ?? null) : null
  return JSON.stringify([upstream, key])
}
