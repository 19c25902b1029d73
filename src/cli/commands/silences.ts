/** `aval alerts silence|silences|unsilence`: what is kept quiet for a while, by whom and why. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatTime, shorten } from '../format.ts'
import { showList } from '../list.ts'
import { alertPath, type Subject, subjectText } from './alert-text.ts'

type Silence = {
  id: string
  subject: Subject | null
  metric: string | null
  reason: string
  created_by: string
  created_by_name: string | null
  created_at: string
  until: string
  ended: { at: string; by: string; by_name: string | null } | null
}

/** Below `aval alerts`. */
export function addSilenceCommands(alerts: Command, context: CliContext): void {
  addSilence(alerts, context)
  addSilences(alerts, context)
  addUnsilence(alerts, context)
}

type SilenceOptions = {
  route?: string
  upstream?: string
  metric?: string
  for: string
  reason: string
  json?: boolean
}

function addSilence(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(
      alerts
        .command('silence')
        .argument('[alert]', 'alr_…: alerts of the same route or upstream and metric')
        .description(
          'tell nobody for a while (admin, engineer or approver); alerts are opened and listed all the same',
        )
        .option('--route <route>', 'alerts of this route')
        .option('--upstream <upstream>', 'alerts of this upstream')
        .option('--metric <metric>', 'alerts of this figure')
        .requiredOption('--for <time>', 'how long: 1m to 30d')
        .requiredOption('--reason <text>', 'why; it stands on the log and on the silence'),
    ),
    'aval alerts silence alr_01k… --for 4h --reason "load test"',
    'aval alerts silence --route support-answer --metric latency_p95 --for 2d --reason "new region"',
  ).action(
    context.run(async (alert: string | undefined, { json, ...body }: SilenceOptions) => {
      if (alert !== undefined) alertPath(alert)
      const silence = await context.client.json<Silence>({
        method: 'POST',
        path: '/api/silences',
        body: { alert, ...body },
      })
      const { terminal } = context
      if (json) writeJson(context, silence)
      else {
        terminal.write(
          `${silence.id} keeps ${matcherText(silence)} quiet until ${formatTime(terminal, silence.until)}.\nEnd it before: aval alerts unsilence ${silence.id}\n`,
        )
      }
      return undefined
    }),
  )
}

function addSilences(alerts: Command, context: CliContext): void {
  withExamples(
    withPaging(
      alerts
        .command('silences')
        .description('what is or was kept quiet, newest first')
        .option('--active', 'only those in force'),
    ),
    'aval alerts silences --active',
  ).action(
    context.run(({ active, ...options }: ListOptions & { active?: boolean }) =>
      showList<Silence>(
        context,
        { ...options, ...(active === true && { active: 'true' }) },
        {
          path: '/api/silences',
          command: 'aval alerts silences',
          none: 'Nothing is kept quiet.',
          head: ['ID', 'QUIET', 'FROM', 'UNTIL', 'ENDED', 'BY', 'WHY'],
          cells: (silence) => [
            silence.id,
            matcherText(silence),
            formatTime(context.terminal, silence.created_at),
            formatTime(context.terminal, silence.until),
            formatTime(context.terminal, silence.ended?.at ?? null),
            shorten(silence.created_by_name ?? silence.created_by, 24),
            shorten(silence.reason, 40),
          ],
        },
      ),
    ),
  )
}

function addUnsilence(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(
      alerts
        .command('unsilence')
        .argument('<silence>', 'sil_…')
        .description('end a silence before its time (admin, engineer or approver)'),
    ),
    'aval alerts unsilence sil_01k…',
  ).action(
    context.run(async (id: string, { json }: { json?: boolean }) => {
      if (!/^sil_[0-9a-z]{26}$/.test(id)) {
        throw new CliError(EXIT.usage, `"${shorten(id, 60)}" is no silence. aval alerts silences shows them.`)
      }
      const silence = await context.client.json<Silence>({ method: 'POST', path: `/api/silences/${id}/end` })
      if (json) writeJson(context, silence)
      else context.terminal.write(`${id} is over. Alerts that it kept quiet and that last are told now.\n`)
      return undefined
    }),
  )
}

function matcherText({ subject, metric }: Silence): string {
  return [subject === null ? null : subjectText(subject), metric].filter((part) => part !== null).join(' ')
}
