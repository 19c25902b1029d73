/** What `aval bench embedding` does on this machine: pairs read, embedded by each model, compared with people. */

import { resolve } from 'node:path'
import { type BenchDeps, demandInOrder, inOrder, modelOf, withModels } from './bench-parts.ts'
import type { EmbeddingFigures, EmbeddingOptions } from './cli/quality.ts'
import { type ModelSimilarities, reportPairs } from './evals/similarity/bench-report.ts'
import { findPairSets, readPairs, type TextPair } from './evals/similarity/pairs.ts'
import { systemClock } from './lib/clock.ts'
import { newId } from './lib/ids.ts'
import { cosineOf, type Embedder, embedTexts } from './retrieval/embed.ts'

/** Of one call. */
const TEXTS_AT_ONCE = 64

/** Rejects with CliError for folders, files and models with mistakes, and when the process is told to stop. */
export async function benchEmbedding(deps: BenchDeps, options: EmbeddingOptions): Promise<EmbeddingFigures> {
  const found = inOrder(findPairSets(resolve(deps.directory, options.data))).sets
  demandInOrder(found, readPairs)
  return await withModels(deps, options.modelsFolder, async ({ embedderOf }) => {
    const models = options.models.map((name) => ({ name, embedder: modelOf(embedderOf, '--model', name) }))
    const sets: EmbeddingFigures['sets'][number][] = []
    for (const set of found) {
      const { rows } = inOrder(readPairs(set))
      const measured: ModelSimilarities[] = []
      for (const { name, embedder } of models) {
        const onText = (done: number, total: number) =>
          options.onStep({ set: set.name, model: name, done, total })
        measured.push({ model: name, ...(await similarities(embedder, rows, deps.stop, onText)) })
      }
      sets.push(reportPairs(set.name, rows, measured))
    }
    return { sets }
  })
}

/** Each distinct text is embedded once. */
async function similarities(
  embedder: Embedder,
  pairs: readonly TextPair[],
  signal: AbortSignal,
  onText: (done: number, total: number) => void,
): Promise<Omit<ModelSimilarities, 'model'>> {
  const texts = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))]
  const vectors = new Map<string, Float32Array>()
  let waitedMs = 0
  for (let from = 0; from < texts.length; from += TEXTS_AT_ONCE) {
    signal.throwIfAborted()
    const some = texts.slice(from, from + TEXTS_AT_ONCE)
    const startedMs = performance.now()
    const embedded = await embedTexts(embedder, some, newId('req', systemClock.nowMs()), signal)
    waitedMs += performance.now() - startedMs
    some.forEach((text, at) => {
      vectors.set(text, embedded.vectors[at] ?? new Float32Array(0))
    })
    onText(from + some.length, texts.length)
  }
  const nothing = new Float32Array(0)
  const [first = nothing] = vectors.values()
  return {
    dimensions: first.length,
    msPerText: waitedMs / Math.max(1, texts.length),
    cosines: pairs.map(({ a, b }) => cosineOf(vectors.get(a) ?? nothing, vectors.get(b) ?? nothing)),
  }
}
