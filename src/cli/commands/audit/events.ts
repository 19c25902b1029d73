/** `aval audit events list`: what people and the system did, and who read what. */

import type { Command } from 'commander'
import { type CliContext, type ListOptions, withExamples, withPaging } from '../../context.ts'
import { formatTime, shorten } from '../../format.ts'
import { showList } from '../../list.ts'
import { type TimeFilters, withPurpose, withTimes } from '../../request-filters.ts'

type Event = {
  kind: string
  at: string
  actor_id: string | null
  actor_name: string | null
  action: string
  target: string | null
  purpose: string | null
}
type Filters = ListOptions &
  TimeFilters & {
    kind?: string
    action?: string
    actor?: string
    target?: string
    subject?: string
    purpose?: string
  }

export function addEventCommands(audit: Command, context: CliContext): void {
  const events = audit.command('events').description('what people and the system did')
  withExamples(
    withPaging(
      withPurpose(
        withTimes(
          events.command('list').description('events of your project, newest first (auditor or admin)'),
        )
          .option('--kind <kind>', 'admin, access, erase, tombstone, key, clock, rotate, missed, gap, seal')
          .option('--action <action>', 'requests.show, or its beginning: "requests.*"')
          .option('--actor <key>', 'done by this key: vk_… or its name')
          .option('--target <id>', 'done to this: req_…, vk_…, ers_…, sub_…')
          .option('--subject <user>', 'done to this end user: what the app sends as `user`'),
      ),
    ),
    'aval audit events list --target req_01k…',
    'aval audit events list --kind access --actor ada --since 7d',
    'aval audit events list --kind erase --json',
  ).action(context.run((filters: Filters) => list(context, filters)))
}

async function list(context: CliContext, filters: Filters): Promise<undefined> {
  return await showList<Event>(context, filters, {
    path: '/api/events',
    none: 'No event matches. Drop a filter; a new one takes about a second to arrive.',
    head: ['TIME', 'WHO', 'ACTION', 'TARGET', 'PURPOSE'],
    cells: (row) => [
      formatTime(context.terminal, row.at),
      shorten(row.actor_name ?? row.actor_id ?? 'aval', 24),
      row.action,
      row.target ?? '-',
      row.purpose === null ? '-' : shorten(row.purpose, 60),
    ],
  })
}
