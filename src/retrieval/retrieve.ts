/**
 * From a question to the chunks that a prompt gets: by vector and by word at once, fused by rank. A search never meets
 * another project's, another version's or another model's vectors: each version has its own partition, is found under
 * its project, and its model is held to the vectors it gave when the index was built.
 */

import type { Sql } from 'postgres'
import { RequestError, UpstreamError } from '../errors.ts'
import type { Clock } from '../lib/clock.ts'
import type { RetrievalSettings } from '../registry/releases/retrieval-settings.ts'
import { type Embedder, embedTexts, vectorText } from './embed.ts'
import { capPerDocument, fuse, mmr } from './fuse.ts'
import { OpenIndexes, type ServedIndex } from './open-indexes.ts'
import { rerank } from './rerank.ts'
import { type Hit, nearest } from './search/nearest.ts'
import {
  documentFilter,
  type FoundChunk,
  findLexemes,
  rankByWords,
  readChunks,
  readVectors,
} from './search/store.ts'
import { textQuery } from './search/text-query.ts'

export type RetrieverDeps = {
  sql: Sql
  clock: Clock
  embedderOf: (upstream: string, model: string) => Embedder | null
}

export type Question = {
  projectId: string
  index: { name: string; version: number }
  text: string
  settings: RetrievalSettings
  /** Only documents of these files of the source, by key; all without it. */
  within?: readonly string[] | null
  requestId: string
  signal: AbortSignal
}

export type RetrievedChunk = Omit<FoundChunk, 'number'> & {
  /** Its place in the index; with the index it names the chunk for ever. */
  chunk: number
  score: number
  /** Its rank by vector and by word, where it had one. */
  ranks: Record<string, number>
}

export type Retrieval = {
  /** Best first. */
  chunks: RetrievedChunk[]
  /** What it went without, because it was late or failed; null when nothing was missing. */
  without: 'vectors' | 'words' | null
  durationMs: number
}

/** Measured: docs/adr/0022-hybrid-fusion.md. */
const FUSION_CONSTANT = 60
const WEIGHTS = { words: 2, vectors: 1 } as const
/** What is read of the fused list for every chunk that is wanted: caps, variety and minimum scores take from it. */
const READ_PER_WANTED = 4
const MIN_READ = 20

export class Retriever {
  readonly #deps: RetrieverDeps
  readonly #indexes: OpenIndexes

  constructor(deps: RetrieverDeps) {
    this.#deps = deps
    this.#indexes = new OpenIndexes(deps)
  }

  /**
   * Throws RequestError not_found or conflict for an index that is not there or not ready, and for a model that is not
   * the one it was built with; what the database or the model throws when neither words nor vectors can be asked.
   */
  async retrieve(question: Question): Promise<Retrieval> {
    const { clock } = this.#deps
    const startedMs = clock.monotonicMs()
    const index = await this.#indexes.open(question.projectId, question.index)
    try {
      const found = await this.#search(index, question)
      const chunks = await this.#choose(index, question, found)
      return { chunks, without: found.without, durationMs: clock.monotonicMs() - startedMs }
    } catch (error) {
      if (!isGone(error)) throw error
      // Dropped since it was opened: looked up again it says so itself.
      this.#indexes.forget(question.projectId, question.index)
      await this.#indexes.open(question.projectId, question.index)
      throw error
    }
  }

  async #search(index: ServedIndex, question: Question): Promise<Found> {
    const { mode, budget_ms: budgetMs } = question.settings
    const limit = AbortSignal.any([question.signal, AbortSignal.timeout(budgetMs)])
    const late = whenAborted(limit)
    const vectors = mode === 'text' ? null : this.#byVector(index, question, limit)
    const words = mode === 'vector' ? null : this.#byWords(index, question)
    const [byVector, byWord] = await Promise.all([settle(vectors, late), settle(words, late)])
    question.signal.throwIfAborted()
    // Another model is no failure that words make good: somebody has to know of it.
    if (byVector.error instanceof RequestError) throw byVector.error
    if (byVector.value === null && byWord.value === null) {
      throw told(question, byVector.error ?? byWord.error)
    }
    const without = byVector.error !== null ? 'vectors' : byWord.error !== null ? 'words' : null
    return {
      embedding: byVector.value?.embedding ?? null,
      vectors: byVector.value?.hits ?? [],
      words: byWord.value ?? [],
      without,
    }
  }

  async #byVector(
    index: ServedIndex,
    { text, requestId, settings, projectId, within = null }: Question,
    signal: AbortSignal,
  ) {
    await index.holdModel(requestId, signal)
    const { queryPrefix } = index.manifest.embedding
    const { vectors } = await embedTexts(index.embedder, [queryPrefix + text], requestId, signal)
    const embedding = vectors[0] ?? new Float32Array(0)
    const filter = documentFilter(index.number, projectId, { filters: settings.filters, within }, 1)
    const hits = await nearest(this.#deps.sql, index, vectorText(embedding), settings.candidates, filter)
    return { embedding, hits }
  }

  async #byWords(index: ServedIndex, { text, settings, projectId, within = null }: Question): Promise<Hit[]> {
    const { sql } = this.#deps
    const lexemes = await findLexemes(sql, index.number, text, index.configurations)
    const query = textQuery(lexemes, index.chunks)
    if (query === null) return []
    const filter = documentFilter(index.number, projectId, { filters: settings.filters, within }, 2)
    return await rankByWords(sql, index.number, query, settings.candidates, filter)
  }

  async #choose(index: ServedIndex, question: Question, found: Found): Promise<RetrievedChunk[]> {
    const { settings, projectId } = question
    const listOf = (name: keyof typeof WEIGHTS, hits: readonly Hit[]) => ({
      name,
      weight: WEIGHTS[name],
      ids: hits.map(({ number }) => String(number)),
      scores: hits.map(({ score }) => score),
    })
    const lists = [listOf('words', found.words), listOf('vectors', found.vectors)]
    const read = Math.max(MIN_READ, settings.limit * READ_PER_WANTED)
    const fused = fuse(lists, FUSION_CONSTANT).slice(0, read)
    const numbers = fused.map(({ id }) => Number(id))
    const { sql } = this.#deps
    const { embedding } = found
    const wanted = embedding === null ? null : vectorText(embedding)
    const texts = await readChunks(sql, index.number, projectId, numbers, wanted)
    const textOf = new Map(texts.map((row) => [row.number, row]))
    const candidates = fused.flatMap(({ id, score, ranks }): Candidate[] => {
      const row = textOf.get(Number(id))
      if (row === undefined) return []
      const { cosine } = row
      if (settings.min_score !== null && cosine !== null && cosine < settings.min_score) return []
      return [{ id, score, ranks, row }]
    })
    const ranked = await this.#rerank(question, candidates)
    const capped = capPerDocument(ranked, ({ row }) => row.documentHash, settings.per_document)
    if (settings.diversity === null) return capped.slice(0, settings.limit).map(toRetrieved)
    const vectors = await readVectors(sql, index.number, numbers)
    return mmr(capped, parsedVectors(vectors), settings.diversity, settings.limit).map(toRetrieved)
  }

  async #rerank(question: Question, candidates: Candidate[]): Promise<Candidate[]> {
    const { settings, text, requestId, signal } = question
    if (settings.rerank === null || candidates.length === 0) return candidates
    const slash = settings.rerank.indexOf('/')
    const upstream = settings.rerank.slice(0, slash)
    const model = this.#deps.embedderOf(upstream, settings.rerank.slice(slash + 1))
    if (model === null) {
      const message = `The release reranks with ${settings.rerank}, and no upstream "${upstream}" is configured.`
      throw new RequestError('conflict', message, { param: 'rerank' })
    }
    const scores = await rerank(
      model,
      text,
      candidates.map(({ row }) => row.text),
      requestId,
      signal,
    )
    return candidates
      .map((candidate, at) => ({ ...candidate, score: scores[at] ?? Number.NEGATIVE_INFINITY }))
      .toSorted((a, b) => b.score - a.score || a.row.number - b.row.number)
  }
}

type Found = {
  embedding: Float32Array | null
  vectors: readonly Hit[]
  words: readonly Hit[]
  without: Retrieval['without']
}
type Candidate = {
  id: string
  score: number
  ranks: Record<string, number>
  row: FoundChunk
}

function toRetrieved({ row, score, ranks }: Candidate): RetrievedChunk {
  const { number, ...rest } = row
  return { ...rest, chunk: number, score, ranks }
}

function parsedVectors(rows: readonly { number: number; embedding: string }[]): Map<string, Float32Array> {
  return new Map(
    rows.map(({ number, embedding }) => [
      String(number),
      Float32Array.from(JSON.parse(embedding) as number[]),
    ]),
  )
}

/** A search that had no time is no mistake of anybody. */
function told({ index, settings }: Question, error: unknown): unknown {
  if (!(error instanceof DOMException) || error.name !== 'TimeoutError') return error
  const message = `Index ${index.name}@${index.version} could not be searched within ${settings.budget_ms} ms. Try again, or give searches more time: --search budget_ms=${settings.budget_ms * 2}`
  return new UpstreamError('upstream_timeout', message, { retryable: false, cause: error })
}

/** undefined_table: the partition that would hold the answer is not there. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01'
}

/** A branch that was not asked for has neither value nor error; a late one has the error that says so. */
type Settled<Value> = { value: Value | null; error: unknown }

async function settle<Value>(branch: Promise<Value> | null, late: Promise<never>): Promise<Settled<Value>> {
  if (branch === null) return { value: null, error: null }
  try {
    return { value: await Promise.race([branch, late]), error: null }
  } catch (error) {
    // What it still does ends by itself, at the latest with the database's own limit.
    branch.catch(() => undefined)
    return { value: null, error }
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}
