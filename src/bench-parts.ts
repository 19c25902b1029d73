/** What the commands share that measure local models on public sets, without a server. */

import { resolve } from 'node:path'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { Config } from './config.ts'
import { splitModelName } from './lib/model-name.ts'
import type { Embedder } from './retrieval/embed.ts'
import type { Logger } from './telemetry/logger.ts'

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

/** With another folder of models for the upstream local; null leaves the configured one. */
export function configOf(deps: BenchDeps, modelsFolder: string | null): Config {
  const config = deps.read()
  if (modelsFolder === null) return config
  return { ...config, models: { ...config.models, folder: resolve(deps.directory, modelsFolder) } }
}

export type EmbedderOf = (upstream: string, model: string) => Embedder | null

/** Throws CliError for a model of no configured upstream. */
export function modelOf(embedderOf: EmbedderOf, option: string, name: string): Embedder {
  const named = splitModelName(name)
  const found = named === null ? null : embedderOf(named.upstream, named.model)
  if (found !== null) return found
  throw new CliError(
    EXIT.usage,
    `${option} "${name}" is no model of a configured upstream. Write upstream/model, such as local/embed.`,
  )
}
