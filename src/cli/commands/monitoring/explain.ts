/** `aval monitor explain`: why a metric changed, in sentences first and figures after. */

import type { Command } from 'commander'
import { amountText, levelText } from '../../../lib/amount.ts'
import {
  beganText,
  causeName,
  causesText,
  changeText,
  type ToldExplanation,
} from '../../../lib/cause-line.ts'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { toldOf, type WireExplanation, type WireWindow } from '../../explanation.ts'
import { formatTable, formatTime } from '../../format.ts'
import { withPurpose } from '../../request-filters.ts'
import { colorsOf } from '../../terminal.ts'

type Explained = {
  alert: string | null
  subject: { kind: string; name: string }
  metric: string
  explanation: WireExplanation
}
type Options = {
  metric?: string
  at?: string
  before?: string
  after?: string
  upstream?: boolean
  purpose?: string
  json?: boolean
}

export function addMonitorExplainCommand(monitor: Command, context: CliContext): void {
  withExamples(
    withJson(
      withPurpose(
        monitor
          .command('explain')
          .argument('<what>', 'a route, or an alert: alr_…')
          .description(
            'why a metric changed: causes that add up, what was changed nearby, which traffic moved',
          )
          .option('--metric <name>', 'latency_p95, ttft_p95, error_rate, spend … (default cost_per_request)')
          .option(
            '--at <when>',
            'when it began: an ISO time, or how long ago (default as long ago as --after)',
          )
          .option('--before <length>', 'length of the window before (default: chosen, and said)')
          .option('--after <length>', 'length of the window after (default 24h, up to now)')
          .option('--upstream', 'what is named is an upstream, over all routes'),
      ),
    ),
    'aval monitor explain support-answer',
    'aval monitor explain support-answer --metric latency_p95 --at 2h',
    'aval monitor explain support-answer --metric spend --before 7d --after 7d',
    'aval monitor explain alr_01kb5q1m8ze5w8tr8tvd1fjj2c --json',
  ).action(context.run((what: string, options: Options) => explain(context, what, options)))
}

async function explain(context: CliContext, what: string, options: Options): Promise<number | undefined> {
  const { json, upstream, purpose, ...asked } = options
  const query = what.startsWith('alr_')
    ? { alert: what }
    : { [upstream ? 'upstream' : 'route']: what, ...asked }
  const found = await context.client.json<Explained>({
    method: 'GET',
    path: '/api/monitor/explain',
    query: { ...query, purpose },
  })
  if (json) writeJson(context, found)
  else writeExplained(context, found)
  return found.explanation.unknowns.some(({ reason }) => reason.startsWith('no_traffic'))
    ? EXIT.emptyInput
    : undefined
}

function writeExplained(context: CliContext, { subject, metric, explanation }: Explained): void {
  const { terminal } = context
  const told = toldOf(explanation)
  const time = (ms: number) => formatTime(terminal, new Date(ms).toISOString()).slice(11, 16)
  const causes = causesText(told)
  const change = levelChange(explanation, metric)
  const headline = [
    `${subject.name}  ${metric.replaceAll('_', ' ')}${change}`,
    ...(causes === null ? [] : [causes]),
  ].join(': ')
  terminal.write(`${colorsOf(terminal).bold(printableLine(`${headline}; ${beganText(told, time)}`))}\n`)
  if (isQuantile(explanation, metric)) {
    terminal.write(
      `The causes are of the mean, ${changeText(told, explanation.difference)}: a quantile has no parts.\n`,
    )
  }
  terminal.write(`Compared with ${printableLine(explanation.baseline.why)}.\n`)
  for (const { text } of explanation.unknowns) terminal.write(`${printableLine(text)}\n`)
  writeTables(context, explanation, told)
}

function writeTables({ terminal }: CliContext, explanation: WireExplanation, told: ToldExplanation): void {
  const { unit, before, after, causes, segments, changes } = explanation
  const window = (name: string, { from, to, requests, level }: WireWindow) => [
    name,
    formatTime(terminal, from),
    formatTime(terminal, to),
    String(requests),
    levelText(level, unit),
  ]
  terminal.write(
    `\n${formatTable(['', 'FROM', 'TO', 'REQUESTS', 'LEVEL'], [window('before', before), window('after', after)])}`,
  )
  const moved = (amount: number) => [changeText(told, amount), amountText(amount, unit)]
  if (causes.length > 0) {
    const rows = [...causes.map(({ cause, amount }) => [causeName(cause), ...moved(amount)])]
    terminal.write(
      `\n${formatTable(['CAUSE', 'CHANGE', 'AMOUNT'], [...rows, ['together', ...moved(explanation.difference)]])}`,
    )
  }
  if (segments.length > 0) {
    const rows = segments.map(({ dimension, value, amount }) => [dimension, value, ...moved(amount)])
    terminal.write(`\n${formatTable(['SEGMENT', 'VALUE', 'CHANGE', 'AMOUNT'], rows)}`)
  }
  if (changes.length > 0) {
    const rows = changes.map(({ at, kind, target, text }) => [formatTime(terminal, at), kind, target, text])
    terminal.write(`\n${formatTable(['CHANGED AT', 'KIND', 'WHAT', 'WHAT WAS DONE'], rows)}`)
  } else
    terminal.write(
      '\nNo release, price, model, index or reload was changed from a day before to half an hour after.\n',
    )
}

/** Of the metric itself, which for a quantile is not what the causes are of. */
function levelChange({ before, after, unit }: WireExplanation, metric: string): string {
  if (before.level === null || after.level === null) return ''
  const own = {
    base: before.level,
    difference: after.level - before.level,
    unit: metric.startsWith('score:') ? 'score' : unit,
  }
  return ` ${changeText({ ...own }, own.difference)}`
}

function isQuantile({ measure, causes }: WireExplanation, metric: string): boolean {
  return measure !== null && causes.length > 0 && /_p\d\d$/.test(metric)
}
