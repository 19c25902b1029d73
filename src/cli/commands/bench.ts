/** `aval bench retrieval`: how well this version finds what people judged relevant, on public sets. Needs no server. */

import type { Command } from 'commander'
import { printable, printableLine } from '../../lib/printable.ts'
import { type CliContext, wholeNumber, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type Look, startProgress } from '../progress.ts'
import type { BenchStep } from '../quality.ts'
import { Rate } from '../rate.ts'
import { addBenchDrift } from './bench-drift.ts'
import { addBenchEmbedding } from './bench-embedding.ts'
import { addBenchGroundedness } from './bench-groundedness.ts'
import { addBenchJudge } from './bench-judge.ts'

type Options = {
  data: string
  model: string
  models?: string
  chunkTokens?: number
  queryPrefix: string
  documentPrefix: string
  language: string
  k: number
  database?: string
  json?: boolean
}

const LOOK: Look = {
  bar: '{what}  {bar} {percentage} %  {value} of {total} {unit}  {rate}',
  line: ({ total, phase, words }, percent) =>
    total === null
      ? `${phase}`
      : `${phase}  ${percent ?? 0} % of ${total} ${words?.unit}  ${words?.rate}`.trim(),
}
const UNITS: Readonly<Record<BenchStep['what'], string>> = {
  starting: '',
  pushing: 'documents',
  cutting: 'documents',
  embedding: 'chunks',
  indexing: '',
  asking: 'searches',
}
/** Of rankings and of recall; a report of public sets has it at 100. */
const DEFAULT_K = 100
const MAX_K = 250

export function addBenchCommands(program: Command, context: CliContext): void {
  const bench = program.command('bench').description('measure this version on data that others can get too')
  addBenchDrift(bench, context)
  addBenchEmbedding(bench, context)
  addBenchGroundedness(bench, context)
  addBenchJudge(bench, context)
  withExamples(
    withJson(
      bench
        .command('retrieval')
        .description('nDCG, recall, MRR and precision by words, by vectors and by both, on public sets')
        .requiredOption(
          '--data <folder>',
          'sets of three files each: <name>-docs, <name>-queries and <name>-qrels, .jsonl or .jsonl.gz',
        )
        .option('--model <model>', 'upstream/model that embeds', 'local/embed')
        .option('--models <folder>', 'more models for the upstream local')
        .option(
          '--chunk-tokens <count>',
          'length of a chunk at most (default: as an index has it)',
          wholeNumber,
        )
        .option('--query-prefix <text>', 'put before each question, as the model was trained', '')
        .option('--document-prefix <text>', 'put before each chunk', '')
        .option('--language <tag>', 'of the sets: it decides stems and stop words', 'en')
        .option('--k <count>', 'how deep recall and precision look', wholeNumber, DEFAULT_K)
        .option(
          '--database <url>',
          'a PostgreSQL server to make a scratch database on (default: an embedded one in a temporary folder)',
        ),
    ),
    'aval bench retrieval --data sets',
    'aval bench retrieval --data sets --models models --model local/all-MiniLM-L6-v2',
    'aval bench retrieval --data sets --chunk-tokens 128 --json > bench.json',
  ).action(context.run((options: Options) => benchRetrieval(context, options)))
}

async function benchRetrieval(context: CliContext, options: Options): Promise<undefined> {
  if (options.k > MAX_K) {
    throw new CliError(EXIT.usage, `--k ${options.k} is too deep. Write at most ${MAX_K}.`)
  }
  const { terminal } = context
  const rate = new Rate(context.nowMs)
  const progress = startProgress(terminal, LOOK, options.json === true)
  const onStep = ({ set, what, done, total }: BenchStep) => {
    const phase = `${printableLine(set)}: ${what}`
    const words = { what: phase, unit: UNITS[what], rate: rate.text(phase, done, total) }
    progress.update({ done, total, phase, words })
  }
  try {
    const result = await context.actions.quality.bench({
      data: options.data,
      model: options.model,
      modelsFolder: options.models ?? null,
      chunkTokens: options.chunkTokens ?? null,
      queryPrefix: options.queryPrefix,
      documentPrefix: options.documentPrefix,
      language: options.language,
      k: options.k,
      database: options.database ?? null,
      onStep,
    })
    progress.stop()
    if (options.json) writeJson(context, result.json)
    else terminal.write(printable(result.text))
  } finally {
    progress.stop()
  }
  return undefined
}
