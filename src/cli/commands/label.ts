/** `aval label set|list` and `aval decisions list`: where labels point, and why they were moved. */

import type { Command } from 'commander'
import {
  type CliContext,
  demandConsent,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatTable, formatTime, shorten } from '../format.ts'

type Canary = { release: string; percent: number } | null
type Label = {
  route: string
  label: string
  release: string
  canary: Canary
  decision: string
  moved_at: string
}
type Decision = {
  id: string
  route: string
  label: string
  from: string | null
  to: string
  canary: Canary
  reason: string
  decided_by: string
  decided_by_name: string | null
  decided_at: string
}
type SetOptions = { reason: string; canary?: string; expect?: string; yes?: boolean; json?: boolean }

export function addLabelCommands(program: Command, context: CliContext): void {
  const label = program.command('label').description('what a name of a route points to')
  withExamples(
    withJson(
      label
        .command('set')
        .argument('<label>', 'support-answer@production')
        .argument('<release>', 'r12')
        .description('point a label to a release (admin); gateways follow within a second')
        .requiredOption('--reason <text>', 'why; it stands on the log and in the decision')
        .option('--canary <release=percent>', 'a second release for some of the users: r13=5')
        .option('--expect <release>', 'refuse when it points somewhere else: r11, or none')
        .option('--yes', 'do not ask'),
    ),
    'aval label set support-answer@production r12 --reason "first release"',
    'aval label set support-answer@production r12 --canary r13=5 --expect r12 --reason "try the new prompt"',
  ).action(
    context.run((name: string, release: string, options: SetOptions) => set(context, name, release, options)),
  )
  withExamples(
    withJson(
      label
        .command('list')
        .argument('[route]', 'of this route only')
        .description('every label of your project'),
    ),
    'aval label list',
  ).action(
    context.run((route: string | undefined, options: { json?: boolean }) =>
      listLabels(context, route, options),
    ),
  )

  const decisions = program.command('decisions').description('who moved what, and why')
  withExamples(
    withPaging(
      decisions
        .command('list')
        .description('moves of labels, newest first')
        .option('--route <route>', 'of this route only'),
    ),
    'aval decisions list --route support-answer',
  ).action(context.run((options: ListOptions & { route?: string }) => listDecisions(context, options)))
}

async function set(
  context: CliContext,
  name: string,
  release: string,
  options: SetOptions,
): Promise<undefined> {
  const match = /^([a-z0-9-]+)@([a-z0-9-]+)$/.exec(name)
  if (match === null) {
    throw new CliError(EXIT.usage, `"${shorten(name, 60)}" names no label. Write support-answer@production.`)
  }
  await demandConsent(context, options.yes, `Point ${name} to ${release}? Apps get it at once.`)
  const decision = await context.client.json<Decision>({
    method: 'PUT',
    path: `/api/labels/${match[1]}/${match[2]}`,
    body: {
      release,
      reason: options.reason,
      ...(options.canary !== undefined && { canary: canaryOf(options.canary) }),
      ...(options.expect !== undefined && { expected: options.expect }),
    },
  })
  if (options.json) writeJson(context, decision)
  else {
    const before = decision.from === null ? '' : `, ${decision.from} before`
    context.terminal.write(
      `${name} serves ${decision.to}${canaryText(decision.canary)}${before}. Decision ${decision.id} is on the log.\n`,
    )
  }
  return undefined
}

function canaryOf(text: string): { release: string; percent: number } {
  const match = /^(r\d+)=(\d{1,2}(?:\.\d{1,2})?)%?$/.exec(text)
  if (match !== null) return { release: match[1] ?? '', percent: Number(match[2]) }
  throw new CliError(EXIT.usage, `"${shorten(text, 60)}" is no canary. Write r13=5 for five per cent.`)
}

function canaryText(canary: Canary): string {
  return canary === null ? '' : `, and ${canary.release} for ${canary.percent} % of the users`
}

async function listLabels(
  context: CliContext,
  route: string | undefined,
  options: { json?: boolean },
): Promise<undefined> {
  const page = await context.client.json<{ data: Label[] }>({
    method: 'GET',
    path: '/api/labels',
    query: { route },
  })
  if (options.json) writeJson(context, page)
  else if (page.data.length === 0) {
    context.terminal.write('No labels yet. Set one: aval label set <route>@production r1 --reason "…"\n')
  } else {
    context.terminal.write(
      formatTable(
        ['LABEL', 'RELEASE', 'CANARY', 'MOVED', 'DECISION'],
        page.data.map((one) => [
          `${one.route}@${one.label}`,
          one.release,
          one.canary === null ? '' : `${one.canary.release} ${one.canary.percent} %`,
          formatTime(context.terminal, one.moved_at),
          one.decision,
        ]),
      ),
    )
  }
  return undefined
}

async function listDecisions(
  context: CliContext,
  options: ListOptions & { route?: string },
): Promise<undefined> {
  const { limit, cursor, route } = options
  const page = await context.client.json<{ data: Decision[]; next_cursor: string | null }>({
    method: 'GET',
    path: '/api/decisions',
    query: { route, limit, cursor },
  })
  if (options.json) writeJson(context, page)
  else if (page.data.length === 0) context.terminal.write('Nothing was decided yet.\n')
  else {
    context.terminal.write(
      formatTable(
        ['DECISION', 'LABEL', 'FROM', 'TO', 'WHEN', 'BY', 'WHY'],
        page.data.map((one) => [
          one.id,
          `${one.route}@${one.label}`,
          one.from ?? '',
          `${one.to}${one.canary === null ? '' : ` + ${one.canary.release} ${one.canary.percent} %`}`,
          formatTime(context.terminal, one.decided_at),
          shorten(one.decided_by_name ?? one.decided_by, 20),
          shorten(one.reason, 40),
        ]),
      ),
    )
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}
