/**
 * How long a hybrid search of a large index takes on real PostgreSQL, and how much of the exact answer it finds:
 *
 *   node bench/retrieval.ts --database postgres://… --chunks 100000
 *
 * Texts are drawn from topics with words of Zipf's frequencies, vectors are sums of random word vectors: near texts have
 * near vectors, as a model's have, and none has to be asked. Everything else is the code that serves.
 */

import { parseArgs } from 'node:util'
import { connectDatabase } from '../src/db/client.ts'
import { systemClock } from '../src/lib/clock.ts'
import { newId } from '../src/lib/ids.ts'
import type { Provider } from '../src/providers/provider.ts'
import { DEFAULT_RETRIEVAL, type RetrievalSettings } from '../src/registry/releases/retrieval-settings.ts'
import { chunkerSettings } from '../src/retrieval/chunking/settings.ts'
import { embedTexts, vectorText } from '../src/retrieval/embed.ts'
import { buildIndex } from '../src/retrieval/indexes/build.ts'
import { createIndex, planIndex } from '../src/retrieval/indexes/create.ts'
import { parseManifest } from '../src/retrieval/indexes/manifest.ts'
import { findIndex } from '../src/retrieval/indexes/store.ts'
import type { ValidationReport } from '../src/retrieval/indexes/validate.ts'
import { Retriever } from '../src/retrieval/retrieve.ts'
import { nearest, nearestExactly } from '../src/retrieval/search/nearest.ts'
import { pushDocuments } from '../src/retrieval/sources/push.ts'
import { startScratchDatabase } from './scratch-database.ts'

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    chunks: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '384' },
    queries: { type: 'string', default: '500' },
    halfvec: { type: 'boolean', default: false },
  },
})
const server = values.database ?? process.env.TEST_DATABASE_URL
if (server === undefined) throw new Error('Name a server: --database postgres://user@127.0.0.1:5432/postgres')
const chunks = Number(values.chunks)
const dimensions = Number(values.dimensions)
const queries = Number(values.queries)

const TOPICS = 400
const WORDS = 30_000
const WORDS_OF_TOPIC = 150
const PUSH = 1_000
const EXACT_QUERIES = 100
const PROJECT = 'prj_default'
const ACTOR = { id: 'vk_bench', name: 'bench', projectId: PROJECT }

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function hashOf(text: string): number {
  let hash = 2_166_136_261
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 16_777_619)
  return hash >>> 0
}

const wordVectors = new Map<string, Float32Array>()
function wordVector(word: string): Float32Array {
  let vector = wordVectors.get(word)
  if (vector === undefined) {
    const random = randomOf(hashOf(word))
    vector = Float32Array.from({ length: dimensions }, () => random() + random() + random() - 1.5)
    wordVectors.set(word, vector)
  }
  return vector
}

/** A model that needs no weights. It speaks the wire of every other one. */
const model: Provider = {
  dialect: 'openai',
  supports: () => true,
  listModels: async () => [],
  close: async () => undefined,
  call(call, sink) {
    const texts = call.parsed.input as string[]
    const data = texts.map((text, index) => {
      const vector = new Float32Array(dimensions)
      for (const word of text.split(/\W+/u)) {
        const own = wordVector(word)
        for (let at = 0; at < dimensions; at += 1) vector[at] = (vector[at] ?? 0) + (own[at] ?? 0)
      }
      return { index, embedding: Buffer.from(vector.buffer).toString('base64') }
    })
    sink.onHead({ status: 200, contentType: 'application/json', headers: {}, upstreamRequestId: null })
    sink.onData(Buffer.from(JSON.stringify({ data })))
    sink.onEnd()
    return { abort: () => undefined, pause: () => undefined, resume: () => undefined }
  },
}
const timeouts = { connectMs: 1000, firstByteMs: 60_000, idleMs: 60_000, totalMs: 60_000 }
const embedder = { upstream: 'bench', provider: model, model: 'words', timeouts }

/** Zipf over the vocabulary, or over a topic's own words: half and half. */
function textOf(random: () => number, words: number): string {
  const topic = Math.floor(random() * TOPICS)
  return Array.from({ length: words }, () => {
    const own = random() < 0.5
    const rank = Math.floor(Math.exp(random() * Math.log(own ? WORDS_OF_TOPIC : WORDS)))
    return own ? `topic${topic}word${rank}` : `word${rank}`
  }).join(' ')
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const scratch = await startScratchDatabase(server)
const { sql, db, close } = connectDatabase(scratch.url, { maxConnections: 8, applicationName: 'aval bench' })
const deps = {
  sql,
  db,
  embedded: false,
  clock: systemClock,
  embedderOf: () => embedder,
  digestOf: async () => null,
  signal: new AbortController().signal,
}
try {
  const random = randomOf(1)
  let startedMs = performance.now()
  for (let from = 0; from < chunks; from += PUSH) {
    const some = Array.from({ length: Math.min(PUSH, chunks - from) }, (_, at) => ({
      key: `doc-${from + at}`,
      text: textOf(random, 80),
      title: null,
      language: 'en',
      metadata: {},
    }))
    await pushDocuments(deps, ACTOR, 'bench', some)
  }
  console.log(`pushed     ${chunks} documents in ${Math.round((performance.now() - startedMs) / 1000)} s`)
  const plan = await planIndex(deps, PROJECT, {
    name: 'bench',
    source: 'bench',
    chunker: chunkerSettings.parse({}),
    embedding: { upstream: 'bench', model: 'words', queryPrefix: '', documentPrefix: '' },
    storage: values.halfvec ? 'halfvec' : 'vector',
  })
  const { index } = await createIndex(deps, ACTOR, 'bench', plan.manifest)
  startedMs = performance.now()
  const outcome = await buildIndex(deps, index.id)
  const seconds = (performance.now() - startedMs) / 1000
  const row = await findIndex(sql, PROJECT, { name: 'bench', version: 1 })
  if (outcome !== 'ready' || row === null) throw new Error(`${outcome}: ${row?.error}`)
  const validation = JSON.parse(row.validation ?? '{}') as ValidationReport
  console.log(
    `built      ${row.chunksTotal} chunks in ${Math.round(seconds)} s (${Math.round((row.chunksTotal ?? 0) / seconds)}/s), search width ${validation.searchWidth}, recall@10 ${validation.recallAt10.toFixed(3)}`,
  )
  const retriever = new Retriever({ sql, clock: systemClock, embedderOf: () => embedder })
  const asked = Array.from({ length: queries }, () => textOf(random, 8))
  for (const mode of ['text', 'vector', 'hybrid'] as const) {
    const settings: RetrievalSettings = { ...DEFAULT_RETRIEVAL, mode, budget_ms: 60_000 }
    const times: number[] = []
    for (const text of asked) {
      const from = performance.now()
      await retriever.retrieve({
        projectId: PROJECT,
        index: { name: 'bench', version: 1 },
        text,
        settings,
        requestId: newId('req', Date.now()),
        signal: deps.signal,
      })
      times.push(performance.now() - from)
    }
    const warm = times.slice(Math.floor(times.length / 5))
    const figures = [0.5, 0.9, 0.99].map((share) => quantile(warm, share).toFixed(1))
    console.log(`${mode.padEnd(10)} p50 ${figures[0]} ms, p90 ${figures[1]} ms, p99 ${figures[2]} ms`)
  }
  const place = {
    number: row.number,
    manifest: parseManifest(row.content),
    searchWidth: validation.searchWidth,
  }
  let found = 0
  for (const text of asked.slice(0, EXACT_QUERIES)) {
    const { vectors } = await embedTexts(embedder, [text], newId('req', Date.now()), deps.signal)
    const wanted = vectorText(vectors[0] ?? new Float32Array(dimensions))
    const exact = await nearestExactly(sql, place, wanted, 10)
    const got = new Set(
      (await nearest(sql, place, wanted, DEFAULT_RETRIEVAL.candidates)).map(({ number }) => number),
    )
    found += exact.filter(({ number }) => got.has(number)).length
  }
  const share = found / (EXACT_QUERIES * 10)
  console.log(`recall@10  ${share.toFixed(3)} of exact over ${EXACT_QUERIES} questions that are no chunk`)
} finally {
  await close()
  await scratch.stop()
}
