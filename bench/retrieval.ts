/**
 * How long a hybrid search of a large index takes on real PostgreSQL, and how much of the exact answer it finds:
 *
 *   node bench/retrieval.ts --database postgres://… --texts DIR --chunks 100000 [--models DIR --model all-MiniLM-L6-v2]
 *
 * Texts are the longer strings of the JSON lines (plain or .gz) below DIR, cut into chunks of about two sentences;
 * questions are the beginnings of others that are no chunk. Everything else is the code that serves.
 */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { connectDatabase } from '../src/db/client.ts'
import { systemClock } from '../src/lib/clock.ts'
import { newId } from '../src/lib/ids.ts'
import { quantile } from '../src/lib/quantile.ts'
import { createLocalProvider } from '../src/providers/local/local.ts'
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
    texts: { type: 'string' },
    models: { type: 'string' },
    model: { type: 'string', default: 'embed' },
    chunks: { type: 'string', default: '100000' },
    queries: { type: 'string', default: '500' },
    halfvec: { type: 'boolean', default: false },
  },
})
const server = values.database ?? process.env.TEST_DATABASE_URL
if (server === undefined) throw new Error('Name a server: --database postgres://user@127.0.0.1:5432/postgres')
if (values.texts === undefined) throw new Error('Name a folder of JSON lines: --texts DIR')
const chunks = Number(values.chunks)
const queries = Number(values.queries)

const SHIPPED = fileURLToPath(new URL('../models', import.meta.url))
const MIN_CHARACTERS = 60
const MAX_CHARACTERS = 400
const QUESTION_WORDS = 10
const PUSH = 1_000
const EXACT_QUERIES = 200
const PROJECT = 'prj_default'
const ACTOR = { id: 'vk_bench', name: 'bench', projectId: PROJECT, person: 'vk_bench' }

const folders = [SHIPPED, ...(values.models === undefined ? [] : [values.models])]
const provider = createLocalProvider({ folders, hub: { enabled: false, cacheFolder: SHIPPED } })
const timeouts = { connectMs: 1000, firstByteMs: 600_000, idleMs: 600_000, totalMs: 600_000 }
const embedder = { upstream: 'local', provider, model: values.model, timeouts }

/** Distinct passages, in the order of files and lines. */
async function readTexts(folder: string, wanted: number): Promise<string[]> {
  const texts = new Set<string>()
  const names = (await readdir(folder, { recursive: true }))
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
  for (const name of names) {
    const bytes = await readFile(join(folder, name))
    const lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n')
    for (const line of lines) {
      if (texts.size >= wanted) return [...texts]
      if (line.trim() !== '') for (const text of passagesOf(JSON.parse(line))) texts.add(text)
    }
  }
  return [...texts]
}

function* passagesOf(value: unknown): Generator<string> {
  if (typeof value === 'string') {
    let passage = ''
    for (const sentence of value.replaceAll(/\s+/g, ' ').split(/(?<=[.!?]) /)) {
      passage = passage === '' ? sentence : `${passage} ${sentence}`
      if (passage.length < MIN_CHARACTERS * 2) continue
      yield passage.slice(0, MAX_CHARACTERS)
      passage = ''
    }
    if (passage.length >= MIN_CHARACTERS) yield passage.slice(0, MAX_CHARACTERS)
  } else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) yield* passagesOf(member)
  }
}

/** The first fifth warms up. */
function printTimes(what: string, times: readonly number[]): void {
  const warm = times.slice(Math.floor(times.length / 5))
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => (quantile(warm, share) ?? Number.NaN).toFixed(1))
  console.log(`${what.padEnd(10)} p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms`)
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
  const all = await readTexts(values.texts, chunks + queries)
  // Every so many-th is asked and not indexed.
  const every = Math.max(2, Math.floor(all.length / queries))
  const indexed = all.filter((_, at) => at % every !== 0)
  const asked = all
    .filter((_, at) => at % every === 0)
    .map((text) => text.split(' ').slice(0, QUESTION_WORDS).join(' '))
  let startedMs = performance.now()
  for (let from = 0; from < indexed.length; from += PUSH) {
    const some = indexed.slice(from, from + PUSH).map((text, at) => ({
      key: `doc-${from + at}`,
      text,
      title: null,
      language: 'en',
      metadata: {},
    }))
    await pushDocuments(deps, ACTOR, 'bench', some)
  }
  console.log(
    `pushed     ${indexed.length} documents in ${Math.round((performance.now() - startedMs) / 1000)} s`,
  )
  const plan = await planIndex(deps, PROJECT, {
    name: 'bench',
    source: 'bench',
    chunker: chunkerSettings.parse({}),
    embedding: { upstream: 'local', model: values.model, queryPrefix: '', documentPrefix: '' },
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
    printTimes(mode, times)
  }
  const embedded: number[] = []
  for (const text of asked) {
    const from = performance.now()
    await embedTexts(embedder, [text], newId('req', Date.now()), deps.signal)
    embedded.push(performance.now() - from)
  }
  printTimes('embedding', embedded)
  const place = {
    number: row.number,
    manifest: parseManifest(row.content),
    searchWidth: validation.searchWidth,
  }
  const compared = asked.slice(0, EXACT_QUERIES)
  let found = 0
  for (const text of compared) {
    const { vectors } = await embedTexts(embedder, [text], newId('req', Date.now()), deps.signal)
    const wanted = vectorText(vectors[0] ?? new Float32Array(0))
    const exact = await nearestExactly(sql, place, wanted, 10)
    const got = new Set(
      (await nearest(sql, place, wanted, DEFAULT_RETRIEVAL.candidates)).map(({ number }) => number),
    )
    found += exact.filter(({ number }) => got.has(number)).length
  }
  const share = found / (compared.length * 10)
  console.log(`recall@10  ${share.toFixed(3)} of exact over ${compared.length} questions that are no chunk`)
} finally {
  await provider.close()
  await close()
  await scratch.stop()
}
