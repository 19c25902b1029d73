/** What `aval bench groundedness` does on this machine: sets read, answers scored by local models, figures reported. */

import { resolve } from 'node:path'
import { type BenchDeps, configOf, type EmbedderOf, inOrder, modelOf } from './bench-parts.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { GroundednessFigures, GroundednessOptions } from './cli/quality.ts'
import { GatewayError } from './errors.ts'
import { reportSets, type ScoredSet } from './evals/groundedness/bench-report.ts'
import { scoreSet } from './evals/groundedness/bench-set.ts'
import { cachedEmbed } from './evals/groundedness/embed-cache.ts'
import type { Detector } from './evals/groundedness/ground.ts'
import { findSets, readSet } from './evals/groundedness/sets.ts'
import { FITTED } from './evals/groundedness/weights.generated.ts'
import { systemClock } from './lib/clock.ts'
import { newId } from './lib/ids.ts'
import { rerank } from './retrieval/rerank.ts'
import { openWorkerModels } from './worker-models.ts'

/** Rejects with CliError for folders, files and models with mistakes, and when the process is told to stop. */
export async function benchGroundedness(
  deps: BenchDeps,
  options: GroundednessOptions,
): Promise<GroundednessFigures> {
  const { sets } = inOrder(findSets(resolve(deps.directory, options.data)))
  // All before the first is scored: a mistake in the last file is not worth an hour.
  const problems = sets.flatMap((set) => {
    const read = readSet(set)
    return 'problems' in read ? read.problems : []
  })
  if (problems.length > 0) throw new CliError(EXIT.emptyInput, problems.join('\n'))
  const config = configOf(deps, options.modelsFolder)
  const logger = await deps.logger(config)
  const models = openWorkerModels(config, { readConfig: () => config, nowMs: systemClock.nowMs, logger })
  try {
    const { embedderOf } = await models.models()
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
  } catch (error) {
    if (deps.stop.aborted) throw new CliError(EXIT.ours, 'Stopped before the end.')
    throw error instanceof GatewayError ? new CliError(EXIT.ours, error.message) : error
  } finally {
    await models.close()
  }
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
