/** What `aval bench` and `aval index eval` do on this machine: sets read, measured and reported. */

import { resolve } from 'node:path'
import { type BenchDeps, demandInOrder, inOrder, modelOf, namedModel, withModels } from './bench-parts.ts'
import { CliError, EXIT } from './cli/exit-codes.ts'
import type { BenchOptions, Figures, LoadedQueries, QualityActions } from './cli/quality.ts'
import { openDatabase } from './database.ts'
import { makeScratch } from './db/scratch.ts'
import { benchDrift } from './drift-actions.ts'
import { benchEmbedding } from './embedding-actions.ts'
import { benchGroundedness } from './groundedness-actions.ts'
import { benchJudge } from './judge-actions.ts'
import { systemClock } from './lib/clock.ts'
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

export function createQualityActions(deps: BenchDeps): QualityActions {
  return {
    bench: (options) => bench(deps, options),
    drift: (options) => benchDrift(deps, options),
    embedding: (options) => benchEmbedding(deps, options),
    judge: (options) => benchJudge(deps, options),
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

async function bench(deps: BenchDeps, options: BenchOptions): Promise<Figures> {
  const { sets } = inOrder(findPublicSets(resolve(deps.directory, options.data)))
  const settings = settingsOf(options)
  demandInOrder(sets, readWhole)
  const first = sets[0]?.name ?? ''
  options.onStep({ set: first, what: 'starting', done: 0, total: null })
  return await withModels(deps, options.modelsFolder, async (models, logger) => {
    modelOf(models.embedderOf, '--model', options.model)
    return await withScratchDatabase(options.database, logger, async (opened) => {
      const measureDeps = { ...opened, ...models, clock: systemClock, signal: deps.stop }
      const measured: MeasuredSet[] = []
      for (const [at, paths] of sets.entries()) {
        measured.push(await measureOne(measureDeps, paths, { ...settings, name: `set-${at + 1}` }, options))
      }
      const head = { model: options.model, language: options.language, measured }
      return { text: benchText(head), json: benchJson(head) }
    })
  })
}

function readWhole({ name, queries, qrels, documents }: SetPaths): object | { problems: readonly string[] } {
  const read = [readQuerySet(name, queries, qrels), readDocuments(documents)]
  const problems = read.flatMap((one) => ('problems' in one ? one.problems : []))
  return problems.length > 0 ? { problems } : {}
}

type Settings = Omit<Parameters<typeof measureSet>[1]['settings'], 'name'>

function settingsOf(options: BenchOptions): Settings {
  return {
    chunker: chunkerOf(options.chunkTokens),
    embedding: {
      ...namedModel('--model', options.model),
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
