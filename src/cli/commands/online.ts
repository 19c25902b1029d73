/** `aval online start|list|show|values|stop`: a sample of live answers, judged while they are given. */

import { type Command, InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../../lib/units.ts'
import {
  type CliContext,
  type ListOptions,
  wholeNumber,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from '../format.ts'
import { showList } from '../list.ts'

type Order = {
  id: string
  route: string
  releases: string[]
  scorers: string[]
  sample: number
  since: string
  until: string
  limit: number
  budget_usd: string | null
  spent_usd: string
  unpriced: number
  purpose: string
  state: 'queued' | 'running' | 'done' | 'stopped' | 'failed'
  error: string | null
  looked_to: string
  created_at: string
  created_by_name: string | null
  finished_at: string | null
}
type Scores = {
  release: string
  scorer: string
  scored: number
  abstained: number
  errors: number
  skipped: number
  skips: Record<string, number>
  coverage: number | null
  mean: number | null
}
type Value = { request_id: string; started_at: string; value: number; passed: boolean | null }

export function addOnlineCommands(program: Command, context: CliContext): void {
  const online = program.command('online').description('judge a sample of live answers, release by release')
  addStart(online, context)
  addList(online, context)
  addShow(online, context)
  addValues(online, context)
  addStop(online, context)
}

type StartOptions = {
  release: string[]
  scorer: (string | object)[]
  sample: number
  budget?: string
  for: string
  since?: string
  limit?: number
  purpose?: string
  json?: boolean
}

function addStart(online: Command, context: CliContext): void {
  withExamples(
    withJson(
      online
        .command('start')
        .argument('<route>', 'support-answer')
        .description('order a sample to be judged; a worker looks about once a minute (admin or engineer)')
        .requiredOption(
          '--release <release>',
          'r15; once for each',
          collect<string>((text) => text),
          [],
        )
        .requiredOption(
          '--scorer <scorer>',
          'a kind, or JSON as suites have it; once for each',
          collect(scorerOf),
          [],
        )
        .option('--sample <share>', 'of the requests: 20% or 0.2', shareOf, 0.2)
        .option('--budget <usd>', 'what judges may cost in all; needed when a model judges')
        .option('--for <time>', 'how long from now on', durationOf, '24h')
        .option('--since <when>', 'also requests before now, from then on: an ISO time, or how long ago')
        .option('--limit <count>', 'requests at most (default 1000)', wholeNumber)
        .option('--purpose <why>', 'why answers are read; it stands on the log beside each read'),
    ),
    'aval online start support-answer --release r15 --release r14 --scorer grounded --sample 20% --for 24h',
    `aval online start support-answer --release r15 --scorer '{"kind":"closed-qa","criterion":"It is polite.","model":"openai/gpt-4o-mini"}' --budget 1`,
  ).action(context.run((route: string, options: StartOptions) => start(context, route, options)))
}

async function start(context: CliContext, route: string, options: StartOptions): Promise<undefined> {
  const { release: releases, scorer: scorers, budget, json, ...rest } = options
  if (releases.length === 0) throw new CliError(EXIT.usage, 'Name a release: --release r15')
  if (scorers.length === 0) throw new CliError(EXIT.usage, 'Name a scorer: --scorer grounded')
  const body = { route, releases, scorers, ...(budget !== undefined && { budget_usd: budget }), ...rest }
  const order = await context.client.json<Order>({ method: 'POST', path: '/api/online-scores', body })
  if (json) writeJson(context, order)
  else {
    const { terminal } = context
    const until = formatTime(terminal, order.until)
    terminal.write(
      `${order.id}  ${percent(order.sample)} of ${route} ${order.releases.join(', ')} until ${until}\nLook: aval online show ${order.id}\n`,
    )
  }
  return undefined
}

function addList(online: Command, context: CliContext): void {
  withExamples(
    withPaging(
      online
        .command('list')
        .description('orders, newest first')
        .option('--route <route>', 'of this route only'),
    ),
    'aval online list',
    'aval online list --route support-answer',
  ).action(
    context.run((options: ListOptions & { route?: string }) =>
      showList<Order>(context, options, {
        path: '/api/online-scores',
        none: 'No orders. Make one: aval online start <route> --release r1 --scorer grounded',
        head: ['ID', 'ROUTE', 'RELEASES', 'SCORERS', 'SAMPLE', 'STATE', 'SPENT', 'UNTIL', 'BY'],
        cells: (order) => [
          order.id,
          order.route,
          order.releases.join(', '),
          shorten(order.scorers.join(', '), 40),
          percent(order.sample),
          order.state,
          spentText(order),
          formatTime(context.terminal, order.until),
          shorten(order.created_by_name ?? '-', 24),
        ],
      }),
    ),
  )
}

function addShow(online: Command, context: CliContext): void {
  withExamples(
    withJson(
      online
        .command('show')
        .argument('<order>', 'onl_…')
        .description('how far an order is, and what it found'),
    ),
    'aval online show onl_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const order = await context.client.json<Order & { scores: Scores[] }>({
        method: 'GET',
        path: orderPath(id),
      })
      if (json) writeJson(context, order)
      else writeOrder(context, order)
      return undefined
    }),
  )
}

function writeOrder({ terminal }: CliContext, order: Order & { scores: Scores[] }): void {
  terminal.write(
    formatFields([
      ['order', `${order.id}  ${order.state}`],
      ['error', order.error],
      ['traffic', `${percent(order.sample)} of ${order.route}, at most ${order.limit} requests`],
      ['from', formatTime(terminal, order.since)],
      ['until', formatTime(terminal, order.until)],
      ['looked to', formatTime(terminal, order.looked_to)],
      ['spent', spentText(order)],
      ['purpose', order.purpose],
      ['by', order.created_by_name],
      ['ended', order.finished_at === null ? null : formatTime(terminal, order.finished_at)],
    ]),
  )
  const head = ['RELEASE', 'SCORER', 'MEAN', 'SCORED', 'ABSTAINED', 'ERRORS', 'SKIPPED', 'COVERAGE']
  const rows = order.scores.map((one) => [
    one.release,
    one.scorer,
    one.mean === null ? '-' : one.mean.toFixed(3),
    String(one.scored),
    String(one.abstained),
    String(one.errors),
    skippedText(one),
    one.coverage === null ? '-' : percent(one.coverage),
  ])
  terminal.write(`\n${formatTable(head, rows)}`)
}

function addValues(online: Command, context: CliContext): void {
  withExamples(
    withJson(
      online
        .command('values')
        .argument('<order>', 'onl_…')
        .description(
          'the newest values of one release by one scorer, the oldest of them first; the read is recorded',
        )
        .requiredOption('--release <release>', 'r15')
        .requiredOption('--scorer <name>', 'as the order calls it')
        .option('--limit <count>', 'values at most', wholeNumber, 50),
    ),
    'aval online values onl_01k… --release r15 --scorer grounded',
  ).action(
    context.run(
      async (id: string, { json, ...query }: { json?: boolean; release: string; scorer: string }) => {
        const path = `${orderPath(id)}/values`
        const { data } = await context.client.json<{ data: Value[] }>({ method: 'GET', path, query })
        const { terminal } = context
        if (json) writeJson(context, data)
        else if (data.length === 0) terminal.write(`Nothing has a score yet. Why: aval online show ${id}\n`)
        else {
          const rows = data.map(({ request_id, started_at, value, passed }) => [
            formatTime(terminal, started_at),
            request_id,
            String(value),
            passed === null ? '-' : String(passed),
          ])
          terminal.write(formatTable(['TIME', 'REQUEST', 'VALUE', 'PASSED'], rows))
        }
        return undefined
      },
    ),
  )
}

function addStop(online: Command, context: CliContext): void {
  withExamples(
    withJson(
      online
        .command('stop')
        .argument('<order>', 'onl_…')
        .description('end an order; what it has stays (the order of a canary ends with the canary)'),
    ),
    'aval online stop onl_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const order = await context.client.json<Order>({ method: 'POST', path: `${orderPath(id)}/stop` })
      if (json) writeJson(context, order)
      else context.terminal.write(`${id} stopped. What it has: aval online show ${id}\n`)
      return undefined
    }),
  )
}

/** Throws CliError for what is no id of an order. */
function orderPath(id: string): string {
  if (/^onl_[0-9a-z]{26}$/.test(id)) return `/api/online-scores/${id}`
  throw new CliError(EXIT.usage, `"${id.slice(0, 60)}" is no order. aval online list shows them.`)
}

function collect<Value>(read: (text: string) => Value) {
  return (text: string, before: readonly Value[]): Value[] => [...before, read(text)]
}

/** A kind by itself, or an object with its settings. */
function scorerOf(text: string): string | object {
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text) as object
  } catch {
    throw new InvalidArgumentError('Write a kind such as grounded, or one JSON object with a kind.')
  }
}

function shareOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim())
  const share = match === null ? 0 : Number(match[1]) / (match[2] === '%' ? 100 : 1)
  if (share > 0 && share <= 1) return share
  throw new InvalidArgumentError('Write a share such as 20% or 0.2, above 0 and up to 100%.')
}

function durationOf(text: string): string {
  if (parseDurationMs(text) !== null) return text
  throw new InvalidArgumentError('Write a time such as 30m, 24h or 7d.')
}

/** `20 %`, with as many decimals as it takes. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`
}

function spentText({ spent_usd, budget_usd, unpriced }: Order): string {
  const cap = budget_usd === null ? '' : ` of $${budget_usd}`
  return `$${spent_usd}${cap}${unpriced === 0 ? '' : ` and ${unpriced} of unknown price`}`
}

function skippedText({ skipped, skips }: Scores): string {
  const why = Object.entries(skips).map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`)
  return why.length === 0 ? '0' : `${skipped} (${why.join(', ')})`
}
