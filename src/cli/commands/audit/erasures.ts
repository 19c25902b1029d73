/** `aval audit erase` and `aval audit erasures list|approve|reject`: one person asks, another one approves. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { formatTime, shorten } from '../../format.ts'
import { showList } from '../../list.ts'

type Erasure = {
  id: string
  subject: string
  reason: string
  state: string
  requested_by_name: string
  requested_at: string
  expires_at: string
  approved_by_name: string | null
  executed_at: string | null
  rows_erased: number | null
}
type Requested = Erasure & { rows: number; data_keys: number }

export function addErasureCommands(audit: Command, context: CliContext): void {
  withExamples(
    withJson(
      audit
        .command('erase')
        .description(
          "ask for a subject's bodies to be destroyed; another person approves within 24 h (admin)",
        )
        .requiredOption('--subject <user>', 'the end user: what the app sends as `user`, or sub_…')
        .requiredOption(
          '--reason <why>',
          'on what ground; it stands on the log for ever, so name nobody in it',
        ),
    ),
    'aval audit erase --subject user-4711 --reason "GDPR Art. 17, ticket 812"',
  ).action(
    context.run((options: { subject: string; reason: string; json?: boolean }) => erase(context, options)),
  )
  const erasures = audit.command('erasures').description('erasures: list, approve, reject')
  withExamples(
    withPaging(erasures.command('list').description('erasures of your project, newest first')),
    'aval audit erasures list',
  ).action(context.run((options: ListOptions) => list(context, options)))
  withExamples(
    withJson(
      erasures
        .command('approve')
        .argument('<id>', 'ers_…')
        .description('destroy it; not by whoever asked (admin or approver)')
        .option('--yes', 'do not ask'),
    ),
    'aval audit erasures approve ers_01k…',
  ).action(
    context.run((id: string, options: { yes?: boolean; json?: boolean }) => approve(context, id, options)),
  )
  withExamples(
    withJson(
      erasures
        .command('reject')
        .argument('<id>', 'ers_…')
        .description('refuse it, or take your own back (admin or approver)'),
    ),
    'aval audit erasures reject ers_01k…',
  ).action(context.run((id: string, options: { json?: boolean }) => reject(context, id, options)))
}

async function erase(
  context: CliContext,
  options: { subject: string; reason: string; json?: boolean },
): Promise<undefined> {
  const { subject, reason } = options
  const asked = await context.client.json<Requested>({
    method: 'POST',
    path: '/api/erasures',
    body: { subject, reason },
  })
  if (options.json) writeJson(context, asked)
  else {
    const until = formatTime(context.terminal, asked.expires_at)
    context.terminal.write(
      `${printableLine(asked.id)} asks to erase ${printableLine(asked.subject)}: ${asked.rows} requests, ${asked.data_keys} keys.\nNothing is gone yet. Until ${until} another person may approve it:\n  aval audit erasures approve ${printableLine(asked.id)}\n`,
    )
  }
  return undefined
}

async function list(context: CliContext, options: ListOptions): Promise<undefined> {
  return await showList<Erasure>(context, options, {
    path: '/api/erasures',
    none: 'No erasures. Ask for one: aval audit erase --subject <user> --reason "…"',
    head: ['ID', 'SUBJECT', 'STATE', 'ASKED', 'BY', 'APPROVED BY', 'ROWS', 'REASON'],
    cells: (row) => [
      row.id,
      row.subject,
      row.state,
      formatTime(context.terminal, row.requested_at),
      shorten(row.requested_by_name, 20),
      row.approved_by_name === null ? '-' : shorten(row.approved_by_name, 20),
      row.rows_erased === null ? '-' : String(row.rows_erased),
      shorten(row.reason, 40),
    ],
  })
}

async function approve(
  context: CliContext,
  id: string,
  options: { yes?: boolean; json?: boolean },
): Promise<undefined> {
  await demandConsent(context, options.yes, `Erase what ${id} names? Nobody can bring it back.`)
  const done = await context.client.json<Erasure>({
    method: 'POST',
    path: `/api/erasures/${encodeURIComponent(id)}/approve`,
  })
  if (options.json) writeJson(context, done)
  else {
    const rest = done.state === 'executed' ? '' : ' The rest goes by itself: aval audit erasures list'
    context.terminal.write(
      `${printableLine(done.subject)} is erased: its keys are destroyed, the bodies of ${done.rows_erased ?? 0} requests are gone.${rest}\n`,
    )
  }
  return undefined
}

async function reject(context: CliContext, id: string, options: { json?: boolean }): Promise<undefined> {
  const done = await context.client.json<Erasure>({
    method: 'POST',
    path: `/api/erasures/${encodeURIComponent(id)}/reject`,
  })
  if (options.json) writeJson(context, done)
  else context.terminal.write(`${printableLine(done.id)} is rejected. Nothing was erased.\n`)
  return undefined
}
