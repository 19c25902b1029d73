/** `aval index queries`: questions that people really asked, as a query set, and a form for judging what was found. */

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, wholeNumber, withExamples } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { type Look, startProgress } from '../../progress.ts'
import { withPurpose, withTimes } from '../../request-filters.ts'
import { type LoggedQuestion, readLoggedQuestions, skippedText } from './logged-questions.ts'

type Options = { since: string; until?: string; limit: number; template?: string; purpose?: string }

const LOOK: Look = {
  bar: '{bar} {percentage} %  {value} of {total} questions',
  line: ({ total }, percent) => `${percent ?? 0} % of ${total} questions read`,
}
const DEFAULT_LIMIT = 200
const MAX_LIMIT = 5_000

export function addIndexQueriesCommand(index: Command, context: CliContext): void {
  withExamples(
    withPurpose(
      withTimes(
        index
          .command('queries')
          .argument('<index>', 'handbook, or handbook@5 for one version')
          .description(
            'different questions of logged requests, newest first, as JSON lines for aval index eval (auditor or admin)',
          )
          .option('--limit <count>', 'different questions at most', wholeNumber, DEFAULT_LIMIT)
          .option(
            '--template <file>',
            'also a form for judging: a line for each question and document found, with "relevance": null to fill in',
          ),
        (since) => since.default('7d'),
      ),
    ),
    'aval index queries handbook --since 7d --purpose "judging returns" > queries.jsonl',
    'aval index queries handbook@5 --limit 50 --template qrels.jsonl > queries.jsonl',
  ).action(context.run((ref: string, options: Options) => queries(context, ref, options)))
}

async function queries(context: CliContext, ref: string, options: Options): Promise<number> {
  const { terminal, client, stop } = context
  const { since, until, limit, purpose, template } = options
  if (limit > MAX_LIMIT)
    throw new CliError(EXIT.usage, `--limit ${limit} is too many. Write at most ${MAX_LIMIT}.`)
  if (!/^[a-z0-9-]{1,63}(?:@[1-9]\d{0,8})?$/.test(ref)) {
    const shown = printableLine(ref.slice(0, 80))
    throw new CliError(
      EXIT.usage,
      `"${shown}" names no index. Write handbook, or handbook@5 for one version.`,
    )
  }
  const progress = startProgress(terminal, LOOK, false)
  try {
    const onRead = (done: number) => progress.update({ done, total: limit })
    const found = await readLoggedQuestions(
      client,
      { index: ref, since, until, limit, purpose, onRead },
      stop,
    )
    progress.stop()
    for (const question of found.questions) terminal.write(`${JSON.stringify(queryLine(question))}\n`)
    if (template !== undefined && found.questions.length > 0) writeTemplate(template, found.questions)
    const skipped = found.skipped.size === 0 ? '' : ` Left out: ${skippedText(found.skipped)}.`
    const older = found.isWhole ? '' : ' Older requests were not looked at.'
    terminal.writeError(
      `${found.questions.length} questions of ${found.read} requests; each read is on the log.${skipped}${older}\n`,
    )
    return found.questions.length === 0 ? EXIT.emptyInput : EXIT.done
  } finally {
    progress.stop()
  }
}

/** The id is that of the request, so that whoever judges can look at it. */
function queryLine({ requestId, startedAt, index, text, asked, retrieved }: LoggedQuestion): object {
  return {
    id: requestId,
    text,
    request_id: requestId,
    started_at: startedAt,
    index,
    asked,
    retrieved: retrieved.map(({ document, chunk, score, cosine }) => ({
      doc_id: document,
      chunk,
      score,
      cosine,
    })),
  }
}

/** Never over a file that is there: it may hold an afternoon of judging. */
function writeTemplate(path: string, questions: readonly LoggedQuestion[]): void {
  const lines = questions.flatMap(({ requestId, text, retrieved }) =>
    [...new Set(retrieved.map(({ document }) => document))].map((document) =>
      JSON.stringify({ query_id: requestId, doc_id: document, relevance: null, question: text }),
    ),
  )
  try {
    writeFileSync(path, `${lines.join('\n')}\n`, { flag: 'wx' })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'is there already, and is not written over' : `cannot be written (${code})`
    throw new CliError(EXIT.usage, `--template: ${printableLine(path)} ${why}. Choose another name.`)
  }
}
