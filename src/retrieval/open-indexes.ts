/** The index versions that searches use, each looked up once, and its model held to the vectors it gave at the build. */

import type { Sql } from 'postgres'
import { RequestError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import { cosineOf, type Embedder, embedTexts } from './embed.ts'
import { type IndexManifest, parseManifest } from './indexes/manifest.ts'
import { findIndex, type IndexRow } from './indexes/store.ts'
import type { ValidationReport } from './indexes/validate.ts'
import { PROBE_BAR, PROBES } from './probe.ts'

export type ServedIndex = {
  number: number
  manifest: IndexManifest
  configurations: readonly string[]
  chunks: number
  searchWidth: number
  embedder: Embedder
  /** Rejects with RequestError conflict when the embedder is another model than the one of the build. */
  holdModel: (requestId: string, signal: AbortSignal) => Promise<void>
}

type Deps = {
  sql: Sql
  clock: Clock
  embedderOf: (upstream: string, model: string) => Embedder | null
}
type Wanted = { name: string; version: number }
type Opened = {
  index: Omit<ServedIndex, 'embedder' | 'holdModel'>
  probes: readonly (readonly number[])[]
  probed: Probed | null
}
/** Until when the model counts as the same; a reload may put another one behind the name. */
type Probed = { provider: Embedder['provider']; untilMs: number }

const PROBE_EVERY_MS = 600_000
/** Index versions kept in mind; the one unused for longest goes first. */
const MAX_OPEN = 1_000

export class OpenIndexes {
  readonly #deps: Deps
  readonly #opened = new Map<string, Opened>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Looks the version up again when it is asked next. */
  forget(projectId: string, wanted: Wanted): void {
    this.#opened.delete(keyOf(projectId, wanted))
  }

  /** Throws RequestError: not_found, or conflict with the reason why it cannot be searched. */
  async open(projectId: string, wanted: Wanted): Promise<ServedIndex> {
    const key = keyOf(projectId, wanted)
    const opened = this.#opened.get(key) ?? (await this.#read(projectId, wanted))
    this.#opened.delete(key)
    this.#opened.set(key, opened)
    for (const oldest of this.#opened.keys()) {
      if (this.#opened.size <= MAX_OPEN) break
      this.#opened.delete(oldest)
    }
    const { upstream, model } = opened.index.manifest.embedding
    const embedder = this.#deps.embedderOf(upstream, model)
    if (embedder === null) {
      throw refused(
        wanted,
        `its chunks were embedded by upstream "${upstream}", which is not configured. Add it.`,
      )
    }
    const holdModel = (requestId: string, signal: AbortSignal) =>
      this.#probe(wanted, opened, embedder, requestId, signal)
    return { ...opened.index, embedder, holdModel }
  }

  async #read(projectId: string, wanted: Wanted): Promise<Opened> {
    const row = await findIndex(this.#deps.sql, projectId, wanted)
    if (row === null) {
      const message = `This project has no index ${wanted.name}@${wanted.version}. aval index list shows what there is.`
      throw new RequestError('not_found', message, { param: 'index' })
    }
    const validation = JSON.parse(demandReady(row)) as ValidationReport
    return {
      index: {
        number: row.number,
        manifest: parseManifest(row.content),
        configurations: (row.configurations ?? '').split(',').filter((name) => name !== ''),
        chunks: row.chunksTotal ?? 0,
        searchWidth: validation.searchWidth,
      },
      probes: validation.probes,
      probed: null,
    }
  }

  async #probe(wanted: Wanted, opened: Opened, embedder: Embedder, requestId: string, signal: AbortSignal) {
    const nowMs = this.#deps.clock.monotonicMs()
    const { probed } = opened
    if (probed !== null && probed.provider === embedder.provider && nowMs < probed.untilMs) return
    const { queryPrefix, upstream, model } = opened.index.manifest.embedding
    const texts = PROBES.map((text) => queryPrefix + text)
    const { vectors } = await embedTexts(embedder, texts, requestId, signal)
    for (const [at, vector] of vectors.entries()) {
      const kept = Float32Array.from(opened.probes[at] ?? [])
      if (kept.length === vector.length && cosineOf(kept, vector) >= PROBE_BAR) continue
      throw refused(
        wanted,
        `${upstream}/${model} is not the model that its chunks were embedded with: the same text gives another vector. Serve that model, or build a new version: aval index build ${wanted.name}`,
      )
    }
    opened.probed = { provider: embedder.provider, untilMs: nowMs + PROBE_EVERY_MS }
  }
}

/** The validation of a version that can be searched. Throws RequestError conflict with why another one cannot. */
export function demandReady(row: IndexRow): string {
  if (row.state === 'ready' && row.validation !== null) return row.validation
  throw refused(row, whyNotReady(row))
}

function whyNotReady(row: IndexRow): string {
  if (row.state === 'failed') return `its build failed: ${row.error ?? 'no reason was kept'}`
  if (row.state === 'dropped') return 'it was dropped. Build it again as a new version, or pin another one.'
  return `it is being built (${row.chunksDone} of ${row.chunksTotal ?? 'unknown'} chunks). aval index show ${row.name}@${row.version}`
}

function keyOf(projectId: string, { name, version }: Wanted): string {
  return `${projectId} ${name}@${version}`
}

function refused({ name, version }: Wanted, why: string): RequestError {
  return new RequestError('conflict', `Index ${name}@${version} cannot be searched: ${why}`, {
    param: 'index',
  })
}
