/** `aval alerts list|show|ack|test`: what changed, why, who was told and who looks after it. */

import type { Command } from 'commander'
import { amountText, levelText } from '../../lib/amount.ts'
import { causeLine } from '../../lib/cause-line.ts'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { toldOf, type WireExplanation } from '../explanation.ts'
import { formatFields, formatTable, formatTime, shorten } from '../format.ts'
import { showList } from '../list.ts'
import { addRulesCommand } from './alert-rules.ts'
import { alertPath, type Bar, barText, type Subject, spanText, subjectText } from './alert-text.ts'
import { addSilenceCommands } from './silences.ts'

type Alert = {
  id: string
  subject: Subject
  metric: string
  unit: string | null
  change: string
  began_at: string
  opened_at: string
  ended_at: string | null
  value: number | null
  usual: number | null
  excess: number
  bar: Bar | null
  acknowledged: { at: string; by: string; by_name: string | null; note: string | null } | null
  silenced_by: string | null
}
type Delivery = {
  event: 'opened' | 'still_open' | 'ended'
  nth: number
  channel: string
  state: 'silenced' | 'waiting' | 'sent' | 'failed'
  silence: string | null
  tries: number
  note: string | null
  at: string
  next_try_at: string | null
  finished_at: string | null
}
type Action = { action: string; label: string; outcome: string; note: string; at: string }
type ShownAlert = Alert & {
  explanation: WireExplanation | null
  deliveries: Delivery[]
  actions: Action[]
}
export function addAlertCommands(program: Command, context: CliContext): void {
  const alerts = program
    .command('alerts')
    .description('what changed in traffic, who was told and who looks after it')
  addList(alerts, context)
  addShow(alerts, context)
  addAck(alerts, context)
  addRulesCommand(alerts, context)
  addSilenceCommands(alerts, context)
  addTest(alerts, context)
}

type AlertListOptions = ListOptions & {
  open?: boolean
  route?: string
  upstream?: string
  metric?: string
  since?: string
}

function addList(alerts: Command, context: CliContext): void {
  withExamples(
    withPaging(
      alerts
        .command('list')
        .description('alerts of your project, newest first')
        .option('--open', 'only those that last')
        .option('--route <route>', 'of this route only')
        .option('--upstream <upstream>', 'of this upstream only')
        .option('--metric <metric>', 'of this figure only: cost_per_request')
        .option('--since <when>', 'opened from then on: an ISO time, or how long ago'),
    ),
    'aval alerts list --open',
    'aval alerts list --route support-answer --since 7d',
  ).action(
    context.run(({ open, ...options }: AlertListOptions) =>
      showList<Alert>(
        context,
        { ...options, ...(open === true && { open: 'true' }) },
        {
          path: '/api/alerts',
          none: open === true ? 'Nothing is out of the usual.' : 'No alerts.',
          head: ['ID', 'OF', 'METRIC', 'VALUE', 'USUAL OR BAR', 'SINCE', 'ENDED', 'ACK', 'SILENCED BY'],
          cells: (alert) => [
            alert.id,
            subjectText(alert.subject),
            alert.metric,
            levelText(alert.value, alert.unit),
            alert.bar === null ? levelText(alert.usual, alert.unit) : barText(alert.bar, alert.unit),
            formatTime(context.terminal, alert.began_at),
            formatTime(context.terminal, alert.ended_at),
            shorten(alert.acknowledged?.by_name ?? alert.acknowledged?.by ?? '-', 24),
            alert.silenced_by ?? '-',
          ],
        },
      ),
    ),
  )
}

function addShow(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(
      alerts
        .command('show')
        .argument('<alert>', 'alr_…')
        .description('one alert: why, and who was told what'),
    ),
    'aval alerts show alr_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      const alert = await context.client.json<ShownAlert>({ method: 'GET', path: alertPath(id) })
      if (json) writeJson(context, alert)
      else writeAlert(context, alert)
      return undefined
    }),
  )
}

function writeAlert(context: CliContext, alert: ShownAlert): void {
  const { terminal } = context
  const { acknowledged: acked, explanation } = alert
  const time = (iso: string) => formatTime(terminal, iso)
  terminal.write(
    formatFields([
      ['alert', `${alert.id}  ${alert.ended_at === null ? 'open' : 'over'}`],
      ['of', `${subjectText(alert.subject)}  ${alert.metric}`],
      ['level', levelLine(alert)],
      ['began', time(alert.began_at)],
      ['noticed', time(alert.opened_at)],
      ['ended', alert.ended_at === null ? null : time(alert.ended_at)],
      [
        'acknowledged',
        acked === null ? null : `${time(acked.at)} by ${acked.by_name ?? acked.by}: ${acked.note ?? ''}`,
      ],
      ['silenced by', alert.silenced_by],
      [
        'because of',
        explanation === null
          ? 'not explained yet'
          : causeLine(toldOf(explanation), (ms) => time(new Date(ms).toISOString())),
      ],
      [
        'most in',
        explanation?.segments
          .map((one) => `${one.dimension} ${one.value} ${amountText(one.amount, explanation.unit)}`)
          .join(', ') || null,
      ],
    ]),
  )
  for (const near of explanation?.changes ?? []) {
    terminal.write(formatFields([['near it', `${time(near.at)} ${near.kind} ${near.target}: ${near.text}`]]))
  }
  writeActions(context, alert.actions)
  if (alert.deliveries.length === 0)
    terminal.write('\nNobody was told: no rule of aval.yaml fits, or not yet.\n')
  else {
    const rows = alert.deliveries.map((one) => [
      one.nth === 0 ? one.event : `${one.event} ${one.nth}`,
      one.channel,
      one.state,
      String(one.tries),
      time(one.finished_at ?? one.at),
      formatTime(terminal, one.next_try_at),
      one.note ?? one.silence ?? '-',
    ])
    terminal.write(`\n${formatTable(['EVENT', 'CHANNEL', 'STATE', 'TRIES', 'AT', 'NEXT TRY', 'NOTE'], rows)}`)
  }
}

function levelLine({ value, usual, unit, change, excess, bar }: Alert): string {
  const level = levelText(value, unit)
  if (bar === null)
    return `${level} where ${levelText(usual, unit)} is usual (${change}, ${levelText(excess, null)} times its limit)`
  const lasting = `over ${spanText(bar.over_seconds)}, for ${spanText(bar.for_seconds)}`
  return `${level}, and rule ${bar.rule} has its bar ${barText(bar, unit)} (${lasting})`
}

/** What policies did of themselves, or why they could not. */
function writeActions({ terminal }: CliContext, actions: readonly Action[]): void {
  if (actions.length === 0) return
  const rows = actions.map(({ action, label, outcome, at, note }) => [
    action,
    label,
    outcome,
    formatTime(terminal, at),
    note,
  ])
  terminal.write(`\n${formatTable(['BY POLICY', 'LABEL', 'OUTCOME', 'AT', 'NOTE'], rows)}`)
}

function addAck(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(
      alerts
        .command('ack')
        .argument('<alert>', 'alr_…')
        .description(
          'say that you look after it (admin, engineer or approver): no reminders of it any more, a freeze by it ends, and policies move nothing for it',
        )
        .requiredOption('--note <text>', 'what you do; it stands on the log and on the alert'),
    ),
    'aval alerts ack alr_01k… --note "rolling back"',
  ).action(
    context.run(async (id: string, { note, json }: { note: string; json?: boolean }) => {
      const path = `${alertPath(id)}/ack`
      const alert = await context.client.json<Alert>({ method: 'POST', path, body: { note } })
      if (json) writeJson(context, alert)
      else
        context.terminal.write(
          `${id} acknowledged. No reminders of it any more; a freeze by it has ended, and policies move nothing for it.\n`,
        )
      return undefined
    }),
  )
}

function addTest(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(
      alerts
        .command('test')
        .argument('<channel>', 'as aval.yaml names it')
        .description('send a test message to a channel (admin or engineer); exit 1 when it is not taken'),
    ),
    'aval alerts test on-call',
  ).action(
    context.run(async (channel: string, { json }: { json?: boolean }) => {
      const path = '/api/alerts/test'
      type Came = { channel: string; outcome: 'sent' | 'retry' | 'refused'; note: string | null }
      const came = await context.client.json<Came>({ method: 'POST', path, body: { channel } })
      if (json) writeJson(context, came)
      else if (came.outcome === 'sent')
        context.terminal.write(`${channel} took the message. ${came.note ?? ''}`.trim().concat('\n'))
      else throw new CliError(EXIT.ours, `${channel} did not take the message: ${came.note ?? came.outcome}`)
      return came.outcome === 'sent' ? undefined : EXIT.ours
    }),
  )
}
