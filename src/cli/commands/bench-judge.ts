/** `aval bench judge`: what a judge is worth on sets that people judged. Asks through a running server, within a budget. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { formatUsd, parseUsd, usdText } from '../../lib/money.ts'
import { printableLine } from '../../lib/printable.ts'
import { type Client, readError } from '../client.ts'
import { type CliContext, wholeNumber, withExamples, withJson } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { formatTable } from '../format.ts'
import type { JudgeAnswer, JudgeFigures, JudgeOptions } from '../quality.ts'
import { ends, figure, showMeasured } from './bench-figures.ts'

type Options = {
  data: string
  judge: string
  structured: boolean
  limit: number
  seed: number
  concurrency: number
  budget: bigint
  json?: boolean
}
type Set = JudgeFigures['sets'][number]
type Completion = { choices?: { message?: { content?: string | null }; finish_reason?: string | null }[] }

const ANSWER_TIMEOUT_MS = 120_000
/** One US dollar. */
const DEFAULT_BUDGET = 1_000_000n

export function addBenchJudge(bench: Command, context: CliContext): void {
  withExamples(
    withJson(
      bench
        .command('judge')
        .description(
          'how far a model that judges agrees with people, beside people among themselves and trivial floors',
        )
        .requiredOption(
          '--data <folder>',
          'sets of one file each, <name>.jsonl or .jsonl.gz: rows of question, a, b and label, or of context, response and label',
        )
        .requiredOption('--judge <model>', 'who judges: upstream/model, or a route')
        .option('--limit <rows>', 'of each set, drawn by the seed', wholeNumber, 100)
        .option('--seed <number>', 'another one draws other rows', wholeNumber, 1)
        .option('--concurrency <rows>', 'judged at once', wholeNumber, 4)
        .addOption(
          new Option('--budget <usd>', 'no further question once this is spent')
            .argParser(dollars)
            .default(DEFAULT_BUDGET, usdText(DEFAULT_BUDGET)),
        )
        .option('--no-structured', 'for models that take no response_format'),
    ),
    'aval bench judge --data sets --judge openai/gpt-4.1-mini',
    'aval bench judge --data sets --judge openai/gpt-4.1-mini --limit 500 --budget 5 --json > judge.json',
  ).action(context.run((options: Options) => benchJudge(context, options)))
}

/** Ends with 102 where nothing of a set could be judged: its figures are none. */
async function benchJudge(context: CliContext, { judge: model, json, ...options }: Options): Promise<number> {
  let unjudged = 0
  await showMeasured(
    context,
    { json: json === true, unit: 'rows' },
    async (onStep) => {
      const figures = await context.actions.quality.judge({
        ...options,
        model,
        ask: (question, signal) => ask(context.client, question, signal),
        onStep: ({ set, done, total }) => onStep({ phase: set, done, total }),
      })
      unjudged = figures.sets.filter(({ judged }) => judged === 0).length
      return figures
    },
    { text: textOf, json: jsonOf },
  )
  return unjudged === 0 ? EXIT.done : EXIT.errorBudget
}

/** One chat completion. What the server refuses is a failed judgement with its words, and no end of all. */
async function ask(
  client: Client,
  { model, messages, parameters }: Parameters<JudgeOptions['ask']>[0],
  signal: AbortSignal,
): Promise<JudgeAnswer> {
  const wanted = {
    method: 'POST',
    path: '/v1/chat/completions',
    body: { ...parameters, model, messages },
  } as const
  const answer = await client.send(wanted, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]))
  if (!answer.ok) {
    const error = readError(await answer.text())
    return { kind: 'failed', reason: error?.message ?? `the server answered ${answer.status}` }
  }
  const { choices = [] } = (await answer.json()) as Completion
  const [first] = choices
  return {
    kind: 'answered',
    text: first?.message?.content ?? '',
    finishReason: first?.finish_reason ?? null,
    cost: parseUsd(answer.headers.get('x-aval-cost-usd') ?? ''),
  }
}

function dollars(text: string): bigint {
  const amount = parseUsd(text)
  if (amount !== null && amount > 0n) return amount
  throw new InvalidArgumentError('Write an amount such as 2.50.')
}

function textOf({ model, spent, unpriced, sets }: JudgeFigures): string {
  const unknown = unpriced === 0 ? '' : `, unknown of ${unpriced} answers`
  const notes = [
    'agrees: share of rows called as people decided, Wilson’s interval. kappa: beyond what chance would give (Cohen), bootstrap over rows.',
    'people: one against another, drawn for each row. longer: the longer answer is the better one. majority: the commonest label, always.',
    'What was not judged is in no row: many abstentions or errors make the figures those of the easy rows.',
  ]
  return `${sets.map((set) => setText(model, set)).join('\n')}\ncost ${formatUsd(spent)}${unknown}\n${notes.map((note) => `${note}\n`).join('')}`
}

function setText(model: string, set: Set): string {
  const { drawn, judged, abstained, errors, flipped, commonestReason } = set
  const turned = flipped === null ? '' : `, ${flipped} turned with the order (ties)`
  const most = commonestReason === null ? '' : `\n  mostly: ${commonestReason}`
  const head = `${set.set}: ${judged} of ${drawn} rows judged, ${abstained} abstained, ${errors} errors${turned}${most}`
  const cells = set.rows.map(({ rater, isFloor, rows, agreement, kappa }) => [
    rater === 'judge' ? model : isFloor ? `${rater} (floor)` : rater,
    String(rows),
    agreement === null ? '-' : `${figure(agreement.share)} ${ends(agreement.interval, figure)}`,
    kappa === null ? '-' : `${figure(kappa.estimate)} ${ends(kappa, figure)}`,
  ])
  const lines = head.split('\n').map(printableLine).join('\n')
  return `${lines}\n\n${formatTable(['', 'rows', 'agrees [95 %]', 'kappa [95 %]'], cells)}`
}

function jsonOf({ model, spent, unpriced, sets }: JudgeFigures): object {
  return {
    model,
    cost_usd: usdText(spent),
    unpriced,
    sets: sets.map(({ commonestReason, rows, ...rest }) => ({
      ...rest,
      commonest_reason: commonestReason,
      raters: rows.map(({ isFloor, kappa, ...row }) => ({
        ...row,
        kappa: kappa === null ? null : { estimate: kappa.estimate, low: kappa.low, high: kappa.high },
        is_floor: isFloor,
      })),
    })),
  }
}
