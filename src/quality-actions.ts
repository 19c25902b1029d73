/** What `aval bench` and `aval index eval` do on this machine: sets read, measured and reported. */

import { resolve } from 'node:path'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { BenchOptions, Figures, LoadedQueries, QualityActions } from './cli/quality.ts'
import type { Config } from './config.ts'
import { openDatabase } from './database.ts'
import { makeScratch } from './db/scratch.ts'
import { benchEmbedding } from './embedding-actions.ts'
import { GatewayError } from './errors.ts'
import { benchGroundedness } from './groundedness-actions.ts'
import { systemClock } from './lib/clock.ts'
import { splitModelName } from './lib/model-name.ts'
import { Secret } from './lib/secret.ts'
import { type ChunkerSettings, chunkerSettings } from './retrieval/chunking/settings.ts'
import { benchJson, benchText } from './retrieval/quality/bench-report.ts'
import { type MeasureDeps, type MeasuredSet, measureSet } from './retrieval/quality/measure-set.ts'
import { measureRun } from './retrieval/quality/metrics.ts'
import {
  findPublicSets,
  readDocuments,
  readQuerySet,
  type SetPaths,
} from './retrieval/quality/public-sets.ts'
import type { QuerySet } from './retrieval/quality/query-sets.ts'
import { notesOf, qualityJson, qualityText, reportSet } from './retrieval/quality/report.ts'
import type { Logger } from './telemetry/logger.ts'
import { openWorkerModels } from './worker-models.ts'

export type QualityDeps = {
  directory: string
  /** Reads aval.yaml and the environment, for the upstream that embeds. */
  read: () => Config
  logger: (config: Config) => Promise<Logger>
  stop: AbortSignal
}

export function createQualityActions(deps: QualityDeps): QualityActions {
  return {
    bench: (options) => bench(deps, options),
    embedding: (options) => benchEmbedding(deps, options),
    groundedness: (options) => benchGroundedness(deps, options),
    queries: async (queries, qrels) =>
      loadQueries(resolve(deps.directory, queries), resolve(deps.directory, qrels)),
  }
}

function loadQueries(queriesPath: string, qrelsPath: string): LoadedQueries {
  const set = inOrder(readQuerySet('', queriesPath, qrelsPath))
  const isRelevant = (query: string, document: string) => (set.judgements.get(query)?.get(document) ?? 0) > 0
  const relevant = [...set.judgements].flatMap(([, judged]) =>
    [...judged].filter(([, relevance]) => relevance > 0).map(([document]) => document),
  )
  return {
    queries: set.queries,
    exampleDocument: relevant[0] ?? '',
    findsAny: (rankings) =>
      [...rankings].some(([query, documents]) => documents.some((document) => isRelevant(query, document))),
    report: (input) => reportOf(set, input),
  }
}

function reportOf(
  { judgements, groups, ...set }: QuerySet,
  { title, rows, k, notes }: Parameters<LoadedQueries['report']>[0],
): Figures {
  const measured = rows.map(({ name, rankings }) => ({ name, run: measureRun(rankings, judgements, k) }))
  const report = reportSet({ set: title, rows: measured, baseline: rows[0]?.name ?? '', groups })
  const more = [...leftOut(set), ...notes]
  const [json] = qualityJson([report])
  const text = `${qualityText([report])}${more.map((note) => `\n${note}\n`).join('')}`
  return { text, json: { ...json, notes: [...notesOf(report), ...more] } }
}

function leftOut({
  queriesWithoutJudgement,
  judgementsWithoutQuery,
}: Pick<QuerySet, 'queriesWithoutJudgement' | 'judgementsWithoutQuery'>): string[] {
  return [
    queriesWithoutJudgement === 0 ? null : `Left out: ${queriesWithoutJudgement} queries that nobody judged.`,
    judgementsWithoutQuery === 0
      ? null
      : `Left out: judgements of ${judgementsWithoutQuery} queries that are not in the file.`,
  ].filter((note) => note !== null)
}

function inOrder<Value extends object>(read: Value | { problems: readonly string[] }): Value {
  if (!('problems' in read)) return read
  throw new CliError(EXIT.emptyInput, read.problems.join('\n'))
}

async function bench(deps: QualityDeps, options: BenchOptions): Promise<Figures> {
  const { sets } = inOrder(findPublicSets(resolve(deps.directory, options.data)))
  const settings = settingsOf(options)
  checkSets(sets)
  const config = configOf(deps, options)
  const logger = await deps.logger(config)
  const first = sets[0]?.name ?? ''
  options.onStep({ set: first, what: 'starting', done: 0, total: null })
  const models = openWorkerModels(config, { readConfig: () => config, nowMs: Date.now, logger })
  try {
    const upstreams = await models.models()
    const { upstream, model } = settings.embedding
    if (upstreams.embedderOf(upstream, model) === null) {
      const message = `No upstream "${upstream}" is configured. Write upstream/model, such as local/embed.`
      throw new CliError(EXIT.usage, message)
    }
    return await withScratchDatabase(options.database, logger, async (opened) => {
      const measureDeps = { ...opened, ...upstreams, clock: systemClock, signal: deps.stop }
      const measured: MeasuredSet[] = []
      for (const [at, paths] of sets.entries()) {
        measured.push(await measureOne(measureDeps, paths, { ...settings, name: `set-${at + 1}` }, options))
      }
      const head = { model: options.model, language: options.language, measured }
      return { text: benchText(head), json: benchJson(head) }
    })
  } catch (error) {
    throw readable(deps, error)
  } finally {
    await models.close()
  }
}

/** All of them before the first is measured: a mistake in the last file is not worth an hour. */
function checkSets(sets: readonly SetPaths[]): void {
  const problems = sets.flatMap(({ name, queries, qrels, documents }) =>
    [readQuerySet(name, queries, qrels), readDocuments(documents)].flatMap((read) =>
      'problems' in read ? read.problems : [],
    ),
  )
  if (problems.length > 0) throw new CliError(EXIT.emptyInput, problems.join('\n'))
}

type Settings = Omit<Parameters<typeof measureSet>[1]['settings'], 'name'>

function settingsOf(options: BenchOptions): Settings {
  const named = splitModelName(options.model)
  if (named === null) {
    throw new CliError(
      EXIT.usage,
      `--model "${options.model}" is no model. Write upstream/model, such as local/embed.`,
    )
  }
  return {
    chunker: chunkerOf(options.chunkTokens),
    embedding: {
      ...named,
      queryPrefix: options.queryPrefix,
      documentPrefix: options.documentPrefix,
    },
    language: options.language,
    k: options.k,
  }
}

function chunkerOf(maxTokens: number | null): ChunkerSettings {
  const chunker = chunkerSettings.safeParse(maxTokens === null ? {} : { maxTokens })
  if (chunker.success) return chunker.data
  const why = chunker.error.issues[0]?.message ?? 'not possible'
  throw new CliError(EXIT.usage, `--chunk-tokens ${maxTokens}: ${why}.`)
}

function configOf(deps: QualityDeps, { modelsFolder }: BenchOptions): Config {
  const config = deps.read()
  if (modelsFolder === null) return config
  return { ...config, models: { ...config.models, folder: resolve(deps.directory, modelsFolder) } }
}

async function measureOne(
  deps: MeasureDeps,
  { name, queries, qrels, documents: path }: SetPaths,
  settings: Settings & { name: string },
  { onStep }: BenchOptions,
): Promise<MeasuredSet> {
  const set = inOrder(readQuerySet(name, queries, qrels))
  const { documents } = inOrder(readDocuments(path))
  return await measureSet(deps, { set, documents, settings }, (step) => onStep({ set: name, ...step }))
}

type Opened = Pick<MeasureDeps, 'db' | 'sql' | 'embedded'>

/** What the work throws wins over what taking the database away throws. */
async function withScratchDatabase<Result>(
  server: string | null,
  logger: Logger,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  if (server !== null && !(/^postgres(ql)?:\/\//.test(server) && URL.canParse(server))) {
    throw new CliError(
      EXIT.usage,
      '--database is not a PostgreSQL address. Write postgres://user:password@host:5432/postgres.',
    )
  }
  const scratch = await makeScratch(server).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    const remedy =
      server === null
        ? 'It takes a temporary folder that can be written.'
        : 'It takes a server that answers and a role that may create databases.'
    throw new CliError(EXIT.ours, `No scratch database could be made: ${why}. ${remedy}`)
  })
  let result: Result
  try {
    const url = scratch.url === null ? null : new Secret(scratch.url, '--database')
    const database = await openDatabase({ home: scratch.folder, database: { url } }, logger, {
      migrateServer: true,
      onEmbedded: () => undefined,
    })
    const { connection, embedded } = database
    try {
      result = await work({ db: connection.db, sql: connection.sql, embedded })
    } finally {
      await database.close()
    }
  } catch (error) {
    await scratch.remove().catch(() => undefined)
    throw error
  }
  await scratch.remove()
  return result
}

/** Sentences of models and databases are for the person who waits; anything else is a fault of ours, with its stack. */
function readable({ stop }: QualityDeps, error: unknown): unknown {
  if (stop.aborted) return new CliError(EXIT.ours, 'Stopped before the end. Nothing of it is left.')
  if (error instanceof GatewayError) return new CliError(EXIT.ours, error.message)
  return error
}
