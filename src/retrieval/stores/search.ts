/** A search of a vector store: in the version that is newest now, held to what its files say now. */

import type { Sql } from 'postgres'
import { RequestError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { DEFAULT_RETRIEVAL, type RetrievalSettings } from '../../registry/releases/retrieval-settings.ts'
import { fuse } from '../fuse.ts'
import type { Retrieval, RetrievedChunk, Retriever } from '../retrieve.ts'
import { demandLive, getStore } from './change.ts'
import { findMatching, findShown } from './file-rows.ts'
import type { Condition } from './filters.ts'
import { indexNameOf, markActive, type StoreRow } from './store.ts'

export type SearchDeps = { sql: Sql; clock: Clock; retriever: Pick<Retriever, 'retrieve'> }

export type StoreSearch = {
  queries: readonly string[]
  /** On the attributes of files, compiled for parameters from 2 on; null takes every file. */
  filter: Condition | null
  limit: number
  /** Least cosine. */
  minScore: number | null
  /** By vector alone, without the words. */
  vectorsAlone: boolean
}

export type FoundInStore = {
  fileId: string
  fileName: string
  /** JSON. */
  attributes: string
  chunk: RetrievedChunk
}
export type StoreFindings = {
  found: FoundInStore[]
  /** `vs-…@3`; null for a store that holds nothing yet. */
  index: string | null
  without: Retrieval['without']
  durationMs: number
}

/** Someone waits, but no prompt with a limit of its own. */
const BUDGET_MS = 20_000
/** Of each list that is fused, for every result that is wanted: deleted files leave holes. */
const CANDIDATES_PER_RESULT = 4
/** Several questions in one: a first place in one of them counts as much as in another. */
const QUESTIONS_CONSTANT = 60
/** A version may be dropped between finding it and searching it; the store then has another. */
const ATTEMPTS = 3

/**
 * Throws RequestError: conflict for an expired store, or for a model that is not the one of the build; UpstreamError of the
 * model when there are no words either.
 */
export async function searchStore(
  deps: SearchDeps,
  store: StoreRow,
  search: StoreSearch,
  { requestId, signal }: { requestId: string; signal: AbortSignal },
): Promise<StoreFindings> {
  demandLive(store)
  await markActive(deps.sql, store.id, new Date(deps.clock.nowMs()).toISOString())
  let current = store
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await searchVersion(deps, current, search, { requestId, signal })
    } catch (error) {
      if (attempt === ATTEMPTS || signal.aborted) throw error
      const now = await getStore(deps, store.projectId, store.id)
      if (now.indexId === current.indexId) throw isTableGone(error) ? droppedByHand(current) : error
      current = now
    }
  }
}

/** PostgreSQL's undefined_table. */
function isTableGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01'
}

function droppedByHand({ id }: StoreRow): RequestError {
  const message = `The version of ${id} that is searched was dropped. Add a file to it, or take one out, and another one is made.`
  return new RequestError('conflict', message, { headers: { 'x-should-retry': 'false' } })
}

async function searchVersion(
  { sql, clock, retriever }: SearchDeps,
  store: StoreRow,
  search: StoreSearch,
  call: { requestId: string; signal: AbortSignal },
): Promise<StoreFindings> {
  const { version } = store
  if (version === null) return { found: [], index: null, without: null, durationMs: 0 }
  const index = { name: indexNameOf(store.id), version }
  const startedMs = clock.monotonicMs()
  const within = search.filter === null ? null : await findMatching(sql, store.id, search.filter)
  if (within?.length === 0) {
    return { found: [], index: `${index.name}@${version}`, without: null, durationMs: 0 }
  }
  const settings = settingsOf(search)
  const answers = await Promise.all(
    search.queries.map((text) =>
      retriever.retrieve({ projectId: store.projectId, index, text, settings, within, ...call }),
    ),
  )
  // Found without the model's vectors, nobody knows how near it is.
  const chunks = together(answers).filter(({ cosine }) => search.minScore === null || cosine !== null)
  const files = await findShown(sql, store.id, [...new Set(chunks.map(fileOf))])
  const found = chunks.flatMap((chunk): FoundInStore[] => {
    const fileId = fileOf(chunk)
    const file = files.get(fileId)
    // It was taken out, and the version without it is not there yet.
    if (file === undefined) return []
    return [{ fileId, fileName: file.name, attributes: file.attributes, chunk }]
  })
  return {
    found: found.slice(0, search.limit),
    index: `${index.name}@${version}`,
    without: answers.find(({ without }) => without !== null)?.without ?? null,
    durationMs: clock.monotonicMs() - startedMs,
  }
}

function settingsOf({ limit, minScore, vectorsAlone }: StoreSearch): RetrievalSettings {
  // Twice as many, for what is taken out of them; a release's settings know no more than fifty.
  const asked = Math.min(MAX_ASKED, limit * 2)
  return {
    ...DEFAULT_RETRIEVAL,
    limit: asked,
    per_document: asked,
    candidates: Math.max(DEFAULT_RETRIEVAL.candidates, asked * CANDIDATES_PER_RESULT),
    mode: vectorsAlone ? 'vector' : 'hybrid',
    min_score: minScore,
    budget_ms: BUDGET_MS,
  }
}

const MAX_ASKED = 50

/** Answers to several questions as one list, fused by rank; each chunk with its best cosine. */
function together(answers: readonly Retrieval[]): RetrievedChunk[] {
  const [only] = answers
  if (only !== undefined && answers.length === 1) return only.chunks
  const best = new Map<string, RetrievedChunk>()
  for (const chunk of answers.flatMap(({ chunks }) => chunks)) {
    const known = best.get(String(chunk.chunk))
    if (known === undefined || (chunk.cosine ?? -1) > (known.cosine ?? -1)) {
      best.set(String(chunk.chunk), chunk)
    }
  }
  const lists = answers.map(({ chunks }, at) => ({
    name: String(at),
    weight: 1,
    ids: chunks.map(({ chunk }) => String(chunk)),
  }))
  return fuse(lists, QUESTIONS_CONSTANT).flatMap(({ id }) => best.get(id) ?? [])
}

/** Documents of a store have its file's id as their key; rows of a table have their own behind it. */
function fileOf({ key }: RetrievedChunk): string {
  return key.split('#', 1)[0] ?? key
}
