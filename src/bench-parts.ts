/** What the commands share that measure local models on public sets, without a server. */

import { resolve } from 'node:path'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { Config } from './config.ts'
import { GatewayError } from './errors.ts'
import { systemClock } from './lib/clock.ts'
import { splitModelName } from './lib/model-name.ts'
import type { Embedder } from './retrieval/embed.ts'
import type { UpstreamModels } from './retrieval/upstream-models.ts'
import type { Logger } from './telemetry/logger.ts'
import { openWorkerModels } from './worker-models.ts'

export type BenchDeps = {
  directory: string
  read: () => Config
  logger: (config: Config) => Promise<Logger>
  stop: AbortSignal
}

/** What a folder or a file holds; throws CliError with everything that is wrong with it. */
export function inOrder<Value extends object>(read: Value | { problems: readonly string[] }): Value {
  if (!('problems' in read)) return read
  throw new CliError(EXIT.emptyInput, read.problems.join('\n'))
}

/**
 * Throws CliError with every mistake of every set, before the first is measured: one in the last file is not worth an hour. Each is
 * read again in its turn, as all of them at once may not go into memory.
 */
export function demandInOrder<Set>(
  sets: readonly Set[],
  read: (set: Set) => object | { problems: readonly string[] },
): void {
  const problems = sets.flatMap((set) => {
    const found = read(set)
    return 'problems' in found ? found.problems : []
  })
  if (problems.length > 0) throw new CliError(EXIT.emptyInput, problems.join('\n'))
}

/**
 * What `measure` gives, with the configured models open while it does. Rejects with CliError for what they cannot do, and when
 * the process is told to stop.
 */
export async function withModels<Figures>(
  deps: BenchDeps,
  modelsFolder: string | null,
  measure: (models: UpstreamModels, logger: Logger) => Promise<Figures>,
): Promise<Figures> {
  const config = configOf(deps, modelsFolder)
  const logger = await deps.logger(config)
  const opened = openWorkerModels(config, { readConfig: () => config, nowMs: systemClock.nowMs, logger })
  try {
    return await measure(await opened.models(), logger)
  } catch (error) {
    if (deps.stop.aborted) throw new CliError(EXIT.ours, 'Stopped before the end. Nothing of it is left.')
    throw error instanceof GatewayError ? new CliError(EXIT.ours, error.message) : error
  } finally {
    await opened.close()
  }
}

/** With another folder of models for the upstream local; null leaves the configured one. */
function configOf(deps: BenchDeps, modelsFolder: string | null): Config {
  const config = deps.read()
  if (modelsFolder === null) return config
  return { ...config, models: { ...config.models, folder: resolve(deps.directory, modelsFolder) } }
}

export type EmbedderOf = UpstreamModels['embedderOf']

/** Throws CliError for what is no `upstream/model`, and for a model of no configured upstream. */
export function modelOf(embedderOf: EmbedderOf, option: string, name: string): Embedder {
  const { upstream, model } = namedModel(option, name)
  const found = embedderOf(upstream, model)
  if (found !== null) return found
  throw new CliError(
    EXIT.usage,
    `No upstream "${upstream}" is configured. ${option} takes upstream/model, such as local/embed.`,
  )
}

/** Throws CliError for what is no `upstream/model`. */
export function namedModel(option: string, name: string): { upstream: string; model: string } {
  const named = splitModelName(name)
  if (named !== null) return named
  throw new CliError(
    EXIT.usage,
    `${option} "${name}" is no model. Write upstream/model, such as local/embed.`,
  )
}
