/** What models the upstreams offer: read in the background, kept a while, never waited for on the hot path. */

import type { Clock } from '../lib/clock.ts'
import type { Provider, UpstreamModel } from './provider.ts'

const FRESH_MS = 60_000
const READ_TIMEOUT_MS = 2000
/** A server that lists more than this is cut off: the list is held in memory. */
const MAX_MODELS = 5000

export type UpstreamListing = {
  upstream: string
  models: readonly UpstreamModel[]
  /** Null when the last read worked; else a sentence for people. */
  problem: string | null
}

type Entry = UpstreamListing & { readAtMs: number; reading: Promise<void> | null }

export type Catalogue = {
  /** The last known lists, at once. Starts a read in the background where one is stale. */
  peek(): readonly UpstreamListing[]
  /** The last known lists, at once, and nothing is read. */
  known(): readonly UpstreamListing[]
  /** The lists after reading every stale one, at most 2 s later. */
  refresh(): Promise<readonly UpstreamListing[]>
}

/** `providers` is asked each time, so that a reload is seen. */
export function createCatalogue(providers: () => ReadonlyMap<string, Provider>, clock: Clock): Catalogue {
  const entries = new Map<string, Entry>()
  const sync = (): Entry[] => {
    const current = providers()
    for (const name of entries.keys()) if (!current.has(name)) entries.delete(name)
    return [...current].map(([name, provider]) => {
      const entry = entries.get(name) ?? fresh(name)
      entries.set(name, entry)
      const stale = clock.monotonicMs() - entry.readAtMs > FRESH_MS
      if (stale) entry.reading ??= read(entry, provider, clock)
      return entry
    })
  }
  return {
    peek: sync,
    known: () => [...entries.values()],
    async refresh() {
      const all = sync()
      await Promise.all(all.map(({ reading }) => reading))
      return all
    },
  }
}

function fresh(upstream: string): Entry {
  return { upstream, models: [], problem: null, readAtMs: Number.NEGATIVE_INFINITY, reading: null }
}

async function read(entry: Entry, provider: Provider, clock: Clock): Promise<void> {
  try {
    const models = await provider.listModels(AbortSignal.timeout(READ_TIMEOUT_MS))
    entry.models = models.slice(0, MAX_MODELS)
    entry.problem = null
  } catch (error) {
    // A list that cannot be read leaves the old one in place and is shown with its reason.
    entry.problem = error instanceof Error ? error.message : String(error)
  } finally {
    entry.readAtMs = clock.monotonicMs()
    entry.reading = null
  }
}
