/** `aval audit hold place|list|release`: what is held is not erased. */

import type { Command } from 'commander'
import { printableLine } from '../../../lib/printable.ts'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
} from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTime, shorten } from '../../format.ts'
import { showList } from '../../list.ts'

type Hold = {
  id: string
  subject: string | null
  reason: string
  placed_by_name: string
  placed_at: string
  released_by_name: string | null
  released_at: string | null
}
type PlaceOptions = { subject?: string; project?: boolean; reason: string; json?: boolean }

export function addHoldCommands(audit: Command, context: CliContext): void {
  const hold = audit.command('hold').description('legal holds: place, list, release')
  withExamples(
    withJson(
      hold
        .command('place')
        .description('keep a subject, or the whole project, from being erased (admin)')
        .option('--subject <user>', 'the end user: what the app sends as `user`, or sub_…')
        .option('--project', 'everything of your project')
        .requiredOption('--reason <why>', 'whoever wants to erase is told'),
    ),
    'aval audit hold place --subject user-4711 --reason "case 2026-17"',
    'aval audit hold place --project --reason "investigation 9"',
  ).action(context.run((options: PlaceOptions) => place(context, options)))
  withExamples(
    withPaging(hold.command('list').description('holds of your project, newest first')),
    'aval audit hold list',
  ).action(context.run((options: ListOptions) => list(context, options)))
  withExamples(
    withJson(
      hold
        .command('release')
        .argument('<id>', 'hold_…')
        .description('end a hold; not by whoever placed it (admin)')
        .requiredOption('--reason <why>', 'why it is no longer needed'),
    ),
    'aval audit hold release hold_01k… --reason "case closed"',
  ).action(
    context.run((id: string, options: { reason: string; json?: boolean }) => release(context, id, options)),
  )
}

async function place(context: CliContext, options: PlaceOptions): Promise<undefined> {
  if ((options.subject === undefined) === (options.project !== true)) {
    throw new CliError(EXIT.usage, 'Give one of --subject <user> and --project.')
  }
  const placed = await context.client.json<Hold>({
    method: 'POST',
    path: '/api/holds',
    body: { subject: options.subject ?? null, reason: options.reason },
  })
  if (options.json) writeJson(context, placed)
  else {
    context.terminal.write(
      `${printableLine(placed.id)} holds ${printableLine(placed.subject ?? 'the whole project')}. Another person may release it.\n`,
    )
  }
  return undefined
}

async function list(context: CliContext, options: ListOptions): Promise<undefined> {
  return await showList<Hold>(context, options, {
    path: '/api/holds',
    none: 'No holds: everything may be erased when two people agree.',
    head: ['ID', 'HOLDS', 'PLACED', 'BY', 'RELEASED', 'BY', 'REASON'],
    cells: (row) => [
      row.id,
      row.subject ?? 'project',
      formatTime(context.terminal, row.placed_at),
      shorten(row.placed_by_name, 20),
      formatTime(context.terminal, row.released_at),
      row.released_by_name === null ? '-' : shorten(row.released_by_name, 20),
      shorten(row.reason, 40),
    ],
  })
}

async function release(
  context: CliContext,
  id: string,
  options: { reason: string; json?: boolean },
): Promise<undefined> {
  const released = await context.client.json<Hold>({
    method: 'POST',
    path: `/api/holds/${encodeURIComponent(id)}/release`,
    body: { reason: options.reason },
  })
  if (options.json) writeJson(context, released)
  else context.terminal.write(`${printableLine(released.id)} is released.\n`)
  return undefined
}
