/** `aval review create|list|show|export|import`: queues of answers for people to rate. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  wholeNumber,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatFields, formatTime } from '../../format.ts'
import { type Page, showList } from '../../list.ts'
import {
  type HeldRating,
  queuePath,
  type ReviewQueue,
  type ReviewQueueProgress,
  readSaid,
  scaleText,
} from './wire.ts'

type CreateOptions = {
  run: string
  scorer?: string
  reviewers?: number
  tasks?: number
  decide?: string
  seed?: string
  question?: string
  json?: boolean
}
type RatedTask = { ratings: HeldRating[] }

/** Of one request; more go in several. */
const IMPORTED_AT_ONCE = 1_000

export function addReviewQueueCommands(review: Command, context: CliContext): void {
  addCreate(review, context)
  addList(review, context)
  addShow(review, context)
  addExport(review, context)
  addImport(review, context)
}

function addCreate(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('create')
        .argument('<queue>', 'a name: support-polite')
        .description('draw a random sample of what a judge judged in a run, for people to rate')
        .requiredOption('--run <run>', 'run_…')
        .option('--scorer <name>', 'which judge of the run; its only one when left out')
        .option('--reviewers <count>', 'different people for each answer, 1 to 9 (default 2)', wholeNumber)
        .option('--tasks <count>', 'answers, at most 5000 (default 100)', wholeNumber)
        .option(
          '--decide <how>',
          'unanimous, or majority: when reviewers settle it themselves (default unanimous)',
        )
        .option('--seed <number>', 'of the sample (default 1)')
        .option('--question <text>', 'what reviewers are asked; else what the judge is'),
    ),
    'aval review create support-polite --run run_01k… --scorer polite',
    'aval review create support-polite --run run_01k… --reviewers 3 --tasks 200 --decide majority',
  ).action(
    context.run(async (name: string, { json, seed, ...wish }: CreateOptions) => {
      queuePath(name)
      const body = { name, ...wish, ...(seed !== undefined && { seed: Number(seed) }) }
      const queue = await context.client.json<ReviewQueue>({
        method: 'POST',
        path: '/api/review-queues',
        body,
      })
      if (json) return void writeJson(context, queue)
      const sample = `${queue.tasks} of the ${queue.drawn_from} answers that ${queue.judge.name} judged`
      context.terminal.write(
        `${name}: ${sample}, for ${queue.reviewers} ${queue.reviewers === 1 ? 'person' : 'people'} each. Rate: aval review next ${name}\n`,
      )
    }),
  )
}

function addList(review: Command, context: CliContext): void {
  withExamples(
    withPaging(review.command('list').description('review queues, newest first')),
    'aval review list',
  ).action(
    context.run((options: ListOptions) =>
      showList<ReviewQueue>(context, options, {
        path: '/api/review-queues',
        none: 'No review queues. Make one: aval review create <queue> --run run_…',
        head: ['queue', 'judge', 'run', 'tasks', 'people each', 'by', 'made'],
        cells: (queue) => [
          queue.name,
          queue.judge.name,
          queue.run,
          String(queue.tasks),
          String(queue.reviewers),
          queue.created_by_name ?? '-',
          formatTime(context.terminal, queue.created_at),
        ],
      }),
    ),
  )
}

function addShow(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('show')
        .argument('<queue>', 'as aval review list shows it')
        .description('what is asked of whom, and how far it is'),
    ),
    'aval review show support-polite',
  ).action(
    context.run(async (name: string, { json }: { json?: boolean }) => {
      const path = queuePath(name)
      const queue = await context.client.json<ReviewQueueProgress>({ method: 'GET', path })
      if (json) return void writeJson(context, queue)
      const { begun, open, disputed, settled, ratings, skips } = queue.progress
      context.terminal.write(
        formatFields([
          ['queue', `${queue.name}, of ${queue.run}`],
          ['judge', `${queue.judge.name} (${queue.judge.kind} v${queue.judge.version})`],
          ['asks', queue.question],
          ['answers', `${scaleText(queue.scale)}, ${queue.reviewers} people each, ${queue.decide}`],
          ['sample', `${queue.tasks} of ${queue.drawn_from}, seed ${queue.seed}`],
          ['done', `${settled} settled, ${disputed} disputed, ${open} open (${begun} begun)`],
          ['ratings', `${ratings}, ${skips} skips`],
          ['next', nextStep(queue)],
        ]),
      )
    }),
  )
}

function nextStep({ name, progress }: ReviewQueueProgress): string {
  if (progress.disputed > 0) return `aval review adjudicate ${name}`
  return progress.open > 0 ? `aval review next ${name}` : `aval review calibrate ${name}`
}

function addExport(review: Command, context: CliContext): void {
  withExamples(
    review
      .command('export')
      .argument('<queue>', 'as aval review list shows it')
      .description(
        'every task with its ratings, truth and judgement, a line of JSON each; the read is recorded',
      ),
    'aval review export support-polite > ratings.jsonl',
  ).action(
    context.run(async (name: string) => {
      const path = `${queuePath(name)}/ratings`
      let cursor: string | null = null
      do {
        const page: Page<RatedTask> = await context.client.json<Page<RatedTask>>({
          method: 'GET',
          path,
          query: { limit: '200', ...(cursor !== null && { cursor }) },
        })
        for (const task of page.data) context.terminal.write(`${JSON.stringify(task)}\n`)
        cursor = page.next_cursor
      } while (cursor !== null)
      return EXIT.done
    }),
  )
}

function addImport(review: Command, context: CliContext): void {
  withExamples(
    withJson(
      review
        .command('import')
        .argument('<queue>', 'as aval review list shows it')
        .argument(
          '<file>',
          'lines of {"item": "q7", "repeat": 0, "reviewer": "anna", "value": "yes", "note": "…"}',
        )
        .description('ratings that people made elsewhere, in their names (admin)'),
    ),
    'aval review import support-polite ratings.jsonl',
  ).action(
    context.run(async (name: string, file: string, { json }: { json?: boolean }) => {
      const path = `${queuePath(name)}/ratings`
      const rows = await readRatings(context, file)
      const sum = { added: 0, unchanged: 0 }
      for (let from = 0; from < rows.length; from += IMPORTED_AT_ONCE) {
        const body = { ratings: rows.slice(from, from + IMPORTED_AT_ONCE) }
        const part = await context.client.json<typeof sum>({ method: 'POST', path, body })
        sum.added += part.added
        sum.unchanged += part.unchanged
      }
      if (json) return void writeJson(context, sum)
      context.terminal.write(`${sum.added} ratings added, ${sum.unchanged} were there.\n`)
    }),
  )
}

async function readRatings({ actions }: CliContext, file: string): Promise<object[]> {
  const rows: object[] = []
  for (const [at, line] of (await actions.evals.lines(file)).entries()) {
    if (line.trim() === '') continue
    const row = parseLine(line)
    const value = row === null ? null : readSaid(String(row.value))
    if (row === null || value === null) {
      throw new CliError(
        EXIT.emptyInput,
        `${file}:${at + 1}: write an object with item, reviewer, and value: yes, no or a grade.`,
      )
    }
    rows.push({ ...row, value })
  }
  if (rows.length > 0) return rows
  throw new CliError(EXIT.emptyInput, `${file} holds no ratings.`)
}

function parseLine(line: string): Record<string, unknown> | null {
  try {
    const row: unknown = JSON.parse(line)
    return typeof row === 'object' && row !== null && !Array.isArray(row) ? { ...row } : null
  } catch {
    return null
  }
}
