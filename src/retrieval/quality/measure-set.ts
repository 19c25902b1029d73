/**
 * One public set measured with the code that serves: its documents pushed, indexed, and every query asked by words, by
 * vector and by both. Needs a database of its own; nothing here is for one that somebody uses.
 */

import type { Db } from '../../db/client.ts'
import { newId } from '../../lib/ids.ts'
import { quantile } from '../../lib/quantile.ts'
import { DEFAULT_RETRIEVAL, type RetrievalSettings } from '../../registry/releases/retrieval-settings.ts'
import type { ChunkerSettings } from '../chunking/settings.ts'
import { cleanText } from '../documents/clean-text.ts'
import { type BuildDeps, buildIndex } from '../indexes/build.ts'
import { createIndex, type IndexDeps, planIndex } from '../indexes/create.ts'
import type { IndexManifest } from '../indexes/manifest.ts'
import { findIndexById, type IndexRow } from '../indexes/store.ts'
import { Retriever } from '../retrieve.ts'
import { pushDocuments } from '../sources/push.ts'
import { measureRun, type RunMetrics } from './metrics.ts'
import type { QuerySet, SetDocument } from './query-sets.ts'
import { reportSet, type SetReport } from './report.ts'

export type MeasureDeps = BuildDeps & IndexDeps & { db: Db }

export type SetSettings = {
  /** Of the source and the index: a set has them to itself. */
  name: string
  chunker: ChunkerSettings
  embedding: { upstream: string; model: string; queryPrefix: string; documentPrefix: string }
  /** Of documents and queries, because no public set says it; null for `simple`. */
  language: string | null
  /** How deep documents are ranked. */
  k: number
}

/** `done` of `total` documents, chunks or searches; total is null while nobody knows it. */
export type SetStep = {
  what: 'pushing' | 'cutting' | 'embedding' | 'indexing' | 'asking'
  done: number
  total: number | null
}

type Mode = RetrievalSettings['mode']
export type MeasuredSet = {
  report: SetReport
  manifest: IndexManifest
  documents: number
  chunks: number
  /** Of each list that is fused. */
  candidates: number
  /** From the first push until the index was ready. */
  buildMs: number
  /** Of searches, by row; one after the other. */
  latency: { name: string; p50Ms: number; p95Ms: number }[]
}

const ROWS: readonly { mode: Mode; name: string }[] = [
  { mode: 'text', name: 'text-only' },
  { mode: 'vector', name: 'vector-only' },
  { mode: 'hybrid', name: 'hybrid' },
]
const BASELINE = 'text-only'

const PROJECT = 'prj_default'
const ACTOR = { id: 'bench', name: 'bench', projectId: PROJECT, person: 'bench' }
const PUSH_DOCUMENTS = 500
const PUSH_CHARACTERS = 8_000_000
const LOOK_EVERY_MS = 500
/** Figures without one of the lists would be another search's. */
const SEARCH_BUDGET_MS = 60_000
/** Wider than this no graph is searched. */
const MAX_CANDIDATES = 1_000

/**
 * Throws Error when the index cannot be built or a search went without words or vectors, RequestError and UpstreamError of
 * the model, and the signal's reason once it is aborted.
 */
export async function measureSet(
  deps: MeasureDeps,
  input: { set: QuerySet; documents: readonly SetDocument[]; settings: SetSettings },
  onStep: (step: SetStep) => void,
): Promise<MeasuredSet> {
  const { set, documents, settings } = input
  const startedMs = deps.clock.monotonicMs()
  await push(deps, documents, settings, onStep)
  const { manifest, index } = await build(deps, settings, onStep)
  const buildMs = deps.clock.monotonicMs() - startedMs
  const chunks = index.chunksTotal ?? 0
  const candidates = candidatesFor(settings.k, chunks, documents.length)
  const rows: { name: string; run: RunMetrics }[] = []
  const latency: MeasuredSet['latency'] = []
  for (const [at, { mode, name }] of ROWS.entries()) {
    const asked = await askAll(deps, { set, settings, mode, candidates }, (done) => {
      const all = set.queries.length
      onStep({ what: 'asking', done: at * all + done, total: ROWS.length * all })
    })
    rows.push({ name, run: measureRun(asked.rankings, set.judgements, settings.k) })
    const at50 = quantile(asked.times, 0.5) ?? 0
    latency.push({ name, p50Ms: at50, p95Ms: quantile(asked.times, 0.95) ?? 0 })
  }
  const report = reportSet({ set: set.name, rows, baseline: BASELINE, groups: set.groups })
  return { report, manifest, documents: documents.length, chunks, candidates, buildMs, latency }
}

/**
 * Chunks of each list that are fused, so many that about `k` documents are among them: the default, or more where documents
 * have several chunks.
 */
export function candidatesFor(k: number, chunks: number, documents: number): number {
  const perDocument = documents === 0 ? 1 : chunks / documents
  return Math.min(MAX_CANDIDATES, Math.max(DEFAULT_RETRIEVAL.candidates, Math.ceil(k * perDocument)))
}

async function push(
  deps: MeasureDeps,
  documents: readonly SetDocument[],
  { name, language }: SetSettings,
  onStep: (step: SetStep) => void,
): Promise<void> {
  for (let from = 0; from < documents.length; ) {
    deps.signal.throwIfAborted()
    onStep({ what: 'pushing', done: from, total: documents.length })
    let to = from
    let characters = 0
    while (to < documents.length && to - from < PUSH_DOCUMENTS && characters < PUSH_CHARACTERS) {
      characters += documents[to]?.text.length ?? 0
      to += 1
    }
    const some = documents.slice(from, to).map(({ id, title, text }) => ({
      key: id,
      title: title === null ? null : cleanText(title),
      text: cleanText(text),
      language,
      metadata: {},
    }))
    await pushDocuments(deps, ACTOR, name, some)
    from = to
  }
}

async function build(
  deps: MeasureDeps,
  { name, chunker, embedding }: SetSettings,
  onStep: (step: SetStep) => void,
): Promise<{ manifest: IndexManifest; index: IndexRow }> {
  const plan = await planIndex(deps, PROJECT, { name, source: name, chunker, embedding, storage: 'vector' })
  const { index } = await createIndex(deps, ACTOR, name, plan.manifest)
  const outcome = await whileLooking(
    async () => {
      const row = await findIndexById(deps.sql, index.id)
      if (row !== null) onStep(stepOf(row))
    },
    () => buildIndex(deps, index.id),
  )
  const built = await findIndexById(deps.sql, index.id)
  if (outcome === 'ready' && built !== null) return { manifest: plan.manifest, index: built }
  throw new Error(`The index of "${name}" is ${outcome}: ${built?.error ?? 'no reason was kept'}`)
}

function stepOf({ step, documentsDone, documentsTotal, chunksDone, chunksTotal }: IndexRow): SetStep {
  if (step === 'embed') return { what: 'embedding', done: chunksDone, total: chunksTotal }
  if (step === 'index' || step === 'validate') return { what: 'indexing', done: 0, total: null }
  return { what: 'cutting', done: documentsDone, total: documentsTotal }
}

/** Looks now and then while the work goes on. A look that fails is the work's to tell: both ask one database. */
async function whileLooking<Result>(look: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
  let looking: Promise<void> | null = null
  const timer = setInterval(() => {
    looking ??= look()
      .catch(() => undefined)
      .finally(() => {
        looking = null
      })
  }, LOOK_EVERY_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    await looking
  }
}

type Asking = { set: QuerySet; settings: SetSettings; mode: Mode; candidates: number }

/** One query after the other. A document's rank is that of its best chunk: one chunk of each is asked for. */
async function askAll(
  deps: MeasureDeps,
  { set, settings: { name, k }, mode, candidates }: Asking,
  onDone: (done: number) => void,
): Promise<{ rankings: Map<string, string[]>; times: number[] }> {
  const { sql, clock, embedderOf, signal } = deps
  const retriever = new Retriever({ sql, clock, embedderOf })
  const settings: RetrievalSettings = {
    ...DEFAULT_RETRIEVAL,
    mode,
    candidates,
    // Longer than a release may ask for: a prompt has no use for it, a ranking has.
    limit: k,
    per_document: 1,
    budget_ms: SEARCH_BUDGET_MS,
  }
  const rankings = new Map<string, string[]>()
  const times: number[] = []
  for (const { id, text } of set.queries) {
    signal.throwIfAborted()
    onDone(times.length)
    const { chunks, without, durationMs } = await retriever.retrieve({
      projectId: PROJECT,
      index: { name, version: 1 },
      text: cleanText(text),
      settings,
      requestId: newId('req', clock.nowMs()),
      signal,
    })
    if (without !== null) {
      throw new Error(
        `${set.name}: query "${id}" was searched without ${without}, which took longer than ${SEARCH_BUDGET_MS / 1000} s or failed. Run it where less else runs.`,
      )
    }
    rankings.set(
      id,
      chunks.map(({ key }) => key),
    )
    times.push(durationMs)
  }
  onDone(times.length)
  return { rankings, times }
}
