/** `aval monitor status|history|calibrate`: what is watched, how it went, and learning anew what is usual. */

import type { Command } from 'commander'
import { levelText } from '../../../lib/amount.ts'
import { type CliContext, demandConsent, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTable, formatTime, shorten } from '../../format.ts'
import {
  becauseText,
  type Episode,
  type Status,
  type Subject,
  sparkline,
  stateText,
  type Unit,
} from '../../monitor.ts'
import { addDataCommand } from './data.ts'
import { addMonitorExplainCommand } from './explain.ts'

type Statuses = { data: Status[]; has_more: boolean }
type Named = { route?: string; upstream?: string; json?: boolean }

export function addMonitorCommands(program: Command, context: CliContext): void {
  const monitor = program
    .command('monitor')
    .description('what is watched of the traffic: cost, latency, errors, scores, by the past of each')
  addStatus(monitor, context)
  addHistory(monitor, context)
  addMonitorExplainCommand(monitor, context)
  addDataCommand(monitor, context)
  addCalibrate(monitor, context)
}

type StatusOptions = Named & { all?: boolean; failOnAlert?: boolean }

function addStatus(monitor: Command, context: CliContext): void {
  withExamples(
    withJson(
      monitor
        .command('status')
        .description('how each watched figure stands; alerts and warnings first')
        .option('--route <route>', 'of this route alone, or of upstream/model')
        .option('--upstream <upstream>', 'of this upstream alone, over all routes')
        .option('--all', 'each figure that is as usual or unknown too')
        .option('--fail-on-alert', 'exit 100 while there is an alert'),
    ),
    'aval monitor status',
    'aval monitor status --route support-answer --all',
    'aval monitor status --fail-on-alert --json',
  ).action(context.run((options: StatusOptions) => showStatus(context, options)))
}

async function showStatus(
  context: CliContext,
  { json, all, failOnAlert, route, upstream }: StatusOptions,
): Promise<number | undefined> {
  const statuses = await context.client.json<Statuses>({
    method: 'GET',
    path: '/api/monitor',
    query: { route, upstream },
  })
  if (json) writeJson(context, statuses)
  else writeStatus(context, statuses, all === true)
  const isAlert = statuses.data.some(({ state }) => state === 'alert')
  return failOnAlert && isAlert ? EXIT.fail : undefined
}

function writeStatus({ terminal, nowMs }: CliContext, { data, has_more }: Statuses, all: boolean): void {
  if (data.length === 0) {
    terminal.write(
      'Nothing is watched yet: a route is from 20 requests in an hour on. Its traffic: aval requests usage --by route --since 24h\n',
    )
    return
  }
  const viewer = { timeZone: terminal.timeZone, nowMs: nowMs() }
  const isShown = ({ state }: Status) => all || state === 'alert' || state === 'warn'
  const rows = data
    .filter(isShown)
    .map((one) => [
      nameOf(one.subject),
      one.text,
      stateText(viewer, one),
      levelText(one.value, one.unit),
      levelText(one.usual, one.unit),
      one.alert?.id ?? '',
      becauseText(viewer, one),
    ])
  if (rows.length > 0) {
    const head = ['SUBJECT', 'FIGURE', 'STATE', 'NOW', 'USUAL', 'ALERT', 'BECAUSE']
    terminal.write(formatTable(head, rows))
  }
  if (!all) terminal.write(`${rows.length > 0 ? '\n' : ''}${restText(data)}\n`)
  if (has_more) terminal.write('There are more. Choose with --route or --upstream.\n')
}

/** `3 routes and upstreams: 20 figures ok, 4 learning (up to 61 of 100 points).` */
function restText(data: readonly Status[]): string {
  const subjects = new Set(data.map(({ subject }) => nameOf(subject))).size
  const ok = data.filter(({ state }) => state === 'ok').length
  const learning = data.filter(({ state, points }) => state === 'no_data' && points < 100)
  const silent = data.filter(({ state, points }) => state === 'no_data' && points >= 100).length
  const parts = [`${ok} ${ok === 1 ? 'figure' : 'figures'} ok`]
  if (learning.length > 0) {
    const most = Math.max(...learning.map(({ points }) => points))
    parts.push(`${learning.length} learning (${most} of 100 points at most)`)
  }
  if (silent > 0) parts.push(`${silent} without data now`)
  return `${subjects} watched: ${parts.join(', ')}. All of them: aval monitor status --all`
}

type HistoryOptions = { metric: string; since: string; until?: string; upstream?: boolean; json?: boolean }
type History = {
  unit: Unit
  bucket_ms: number
  data: { at: string; value: number; requests: number }[]
  episodes: Episode[]
}

function addHistory(monitor: Command, context: CliContext): void {
  withExamples(
    withJson(
      monitor
        .command('history')
        .argument('<route>', 'support-answer; upstream/model; or an upstream with --upstream')
        .description('how one figure went, and its alerts')
        .requiredOption('--metric <metric>', 'latency_p95, cost_per_request, error_rate, score:grounded …')
        .option('--since <when>', 'an ISO time, or how long ago', '7d')
        .option('--until <when>', 'an ISO time, or how long ago')
        .option('--upstream', 'the name is that of an upstream, over all routes'),
    ),
    'aval monitor history support-answer --metric latency_p95 --since 7d',
    'aval monitor history openai --upstream --metric error_rate --since 24h --json',
  ).action(context.run((name: string, options: HistoryOptions) => showHistory(context, name, options)))
}

async function showHistory(
  context: CliContext,
  name: string,
  { json, upstream, ...query }: HistoryOptions,
): Promise<undefined> {
  const history = await context.client.json<History>({
    method: 'GET',
    path: '/api/monitor/history',
    query: { ...query, ...(upstream ? { upstream: name } : { route: name }) },
  })
  if (json) writeJson(context, history)
  else writeHistory(context, name, query, history)
  return undefined
}

/** Rows of the table: the newest. */
const SHOWN_POINTS = 24
const CHART_WIDTH = 72

function writeHistory(
  { terminal }: CliContext,
  name: string,
  { metric, since }: { metric: string; since: string },
  { data, unit, bucket_ms, episodes }: History,
): void {
  if (data.length === 0) {
    terminal.write(
      `${name} has no ${metric} since ${since}: too few requests, or another name. What is watched: aval monitor status --all\n`,
    )
    return
  }
  const values = data.map(({ value }) => value)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  terminal.write(`${name}  ${metric}, ${data.length} points of ${bucket_ms / 60_000} minutes\n`)
  terminal.write(`${sparkline(inTime(data, bucket_ms), CHART_WIDTH)}\n`)
  terminal.write(`${levelText(low, unit)} to ${levelText(high, unit)}\n\n`)
  const rows = data
    .slice(-SHOWN_POINTS)
    .map(({ at, value, requests }) => [formatTime(terminal, at), levelText(value, unit), String(requests)])
  terminal.write(formatTable(['FROM', metric.toUpperCase(), 'REQUESTS'], rows))
  if (episodes.length === 0) return
  const alerts = episodes.map((one) => [
    one.id,
    one.change,
    formatTime(terminal, one.began_at),
    formatTime(terminal, one.ended_at),
    levelText(one.value, unit),
    levelText(one.usual, unit),
    shorten(one.acked_by ?? '-', 24),
  ])
  const head = ['ALERT', 'CHANGE', 'BEGAN', 'ENDED', 'VALUE', 'USUAL', 'ACKNOWLEDGED']
  terminal.write(`\n${formatTable(head, alerts)}`)
}

/** One place for each bucket, so that a gap is one on the chart too. */
function inTime(data: History['data'], bucketMs: number): (number | null)[] {
  const first = Date.parse(data[0]?.at ?? '')
  const values: (number | null)[] = []
  for (const { at, value } of data) {
    const place = Math.min(20_000, Math.round((Date.parse(at) - first) / bucketMs))
    while (values.length < place) values.push(null)
    values.push(value)
  }
  return values
}

type CalibrateOptions = { since: string; yes?: boolean; upstream?: boolean; json?: boolean }
type Calibrated = {
  subject: Subject
  metric: string
  unit: Unit
  points: number
  usual_before: number | null
  usual_now: number | null
  ended_alert: string | null
}

function addCalibrate(monitor: Command, context: CliContext): void {
  withExamples(
    withJson(
      monitor
        .command('calibrate')
        .argument('[route]', 'of this route alone; without one of everything that is watched')
        .description('learn anew what is usual, from the traffic that is still summed up (admin or engineer)')
        .option('--since <when>', 'from then on: an ISO time, or how long ago', '28d')
        .option('--upstream', 'the name is that of an upstream, over all routes')
        .option('--yes', 'what was learnt so far is let go'),
    ),
    'aval monitor calibrate support-answer --since 7d --yes',
    'aval monitor calibrate --yes',
  ).action(
    context.run((name: string | undefined, options: CalibrateOptions) => calibrate(context, name, options)),
  )
}

async function calibrate(
  context: CliContext,
  name: string | undefined,
  { json, yes, since, upstream }: CalibrateOptions,
): Promise<undefined> {
  await demandConsent(
    context,
    yes,
    `Let go what was learnt of ${name ?? 'everything that is watched'}, and learn anew?`,
  )
  const data: Calibrated[] = []
  let readSince: string | null = null
  for (const subject of await subjectsOf(context, name, upstream === true)) {
    const body = { since, [subject.kind]: subject.name }
    const found = await context.client.json<{ data: Calibrated[]; since: string }>({
      method: 'POST',
      path: '/api/monitor/calibrate',
      body,
    })
    data.push(...found.data)
    readSince ??= found.since
  }
  if (json) writeJson(context, { data, since: readSince })
  else writeCalibrated(context, readSince ?? since, data)
  return undefined
}

async function subjectsOf(
  context: CliContext,
  name: string | undefined,
  isUpstream: boolean,
): Promise<Subject[]> {
  if (name !== undefined) return [{ kind: isUpstream ? 'upstream' : 'route', name }]
  const { data, has_more } = await context.client.json<Statuses>({ method: 'GET', path: '/api/monitor' })
  if (has_more) {
    const message = 'There are more than 1,000 figures. Name a route, or an upstream with --upstream.'
    throw new CliError(EXIT.usage, message)
  }
  return [...new Map(data.map(({ subject }) => [`${subject.kind} ${subject.name}`, subject])).values()]
}

function writeCalibrated({ terminal }: CliContext, since: string, data: readonly Calibrated[]): void {
  if (data.length === 0) {
    const when = formatTime(terminal, since)
    terminal.write(`There was too little traffic since ${when} to learn from, and nothing is changed.\n`)
    return
  }
  const rows = data.map((one) => [
    nameOf(one.subject),
    one.metric,
    String(one.points),
    levelText(one.usual_before, one.unit),
    levelText(one.usual_now, one.unit),
    one.ended_alert ?? '',
  ])
  terminal.write(formatTable(['SUBJECT', 'METRIC', 'POINTS', 'USUAL WAS', 'USUAL IS', 'ALERT OVER'], rows))
  terminal.write(`\nLearnt from the traffic since ${formatTime(terminal, since)}.\n`)
}

function nameOf({ kind, name }: Subject): string {
  return kind === 'upstream' ? `${name} (upstream)` : name
}
