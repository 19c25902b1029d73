/** What `aval bench groundedness` does on this machine: sets read, answers scored by local models, figures reported. */

import { resolve } from 'node:path'
import {
  type BenchDeps,
  demandInOrder,
  type EmbedderOf,
  inOrder,
  modelOf,
  withModels,
} from './bench-parts.ts'
import type { GroundednessFigures, GroundednessOptions } from './cli/quality.ts'
import { reportSets, type ScoredSet } from './evals/groundedness/bench-report.ts'
import { scoreSet } from './evals/groundedness/bench-set.ts'
import { cachedEmbed } from './evals/groundedness/embed-cache.ts'
import type { Detector } from './evals/groundedness/ground.ts'
import { findSets, readSet } from './evals/groundedness/sets.ts'
import { FITTED } from './evals/groundedness/weights.generated.ts'
import { systemClock } from './lib/clock.ts'
import { newId } from './lib/ids.ts'
import { rerank } from './retrieval/rerank.ts'

/** Rejects with CliError for folders, files and models with mistakes, and when the process is told to stop. */
export async function benchGroundedness(
  deps: BenchDeps,
  options: GroundednessOptions,
): Promise<GroundednessFigures> {
  const { sets } = inOrder(findSets(resolve(deps.directory, options.data)))
  demandInOrder(sets, readSet)
  return await withModels(deps, options.modelsFolder, async ({ embedderOf }) => {
    const embedder = modelOf(embedderOf, '--model', options.model)
    const detector = options.detector === null ? null : detectorOf(embedderOf, options.detector)
    const scored: (ScoredSet & { isHeldOut: boolean })[] = []
    for (const set of sets) {
      const { rows } = inOrder(readSet(set))
      const onRow = (done: number) => options.onStep({ set: set.name, done, total: rows.length })
      const embed = cachedEmbed(embedder, newId('req', systemClock.nowMs()))
      const scoring = { embed, detector, nowMs: () => performance.now(), signal: deps.stop, onRow }
      scored.push(await scoreSet(scoring, set.name, rows))
    }
    return {
      model: options.model,
      detector: options.detector,
      weights: { version: FITTED.version, digest: FITTED.digest },
      heldOut: scored.filter(({ isHeldOut }) => isHeldOut).map(({ set }) => set),
      sets: reportSets(scored),
    }
  })
}

/** A cross-encoder reads evidence and claim as premise and hypothesis; its score is taken for the probability of support. */
function detectorOf(embedderOf: EmbedderOf, name: string): Detector {
  const model = modelOf(embedderOf, '--detector', name)
  return {
    name,
    supports: async (pairs, signal) => {
      const scores: number[] = []
      for (const { evidence, claim } of pairs) {
        const [score = Number.NaN] = await rerank(
          model,
          evidence,
          [claim],
          newId('req', systemClock.nowMs()),
          signal,
        )
        scores.push(score)
      }
      return scores
    },
  }
}
