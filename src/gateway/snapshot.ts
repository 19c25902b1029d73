/** Everything the hot path decides with, compiled in memory and swapped whole. Never changed in place. */

import type { Guarantee } from '../audit/guarantee.ts'
import type { Provider, Timeouts } from '../providers/provider.ts'
import type { RegistryBook } from '../registry/releases/book.ts'

export type Upstream = {
  name: string
  provider: Provider
  /** Null for upstreams that are reached by none. By it the shipped price list knows whose prices hold. */
  baseUrl: string | null
  /** SHA-256 of the settings that say whom its address leads to: the same where the same models answer, as far as a file tells. */
  identity: string
  timeouts: Timeouts
  /** False when the upstream rejects `stream_options`; usage of streams is then unknown unless it sends it anyway. */
  streamUsage: boolean
  /** False where the upstream is told nothing of traces. */
  traceparent: boolean
  /** Takes this upstream's credential out of words it said; they go to the log. */
  redact: (text: string) => string
}

export type RouteTarget = {
  upstream: string
  model: string
  weight: number | null
  timeouts: Partial<Timeouts>
}

export type Route = {
  name: string
  /** The name of each label's policy. */
  labels?: Readonly<Record<string, string>>
  targets: readonly RouteTarget[]
  retries: number
  guarantee: Guarantee
}

export type Snapshot = {
  upstreams: ReadonlyMap<string, Upstream>
  routes: ReadonlyMap<string, Route>
  /** Releases and labels; a name in it wins over a route of the same name. */
  registry: RegistryBook
  /** Of calls that name an upstream directly. */
  guarantee: Guarantee
  /** Names for suggestions: routes, and `upstream/model` of every model list that has been read. */
  knownModels: () => readonly string[]
}
