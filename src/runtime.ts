/** The parts of a running gateway that a reload replaces: upstreams, routes, declared keys, limits. */

import type { UpstreamConfig } from './config/upstreams.ts'
import type { Config } from './config.ts'
import { ConfigError } from './errors.ts'
import { withResponses } from './gateway/responses/over-chat.ts'
import type { Snapshot, Upstream } from './gateway/snapshot.ts'
import type { DeclaredKey } from './keys/declared.ts'
import type { Keyring } from './keys/keyring.ts'
import type { Clock } from './lib/clock.ts'
import { redact } from './lib/secret.ts'
import { type Catalogue, createCatalogue } from './providers/catalogue.ts'
import type { Provider } from './providers/provider.ts'
import type { ProviderRegistry } from './providers/registry.ts'
import type { RegistryBook } from './registry/releases/book.ts'
import { upstreamIdentity, withOllama } from './upstream-settings.ts'

export type RuntimeDeps = {
  clock: Clock
  registry: ProviderRegistry
  keyring: Pick<Keyring, 'setDeclared'>
  /** Keys that belong to this process whatever the file says (the command line's own). */
  ownKeys: readonly DeclaredKey[]
  /** Releases and labels as they are now; another book once they have changed. */
  book: () => RegistryBook
  /** Reads the file and the environment again; throws ConfigError. */
  readConfig: () => Config
  /** Whether a server that nobody configured answers at Ollama's address. */
  ollamaRuns: (url: string) => Promise<boolean>
}

export type Runtime = {
  config: () => Config
  snapshot: () => Snapshot
  catalogue: Catalogue
  /** Sentences about the file that could not be applied last time; empty when all is well. */
  problems: () => readonly string[]
  /** Applies a changed aval.yaml whole, or keeps the last good one and says why. Never drops a request. */
  reload: () => Promise<{ applied: boolean; problems: readonly string[] }>
}

/** Compiles the first snapshot. Throws ConfigError when the declared keys are wrong. */
export async function createRuntime(deps: RuntimeDeps, first: Config): Promise<Runtime> {
  let config = first
  let snapshot: Snapshot
  let problems: readonly string[] = []
  const catalogue = createCatalogue(() => deps.registry.current(), deps.clock)
  const wrapped = new WeakMap<Provider, Provider>()
  const apply = async (next: Config): Promise<void> => {
    deps.keyring.setDeclared([...deps.ownKeys, ...broughtKeys(next), ...next.keys])
    const settings = await withOllama(next, deps.ollamaRuns)
    const providers = deps.registry.apply(settings)
    const upstreams = new Map<string, Upstream>()
    for (const upstream of settings) {
      const provider = providers.get(upstream.name)
      if (provider === undefined) continue
      upstreams.set(upstream.name, compileUpstream(upstream, provider, wrapped, deps.clock))
    }
    const routes = new Map(next.routes.map((route) => [route.name, route]))
    const knownModels = () => [
      ...next.routes.filter(({ targets }) => targets.length > 0).map(({ name }) => name),
      ...catalogue.peek().flatMap(({ upstream, models }) => models.map(({ id }) => `${upstream}/${id}`)),
    ]
    snapshot = { upstreams, routes, registry: deps.book(), guarantee: next.audit.guarantee, knownModels }
    config = next
  }
  await apply(first)
  return {
    config: () => config,
    snapshot: () => {
      const registry = deps.book()
      if (registry !== snapshot.registry) snapshot = { ...snapshot, registry }
      return snapshot
    },
    catalogue,
    problems: () => problems,
    async reload() {
      try {
        const next = deps.readConfig()
        await apply(next)
        problems = []
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        problems = error.problems
      }
      return { applied: problems.length === 0, problems }
    },
  }
}

function compileUpstream(
  upstream: UpstreamConfig,
  provider: Provider,
  wrapped: WeakMap<Provider, Provider>,
  clock: Clock,
): Upstream {
  const mode = upstream.dialect === 'openai' ? upstream.responses : 'translate'
  // Kept across reloads: what was learned about an unchanged upstream stays learned.
  const whole = wrapped.get(provider) ?? withResponses(upstream.name, provider, mode, clock)
  wrapped.set(provider, whole)
  const streamUsage = upstream.dialect === 'openai' ? upstream.streamUsage : true
  const key = upstream.dialect === 'local' ? null : upstream.key
  return {
    name: upstream.name,
    provider: whole,
    baseUrl: upstream.dialect === 'local' ? null : upstream.baseUrl,
    identity: upstreamIdentity(upstream),
    timeouts: upstream.timeouts,
    streamUsage,
    traceparent: upstream.dialect !== 'local' && upstream.traceparent,
    redact: (text) => redact(text, key),
  }
}

/** AVAL_ADMIN_KEY and AVAL_APP_KEY: keys of any shape that the operator brought along. */
function broughtKeys(config: Config): DeclaredKey[] {
  const key = (
    name: string,
    secret: DeclaredKey['secret'] | null,
    roles: DeclaredKey['roles'],
  ): DeclaredKey[] =>
    secret === null
      ? []
      : [
          {
            name,
            owner: null,
            secret,
            roles,
            project: null,
            routes: null,
            expiresAtMs: null,
            rpm: null,
            concurrency: null,
          },
        ]
  return [...key('admin', config.bring.adminKey, ['admin']), ...key('app', config.bring.appKey, ['app'])]
}
