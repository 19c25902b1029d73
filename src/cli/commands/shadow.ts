/** `aval shadow start|list|show|stop`: a share of a label's traffic, mirrored to a candidate release. */

import type { Command } from 'commander'
import { formatUsd, parseUsd } from '../../lib/money.ts'
import { parseDurationMs } from '../../lib/units.ts'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatDuration, formatFields, formatTable, formatTime, shorten } from '../format.ts'

type Shadow = {
  id: string
  route: string
  label: string
  release: string
  release_id: string
  percent: number
  budget_usd: string
  allow_unpriced: boolean
  reason: string
  state: string
  started_by: string
  started_by_name: string | null
  started_at: string
  ends_at: string
  stopped_by: string | null
  stopped_by_name: string | null
  stopped_at: string | null
  stop_reason: string | null
}
type Latency = { p50_ms: number; p95_ms: number } | null
/** What is null of it has more calls than are read in time. */
type Detail = Shadow & {
  sent: number | null
  dropped: number
  skipped: number
  outcomes: Record<string, number> | null
  spent_usd: string | null
  held_usd: string
  unpriced: number | null
  latency: { pairs: number; app: Latency; shadow: Latency } | null
}
type StartOptions = {
  sample: string
  budget: string
  for: string
  label: string
  allowUnpriced?: boolean
  reason: string
  json?: boolean
}
type StopOptions = { reason: string; json?: boolean }

export function addShadowCommands(program: Command, context: CliContext): void {
  const shadow = program
    .command('shadow')
    .description('mirror a share of the traffic of a label to a candidate release; apps never see it')
  withExamples(
    withJson(
      shadow
        .command('start')
        .argument('<route>', 'support-answer')
        .argument('<release>', 'the candidate: r15')
        .description('begin to mirror (admin or engineer); one shadow per route runs at a time')
        .requiredOption('--sample <percent>', 'how much of the traffic: 5%, or 0.25%')
        .requiredOption('--budget <usd>', 'what it may cost altogether: 2, or 0.50')
        .requiredOption('--reason <text>', 'why; it stands on the log and on the shadow')
        .option('--for <time>', 'how long: 30m to 30d', '24h')
        .option('--label <label>', 'whose traffic', 'production')
        .option(
          '--allow-unpriced',
          'also when nobody knows what the candidate costs: no budget holds it then',
        ),
    ),
    'aval shadow start support-answer r15 --sample 5% --budget 2 --for 24h --reason "new prompt"',
    'aval shadow start support-answer r16 --label staging --sample 100% --budget 0.50 --for 2h --reason "local model"',
  ).action(
    context.run((route: string, release: string, options: StartOptions) =>
      start(context, { route, release }, options),
    ),
  )
  withExamples(
    withPaging(
      shadow
        .command('list')
        .argument('[route]', 'of this route only')
        .description('shadows of your project, newest first'),
    ),
    'aval shadow list support-answer',
  ).action(context.run((route: string | undefined, options: ListOptions) => list(context, route, options)))
  withExamples(
    withJson(
      shadow
        .command('show')
        .argument('<id>', 'shd_…')
        .description(
          'what came of it: how many calls, how they ended, what they cost and how long they took',
        ),
    ),
    'aval shadow show shd_01k…',
  ).action(context.run((id: string, options: { json?: boolean }) => show(context, id, options)))
  withExamples(
    withJson(
      shadow
        .command('stop')
        .argument('<id>', 'shd_…')
        .description('end it (admin or engineer): no call begins after that')
        .requiredOption('--reason <text>', 'why; it stands on the log and on the shadow'),
    ),
    'aval shadow stop shd_01k… --reason "seen enough"',
  ).action(context.run((id: string, options: StopOptions) => stop(context, id, options)))
}

async function start(
  context: CliContext,
  { route, release }: { route: string; release: string },
  options: StartOptions,
): Promise<undefined> {
  const made = await context.client.json<Shadow>({
    method: 'POST',
    path: '/api/shadows',
    body: {
      route,
      release,
      label: options.label,
      percent: percentOf(options.sample),
      budget_usd: options.budget,
      duration_seconds: secondsOf(options.for),
      allow_unpriced: options.allowUnpriced === true,
      reason: options.reason,
    },
  })
  if (options.json) writeJson(context, made)
  else {
    const { terminal } = context
    terminal.write(
      `${made.id} mirrors ${made.percent} % of ${route}@${made.label} to ${made.release}, for at most ${usd(made.budget_usd)}, until ${formatTime(terminal, made.ends_at)}.\n` +
        `What comes of it: aval shadow show ${made.id}\n`,
    )
  }
  return undefined
}

/** `5%`, `0.25 %` or `5`. */
function percentOf(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,2})?)\s?%?$/.exec(text.trim())
  const percent = Number(match?.[1])
  if (percent >= 0.01 && percent <= 100) return percent
  throw new CliError(
    EXIT.usage,
    `"${shorten(text, 40)}" is no share. Write 0.01% to 100%, with at most two decimals: 5%.`,
  )
}

function secondsOf(text: string): number {
  const ms = parseDurationMs(text)
  if (ms !== null) return Math.round(ms / 1000)
  throw new CliError(EXIT.usage, `"${shorten(text, 40)}" is no time. Write 30m, 24h or 7d.`)
}

async function list(
  context: CliContext,
  route: string | undefined,
  options: ListOptions,
): Promise<undefined> {
  const { limit, cursor } = options
  const page = await context.client.json<{ data: Shadow[]; next_cursor: string | null }>({
    method: 'GET',
    path: '/api/shadows',
    query: { route, limit, cursor },
  })
  if (options.json) writeJson(context, page)
  else if (page.data.length === 0) {
    context.terminal.write(
      'No shadows yet. Start one: aval shadow start <route> <release> --sample 5% --budget 2 --reason "…"\n',
    )
  } else {
    context.terminal.write(
      formatTable(
        ['SHADOW', 'OF', 'CANDIDATE', 'SHARE', 'BUDGET', 'STATE', 'ENDS', 'BY', 'WHY'],
        page.data.map((one) => [
          one.id,
          `${one.route}@${one.label}`,
          one.release,
          `${one.percent} %`,
          usd(one.budget_usd),
          one.state,
          formatTime(context.terminal, one.stopped_at ?? one.ends_at),
          shorten(one.started_by_name ?? one.started_by, 20),
          shorten(one.reason, 40),
        ]),
      ),
    )
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function show(context: CliContext, id: string, options: { json?: boolean }): Promise<undefined> {
  const found = await context.client.json<Detail>({
    method: 'GET',
    path: `/api/shadows/${encodeURIComponent(id)}`,
  })
  if (options.json) {
    writeJson(context, found)
    return undefined
  }
  const { terminal } = context
  const { latency } = found
  const by = found.stopped_by_name ?? found.stopped_by ?? 'the gateway'
  terminal.write(
    formatFields([
      ['shadow', found.id],
      ['mirrors', `${found.percent} % of ${found.route}@${found.label} to ${found.release}`],
      ['why', found.reason],
      ['state', found.state],
      [
        'started',
        `${formatTime(terminal, found.started_at)} by ${found.started_by_name ?? found.started_by}`,
      ],
      found.stopped_at === null
        ? ['ends', formatTime(terminal, found.ends_at)]
        : ['ended', `${formatTime(terminal, found.stopped_at)} by ${by}`],
      ['ended why', found.stop_reason],
      ['sent', `${found.sent ?? TOO_MANY}; ${found.dropped} dropped, ${found.skipped} skipped`],
      ['outcomes', outcomesText(found.outcomes)],
      ['spent', spentText(found)],
      ['app took', latency === null ? TOO_MANY : latencyText(latency.app, latency.pairs)],
      ['shadow took', latency === null ? TOO_MANY : latencyText(latency.shadow, latency.pairs)],
    ]),
  )
  terminal.write(`\nIts calls: aval requests list --shadow --release ${found.release_id}\n`)
  return undefined
}

const TOO_MANY = 'unknown: too many calls to be read in time'

function outcomesText(outcomes: Detail['outcomes']): string {
  if (outcomes === null) return TOO_MANY
  const words = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`)
  return words.length === 0 ? 'none yet' : words.join(', ')
}

function spentText({ spent_usd, budget_usd, held_usd, unpriced }: Detail): string {
  const held = held_usd === '0' ? '' : `, ${usd(held_usd)} held for calls that told no usage`
  const unknown = unpriced === null || unpriced === 0 ? '' : `, unknown for ${unpriced} calls`
  const spent = spent_usd === null ? TOO_MANY : `${usd(spent_usd)} of ${usd(budget_usd)}`
  return `${spent}${held}${unknown}`
}

function latencyText(latency: Latency, pairs: number): string | null {
  if (latency === null) return null
  return `${formatDuration(latency.p50_ms)} half of the time, ${formatDuration(latency.p95_ms)} at the 95th percentile, of ${pairs}`
}

function usd(text: string): string {
  const microUsd = parseUsd(text)
  return microUsd === null ? text : formatUsd(microUsd)
}

async function stop(context: CliContext, id: string, { reason, json }: StopOptions): Promise<undefined> {
  const ended = await context.client.json<Shadow>({
    method: 'POST',
    path: `/api/shadows/${encodeURIComponent(id)}/stop`,
    body: { reason },
  })
  if (json) writeJson(context, ended)
  else {
    context.terminal.write(
      `${ended.id} mirrors nothing more. Calls under way end by themselves: aval shadow show ${ended.id}\n`,
    )
  }
  return undefined
}
