/**
 * Builds an index version: chunks, then vectors and terms, then the database's own indexes, then a look whether they
 * find what is there. Each step goes on where a killed run stopped: what a transaction wrote, it also counted.
 */

import type { Sql, TransactionSql } from 'postgres'
import { demandHeld, type HeldOutcome, type Run, whileHolding } from '../../db/held-work.ts'
import { GatewayError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { chunkText } from '../chunking/chunk-text.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'
import { type Embedder, embedTexts, vectorText } from '../embed.ts'
import { configurationOf } from '../language.ts'
import { type IndexManifest, parseManifest } from './manifest.ts'
import { createPartitions, indexPartitions } from './partitions.ts'
import { reuseVectors } from './reuse.ts'
import {
  BUILDS,
  type BuildChange,
  chunksFrom,
  claimBuild,
  countLexemes,
  documentsFrom,
  findIndexById,
  type IndexedDocument,
  type IndexRow,
  insertChunks,
  insertVectors,
} from './store.ts'
import { validateIndex } from './validate.ts'

export type BuildDeps = {
  sql: Sql
  embedded: boolean
  clock: Clock
  /** Null when no such upstream is configured here. */
  embedderOf: (upstream: string, model: string) => Embedder | null
  /** SHA-256 over a local model's files; null for a model that is not on this machine's disk. */
  digestOf: (upstream: string, model: string) => Promise<{ digest: string } | null>
  signal: AbortSignal
}

/** `nothing`: it is done, failed, dropped or unknown. `taken-over`: another run builds it. */
export type BuildOutcome = HeldOutcome<'ready'>

/** Deaths of workers count too: an index that kills them must not go round for ever. */
const MAX_ATTEMPTS = 20
const DOCUMENTS_AT_ONCE = 20
/** Documents may be 16 MiB each; a page of them is held whole, with its chunks. */
const CHARACTERS_AT_ONCE = 4_000_000
/** One call of the upstream, and one transaction. */
const CHUNKS_AT_ONCE = 64
const INSERT_AT_ONCE = 500
const MAX_CHUNKS = 5_000_000

/** What no second try would mend; its message is for whoever asked for the index. */
class BuildRefused extends Error {
  override name = 'BuildRefused'
}

/** Throws what may be better at a second try; the build then says so and waits. */
export async function buildIndex(deps: BuildDeps, id: string): Promise<BuildOutcome> {
  const { sql } = deps
  return await whileHolding(deps, BUILDS, id, {
    claim: (run, now) => claimBuild(sql, run, now),
    work: async (run) => {
      const row = await findIndexById(sql, id)
      if (row === null) return 'nothing'
      if (row.attempts > MAX_ATTEMPTS) {
        throw new BuildRefused(`Given up after ${MAX_ATTEMPTS} tries. ${row.error ?? 'Each was cut off.'}`)
      }
      await new Build(deps, row, run).all()
      return 'ready'
    },
    isFinal: (error) => error instanceof BuildRefused || (error instanceof GatewayError && !mayPass(error)),
  })
}

/** An upstream that is away may come back; a text that is too long for a model stays too long. */
function mayPass(error: GatewayError): boolean {
  return 'retryable' in error && error.retryable === true
}

class Build {
  readonly #deps: BuildDeps
  readonly #row: IndexRow
  readonly #run: Run
  readonly #manifest: IndexManifest
  readonly #number: number

  constructor(deps: BuildDeps, row: IndexRow, run: Run) {
    this.#deps = deps
    this.#row = row
    this.#run = run
    this.#manifest = parseManifest(row.content)
    this.#number = row.number
  }

  async all(): Promise<void> {
    const { sql, embedded } = this.#deps
    const embedder = await this.#embedder()
    await createPartitions(sql, this.#number)
    const { step } = this.#row
    const isChunked = step !== null && step !== 'chunk'
    if (!isChunked) await this.#chunk()
    if (step !== 'index' && step !== 'validate') await this.#embed(embedder)
    await indexPartitions(sql, { number: this.#number, manifest: this.#manifest, embedded })
    await this.#own(sql, { step: 'validate' })
    const built = await findIndexById(sql, this.#row.id)
    const chunks = built?.chunksTotal ?? 0
    const found = await validateIndex(this.#deps, {
      number: this.#number,
      manifest: this.#manifest,
      chunks,
      embedder,
    })
    await this.#own(sql, { validation: JSON.stringify(found.report) })
    if (found.problem !== null) throw new BuildRefused(found.problem)
    await this.#own(sql, { state: 'ready', error: null })
  }

  /** The model that the manifest names, and no other that answers to its name. */
  async #embedder(): Promise<Embedder> {
    const { upstream, model, digest } = this.#manifest.embedding
    const embedder = this.#deps.embedderOf(upstream, model)
    if (embedder === null) {
      throw new BuildRefused(
        `No upstream "${upstream}" is configured where this was built. Add it, and build again.`,
      )
    }
    const found = digest === null ? null : ((await this.#deps.digestOf(upstream, model))?.digest ?? null)
    if (found !== digest) {
      throw new BuildRefused(
        `${upstream}/${model} has other weights than when this version was made (${short(found)} instead of ${short(digest)}). Make a new version.`,
      )
    }
    return embedder
  }

  async #chunk(): Promise<void> {
    const { sql, signal } = this.#deps
    const { projectId, documentsTotal } = this.#row
    const { source, chunker } = this.#manifest
    await this.#own(sql, { step: 'chunk' })
    let position = this.#row.documentsDone
    let total = this.#row.chunksTotal ?? 0
    while (position < documentsTotal) {
      signal.throwIfAborted()
      const page = await documentsFrom(
        sql,
        { projectId, snapshotHash: source.snapshot, source: source.name },
        { from: position, limit: DOCUMENTS_AT_ONCE, characters: CHARACTERS_AT_ONCE },
      )
      // One that is missing among others would leave the version without it, and the next page would begin with one twice.
      const gap = page.findIndex((document, at) => document.position !== position + at)
      if (page.length === 0 || gap >= 0) {
        throw new BuildRefused(`Document ${position + Math.max(0, gap)} of the snapshot is not there.`)
      }
      const chunked = page.map((document) => ({
        document,
        chunks: chunkText(document.body, chunkerOf(document) ?? chunker),
      }))
      const after = total + chunked.reduce((sum, { chunks }) => sum + chunks.length, 0)
      if (after > MAX_CHUNKS)
        throw new BuildRefused(`More than ${MAX_CHUNKS} chunks. Use larger ones, or more indexes.`)
      await sql.begin(async (transaction) => {
        await this.#own(transaction, { documentsDone: position + page.length, chunksTotal: after })
        let first = total
        for (const { document, chunks } of chunked) {
          const about = { ...document, configuration: configurationOf(document.language) }
          for (let at = 0; at < chunks.length; at += INSERT_AT_ONCE) {
            const some = chunks.slice(at, at + INSERT_AT_ONCE)
            await insertChunks(transaction, { number: this.#number }, about, first, some)
            first += some.length
          }
        }
      })
      total = after
      position += page.length
    }
    if (total === 0) throw new BuildRefused('The snapshot has no text to index.')
    await sql.begin(async (transaction) => {
      await this.#own(transaction, { step: 'embed' })
      const { meanLexemes, configurations } = await countLexemes(transaction, this.#number)
      await this.#own(transaction, { meanLexemes, configurations: configurations.join(',') })
    })
  }

  async #embed(embedder: Embedder): Promise<void> {
    const { sql, signal, clock } = this.#deps
    const row = await findIndexById(sql, this.#row.id)
    const { documentPrefix, dimensions } = this.#manifest.embedding
    const place = { number: this.#number, meanLexemes: row?.meanLexemes ?? 0, ...this.#manifest.text }
    let done = row?.chunksDone ?? 0
    let tokens = row?.tokens ?? 0
    await reuseVectors(this.#deps, this.#row, embedder, place, (transaction) => this.#own(transaction, {}))
    for (;;) {
      signal.throwIfAborted()
      const page = await chunksFrom(sql, this.#number, done, CHUNKS_AT_ONCE)
      if (page.length === 0) break
      const texts = page.map(({ text }) => documentPrefix + text)
      const embedded = await embedTexts(embedder, texts, newId('req', clock.nowMs()), signal)
      const rows = page.map(({ number }, at) => ({
        number,
        embedding: embedded.vectors[at] ?? new Float32Array(0),
      }))
      const odd = rows.find(({ embedding }) => embedding.length !== dimensions)
      if (odd !== undefined) {
        throw new BuildRefused(
          `${embedder.upstream}/${embedder.model} gave ${odd.embedding.length} dimensions, and this version was made for ${dimensions}.`,
        )
      }
      tokens += embedded.tokens ?? 0
      // Chunks between them have a vector of a version before.
      done = (page.at(-1)?.number ?? done) + 1
      await sql.begin(async (transaction) => {
        await this.#own(transaction, { chunksDone: done, tokens })
        await insertVectors(
          transaction,
          place,
          rows.map(({ number, embedding }) => ({ number, embedding: vectorText(embedding) })),
        )
      })
    }
    await this.#own(sql, { step: 'index', chunksDone: row?.chunksTotal ?? done })
  }

  /** Throws TakenOver when the build is another run's by now: then a transaction around it undoes everything. */
  async #own(sql: Sql | TransactionSql, change: BuildChange): Promise<void> {
    const now = new Date(this.#deps.clock.nowMs()).toISOString()
    await demandHeld(sql, BUILDS, this.#run, change, now)
  }
}

function chunkerOf({ chunker }: IndexedDocument): ChunkerSettings | null {
  return chunker === null ? null : (JSON.parse(chunker) as ChunkerSettings)
}

function short(digest: string | null): string {
  return digest === null ? 'none' : digest.slice(0, 12)
}
