/** `aval requests replay`: sends logged requests again to another route or model and shows what is different. */

import { type Command, InvalidArgumentError } from 'commander'
import { printableLine } from '../../lib/printable.ts'
import { type CliContext, demandConsent, wholeNumber, withExamples, withJson, writeJson } from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { type Look, startProgress } from '../progress.ts'
import type { Pair } from '../replay/compare.ts'
import { type Gathered, gather } from '../replay/gather.ts'
import { lookUp } from '../replay/look-up.ts'
import { planJson, planText, resultJson, resultText, skippedText } from '../replay/report.ts'
import { type Sent, sendAll } from '../replay/send.ts'
import { filterWords, type ListFilters, withListFilters } from '../request-filters.ts'

type Options = {
  against: string
  limit: number
  concurrency: number
  purpose?: string
  dryRun?: boolean
  yes?: boolean
  json?: boolean
} & ListFilters

const MAX_LIMIT = 1000
const MAX_CONCURRENCY = 64
/** As much of a model's name as the log keeps. */
const MAX_MODEL_LETTERS = 256
const SEND_LOOK: Look = {
  bar: '{bar} {percentage} %  {value} of {total} sent  eta {eta_formatted}',
  line: ({ done, total }) => `${done} of ${total} sent`,
}

export function addReplayCommand(requests: Command, context: CliContext): void {
  const replay = requests
    .command('replay')
    .description('send logged requests again and compare the answers (admin, or auditor with engineer)')
    .requiredOption('--against <model>', 'a route, or upstream/model, that answers them now')
  withExamples(
    withJson(
      withListFilters(replay)
        .option('--limit <count>', `how many of the newest, at most ${MAX_LIMIT}`, upTo(MAX_LIMIT), 50)
        .option('--concurrency <count>', 'how many at once', upTo(MAX_CONCURRENCY), 4)
        .option('--purpose <why>', 'why you look; it stands on the log (default: "replay against …")')
        .option('--dry-run', 'say what would be sent, and end')
        .option('--yes', 'do not ask'),
    ),
    'aval requests replay --since 7d --route support-answer --against openai/gpt-4o-mini --dry-run',
    'aval requests replay --since 1h --outcome upstream_error --against support-answer --limit 200 --yes',
    'aval requests list --replay-of req_01k…',
  ).action(context.run((options: Options) => replayRequests(context, options)))
}

function upTo(max: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text)
    if (value > max) throw new InvalidArgumentError(`Write a whole number from 1 to ${max}.`)
    return value
  }
}

async function replayRequests(context: CliContext, options: Options): Promise<number> {
  const { terminal } = context
  const against = options.against.trim()
  if (against === '' || against.length > MAX_MODEL_LETTERS) {
    const message = `--against ${JSON.stringify(against.slice(0, 40))} is no model. Write a route's name or upstream/model; GET /v1/models lists them.`
    throw new CliError(EXIT.usage, message)
  }
  const purpose = options.purpose ?? `replay against ${against}`
  const query = filtersOf(options)
  const gathered = await gather(context.client, { query, limit: options.limit, purpose }, context.stop)
  if (gathered.candidates.length === 0) return writeNothing(context, options, against, gathered)
  if (context.stop.aborted) {
    terminal.writeError('Stopped. Nothing was sent.\n')
    return EXIT.ours
  }
  if (options.dryRun) {
    if (options.json) writeJson(context, planJson(against, gathered))
    else terminal.write(planText(against, gathered))
    return EXIT.done
  }
  terminal.writeError(planText(against, gathered))
  const count = gathered.candidates.length
  const question = `Send ${count === 1 ? 'this request' : `these ${count} requests`} to ${printableLine(against)}? It is used and charged like any other call.`
  await demandConsent(context, options.yes, question)
  const sent = await send(context, options, against, gathered)
  const rows = await lookUp(context.client, sent, purpose)
  const pairs = sent.map((one) => pairOf(one, rows))
  const outcome = { against, gathered, pairs, stopped: stoppedBy(context, sent, count) }
  if (options.json) writeJson(context, resultJson(outcome))
  else terminal.write(resultText(context, outcome))
  const completed = pairs.some(({ after }, at) =>
    after === null ? sent[at]?.ok : after.outcome === 'completed',
  )
  return completed && !context.stop.aborted ? EXIT.done : EXIT.ours
}

async function send(
  context: CliContext,
  options: Options,
  against: string,
  { candidates }: Gathered,
): Promise<Sent[]> {
  const { client, stop, terminal } = context
  const total = candidates.length
  const progress = startProgress(terminal, SEND_LOOK, options.json === true)
  progress.update({ done: 0, total })
  const sayStopping = () =>
    terminal.writeError('\nStopping: what is under way is waited for. Once more ends at once.\n')
  stop.addEventListener('abort', sayStopping, { once: true })
  let done = 0
  try {
    return await sendAll(
      client,
      candidates,
      {
        against,
        concurrency: options.concurrency,
        onDone: () => {
          done += 1
          progress.update({ done, total })
        },
      },
      stop,
    )
  } finally {
    stop.removeEventListener('abort', sayStopping)
    progress.stop()
  }
}

/** What is left of the options is filters. */
function filtersOf(options: Options): Record<string, string | undefined> {
  const { against, limit, concurrency, purpose, dryRun, yes, json, ...filters } = options
  // What a shadow mirrored is the app's own request again.
  return filterWords({ ...filters, shadow: filters.shadow ?? false })
}

function writeNothing(
  context: CliContext,
  options: Options,
  against: string,
  gathered: Gathered,
): typeof EXIT.emptyInput | typeof EXIT.ours {
  const { terminal } = context
  if (options.json) writeJson(context, planJson(against, gathered))
  else if (gathered.skipped.size === 0 && gathered.endedBy === null) {
    terminal.write('No request matches. Drop a filter, or look further back with --since 30d.\n')
  } else {
    terminal.write(`Nothing that matches can be sent again.\n${skippedText(gathered.skipped)}`)
  }
  return gathered.endedBy === 'stop' ? EXIT.ours : EXIT.emptyInput
}

function pairOf(
  { candidate, id, ok, errorCode, answer }: Sent,
  rows: ReadonlyMap<string, Pair['before']>,
): Pair {
  const after = id === null ? null : (rows.get(id) ?? null)
  const comparable = ok && candidate.answer !== null && answer !== null
  return {
    before: candidate.logged,
    after,
    afterId: id,
    identical: comparable ? candidate.answer === answer : null,
    errorCode,
  }
}

function stoppedBy({ stop }: CliContext, sent: readonly Sent[], wanted: number): string | null {
  if (stop.aborted) return `Stopped: ${wanted - sent.length} were not sent.`
  if (sent.length === wanted) return null
  return `Given up: the others would have met the same. ${sent[0]?.message ?? ''}`
}
