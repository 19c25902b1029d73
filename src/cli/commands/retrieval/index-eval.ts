/** `aval index eval`: how well a version finds what people judged relevant, alone or against another version. */

import { type Command, Option } from 'commander'
import { printable } from '../../../lib/printable.ts'
import { type CliContext, wholeNumber, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type Look, startProgress } from '../../progress.ts'
import type { LoadedQueries } from '../../quality.ts'
import { Rate } from '../../rate.ts'
import { type Asked, askQuestions } from './ask-questions.ts'
import { type IndexVersion, refOf, versionPath } from './wire.ts'

type Options = { queries: string; qrels: string; against?: string; mode: string; k: number; json?: boolean }
type Row = Asked & { name: string }

const LOOK: Look = {
  bar: '{what}  {bar} {percentage} %  {value} of {total} questions  {rate}',
  line: ({ total, phase, words }, percent) =>
    `${phase}  ${percent ?? 0} % of ${total} questions  ${words?.rate}`.trim(),
}
const DEFAULT_K = 10
/** What a search gives at most. */
const MAX_K = 50
/** nDCG looks at ten documents, however deep recall and precision look. */
const MIN_LIMIT = 10

export function addIndexEvalCommand(index: Command, context: CliContext): void {
  withExamples(
    withJson(
      index
        .command('eval')
        .argument('<index>', 'handbook@5, or handbook for its newest version')
        .description('nDCG, recall, MRR and precision over judged questions (admin, engineer or auditor)')
        .requiredOption('--queries <file>', 'lines of {"id": "q1", "text": "…"}')
        .requiredOption(
          '--qrels <file>',
          'lines of {"query_id": "q1", "doc_id": "returns.md", "relevance": 1}, or of TREC: q1 0 returns.md 1',
        )
        .option('--against <index>', 'another version over the same questions, with the differences')
        .addOption(
          new Option('--mode <mode>', 'by words and vectors, or by one')
            .choices(['hybrid', 'vector', 'text'])
            .default('hybrid'),
        )
        .option('--k <count>', 'how deep recall and precision look', wholeNumber, DEFAULT_K),
    ),
    'aval index eval handbook@5 --queries queries.jsonl --qrels qrels.jsonl',
    'aval index eval handbook@5 --against handbook@4 --queries queries.jsonl --qrels qrels.jsonl',
    'aval index eval handbook --queries queries.jsonl --qrels qrels.tsv --mode text --k 20 --json',
  ).action(context.run((ref: string, options: Options) => evaluate(context, ref, options)))
}

async function evaluate(context: CliContext, ref: string, options: Options): Promise<undefined> {
  const { k, mode, json } = options
  if (k > MAX_K) throw new CliError(EXIT.usage, `--k ${k} is too deep: a search gives at most ${MAX_K}.`)
  const set = await context.actions.quality.queries(options.queries, options.qrels)
  const version = await find(context, ref)
  const other = options.against === undefined ? null : await find(context, options.against)
  if (other !== null && other === version) {
    throw new CliError(EXIT.usage, `--against ${options.against} is ${version} itself. Name another version.`)
  }
  const names = other === null ? [version] : [other, version]
  const rows: Row[] = []
  for (const name of names) rows.push(await ask(context, name, set, options))
  const notes = [...rows.flatMap(notesOf), ...foundNotes(set, rows)]
  const figures = set.report({ title: `${version}, ${mode}`, rows, k, notes })
  if (json) {
    const without = Object.fromEntries(rows.map((row) => [row.name, row.without]))
    writeJson(context, { index: version, against: other, mode, ...figures.json, without })
  } else context.terminal.write(printable(figures.text))
  return undefined
}

/** The version that a name means now, so that every question is asked of the same one. */
async function find({ client }: CliContext, ref: string): Promise<string> {
  return refOf(await client.json<IndexVersion>({ method: 'GET', path: versionPath(ref) }))
}

async function ask(
  context: CliContext,
  name: string,
  set: LoadedQueries,
  { mode, k, json }: Options,
): Promise<Row> {
  const progress = startProgress(context.terminal, LOOK, json === true)
  const rate = new Rate(context.nowMs)
  const total = set.queries.length
  let done = 0
  const show = () => {
    const words = { what: name, rate: rate.text(name, done, total) }
    progress.update({ done, total, phase: name, words })
  }
  show()
  try {
    const asking = {
      path: versionPath(name),
      questions: set.queries,
      mode,
      limit: Math.max(MIN_LIMIT, k),
      onDone: () => {
        done += 1
        show()
      },
    }
    return { name, ...(await askQuestions(context.client, asking, context.stop)) }
  } finally {
    progress.stop()
  }
}

function notesOf({ name, without }: Row): string[] {
  return (['words', 'vectors'] as const)
    .filter((list) => without[list] > 0)
    .map(
      (list) =>
        `${name}: ${without[list]} searches went without ${list}, which failed or came too late. Measure again.`,
    )
}

/** Keys of one source under other names in the judgements: every figure is 0, and none says why. */
function foundNotes(set: LoadedQueries, rows: readonly Row[]): string[] {
  if (rows.some(({ rankings }) => set.findsAny(rankings))) return []
  const found = rows.flatMap(({ rankings }) => [...rankings.values()].flat())[0]
  const keys = found === undefined ? 'nothing was found at all' : `the index has documents like "${found}"`
  return [
    `No relevant document was found by any question: the judgements name documents like "${set.exampleDocument}", and ${keys}. Name them by their key in the source.`,
  ]
}
