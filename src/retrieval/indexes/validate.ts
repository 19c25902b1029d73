/** Looks whether a built index finds what is in it: counts, lengths, each sampled chunk by itself, and HNSW against exact search. */

import type { Sql } from 'postgres'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { type Embedder, embedTexts, vectorText } from '../embed.ts'
import { PROBES } from '../probe.ts'
import { type Hit, nearest, nearestExactly } from '../search/nearest.ts'
import type { IndexManifest } from './manifest.ts'
import { partitionOf } from './partitions.ts'

export type ValidationReport = {
  chunks: number
  /** Of the sampled chunks' vectors. */
  lengthMin: number
  lengthMax: number
  sampled: number
  /** Share of sampled chunks that are their own nearest neighbour, or as near as it. */
  selfRecall: number
  /**
   * Share of the exact ten nearest that HNSW finds, searched this wide, of questions that are no chunk: the first words
   * of sampled ones. A chunk's own vector is in the graph and easy to find.
   */
  recallAt10: number
  /** 0: no width finds enough, so every vector is read. */
  searchWidth: number
  /** Vectors of fixed texts: a model that gives others is another model, whatever its name. */
  probes: number[][]
}

type Built = { number: number; manifest: IndexManifest; chunks: number; embedder: Embedder }

const SAMPLE = 50
const NEAREST = 10
const QUESTION_WORDS = 10
/** HNSW's width while searching (ef_search), the least first: the narrowest that reaches the bar is kept. */
const WIDTHS = [40, 80, 120, 160, 240, 320, 480, 640, 1000] as const
const RECALL_BAR = 0.95
const LENGTH_TOLERANCE = 1e-3
/** Two chunks of the same text are equally near. */
const SAME = 1e-5

/** `problem` is a sentence when the version must not be used. */
export async function validateIndex(
  deps: { sql: Sql; clock: Clock; signal: AbortSignal },
  built: Built,
): Promise<{ report: ValidationReport; problem: string | null }> {
  const { sql, clock, signal } = deps
  const { number, manifest, chunks, embedder } = built
  const counts = await countRows(sql, number)
  const { queryPrefix } = manifest.embedding
  const probed = await embedTexts(
    embedder,
    PROBES.map((text) => queryPrefix + text),
    newId('req', clock.nowMs()),
    signal,
  )
  const sample = await sampleVectors(sql, number, chunks)
  const questions = await embedQuestions(embedder, sample, queryPrefix, { clock, signal })
  const lengths = sample.map(({ length }) => length)
  const exact: Hit[][] = []
  for (const embedding of questions) {
    signal.throwIfAborted()
    exact.push(await nearestExactly(sql, { number, manifest }, embedding, NEAREST))
  }
  let selfRecall = 0
  let recallAt10 = 0
  let searchWidth = 0
  for (const width of WIDTHS) {
    searchWidth = width
    const found: Hit[][] = []
    for (const { embedding } of sample) {
      signal.throwIfAborted()
      found.push(await nearest(sql, { number, manifest, searchWidth: width }, embedding, NEAREST))
    }
    const asked: Hit[][] = []
    for (const embedding of questions) {
      signal.throwIfAborted()
      asked.push(await nearest(sql, { number, manifest, searchWidth: width }, embedding, NEAREST))
    }
    const own = sample.filter((one, at) =>
      (found[at] ?? []).some((hit) => hit.number === one.number || hit.score >= 1 - SAME),
    )
    selfRecall = sample.length === 0 ? 0 : own.length / sample.length
    recallAt10 = meanRecall(exact, asked)
    if (recallAt10 >= RECALL_BAR && selfRecall >= RECALL_BAR) break
  }
  // Slow and right: vectors without near and far, which no graph orders.
  if (recallAt10 < RECALL_BAR || selfRecall < RECALL_BAR) searchWidth = 0
  const report: ValidationReport = {
    chunks: counts.vectors,
    lengthMin: Math.min(...lengths),
    lengthMax: Math.max(...lengths),
    sampled: sample.length,
    selfRecall,
    recallAt10,
    searchWidth,
    probes: probed.vectors.map((vector) => Array.from(vector)),
  }
  return { report, problem: problemOf(report, counts, chunks) }
}

function problemOf(
  report: ValidationReport,
  counts: { chunks: number; terms: number; vectors: number },
  expected: number,
): string | null {
  if (counts.chunks !== expected || counts.terms !== expected || counts.vectors !== expected) {
    return `${expected} chunks were made, and ${counts.chunks} texts, ${counts.terms} term lists and ${counts.vectors} vectors are there.`
  }
  if (report.lengthMin < 1 - LENGTH_TOLERANCE || report.lengthMax > 1 + LENGTH_TOLERANCE) {
    return `Vectors have lengths from ${report.lengthMin} to ${report.lengthMax}; all must be 1.`
  }
  return null
}

/** Equally near chunks count as found: which of them is named is chance. */
function meanRecall(exact: Hit[][], found: Hit[][]): number {
  if (exact.length === 0) return 0
  const shares = exact.map((wanted, at) => {
    const bar = (wanted.at(-1)?.score ?? 0) - SAME
    const hits = (found[at] ?? []).filter(({ score }) => score >= bar).length
    return wanted.length === 0 ? 1 : Math.min(1, hits / wanted.length)
  })
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

async function countRows(
  sql: Sql,
  number: number,
): Promise<{ chunks: number; terms: number; vectors: number }> {
  const [row] = await sql.unsafe<{ chunks: number; terms: number; vectors: number }[]>(
    `SELECT (SELECT count(*) FROM ${partitionOf('chunks', number)})::integer AS chunks,
       (SELECT count(*) FROM ${partitionOf('chunk_terms', number)})::integer AS terms,
       (SELECT count(*) FROM ${partitionOf('chunk_vectors', number)})::integer AS vectors`,
  )
  return row ?? { chunks: 0, terms: 0, vectors: 0 }
}

/** What a person might ask for a chunk, as near as it can be had without a person. */
async function embedQuestions(
  embedder: Embedder,
  sample: readonly { text: string }[],
  prefix: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<string[]> {
  if (sample.length === 0) return []
  const texts = sample.map(({ text }) => prefix + text.split(/\s+/u).slice(0, QUESTION_WORDS).join(' '))
  const { vectors } = await embedTexts(embedder, texts, newId('req', clock.nowMs()), signal)
  return vectors.map(vectorText)
}

/** Evenly over the index, so that the same index is looked at in the same places. */
async function sampleVectors(
  sql: Sql,
  number: number,
  chunks: number,
): Promise<{ number: number; embedding: string; length: number; text: string }[]> {
  const step = Math.max(1, Math.floor(chunks / SAMPLE))
  return await sql.unsafe<{ number: number; embedding: string; length: number; text: string }[]>(
    `SELECT number, embedding::text AS embedding, vector_norm(embedding) AS length, left(body, 1000) AS text
     FROM ${partitionOf('chunk_vectors', number)} JOIN ${partitionOf('chunks', number)} USING (index_number, number)
     WHERE number % $1 = 0 ORDER BY number LIMIT $2`,
    [step, SAMPLE],
  )
}
