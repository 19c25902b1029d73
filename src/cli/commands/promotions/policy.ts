/** `aval policy list|explain|check`: what labels demand, and whether the files can keep their word. */

import type { Command } from 'commander'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { CliError, EXIT } from '../../exit-codes.ts'
import { formatTable, shorten } from '../../format.ts'
import { colorsOf } from '../../terminal.ts'

type Policy = {
  name: string
  description: string | null
  open: boolean
  demands: string[]
  suites: string[]
  labels: string[]
}

export function addPolicyCommands(program: Command, context: CliContext): void {
  const policy = program.command('policy').description('what a label demands before it moves')
  withExamples(
    withJson(policy.command('list').description('every policy in force, and the labels that have it')),
    'aval policy list',
  ).action(context.run((options: { json?: boolean }) => list(context, options)))
  withExamples(
    withJson(
      policy
        .command('explain')
        .argument('<name>', 'a policy, or a label: support-answer@production')
        .description('what it demands, as sentences'),
    ),
    'aval policy explain careful',
    'aval policy explain support-answer@production',
  ).action(context.run((name: string, options: { json?: boolean }) => explain(context, name, options)))
  withExamples(
    withJson(
      policy
        .command('check')
        .argument('[name]', 'this policy only')
        .description('whether suites, scorers and rules fit together, from the files, without a server'),
    ),
    'aval policy check',
  ).action(
    context.run((name: string | undefined, options: { json?: boolean }) => check(context, name, options)),
  )
}

async function list(context: CliContext, options: { json?: boolean }): Promise<undefined> {
  const page = await context.client.json<{ data: Policy[] }>({ method: 'GET', path: '/api/policies' })
  if (options.json) writeJson(context, page)
  else {
    context.terminal.write(
      formatTable(
        ['POLICY', 'LABELS', 'SUITES', 'ABOUT'],
        page.data.map(({ name, open, labels, suites, description }) => [
          name,
          labels.join(' '),
          suites.join(' '),
          description ?? (open ? 'demands nothing' : ''),
        ]),
      ),
    )
  }
  return undefined
}

async function explain(context: CliContext, name: string, options: { json?: boolean }): Promise<undefined> {
  const path = `/api/policies/${encodeURIComponent(name)}`
  const policy = await context.client.json<Policy>({ method: 'GET', path })
  if (options.json) writeJson(context, policy)
  else {
    const about = policy.description === null ? '' : `: ${policy.description}`
    const demands = policy.demands.map((demand) => `  - ${demand}\n`).join('')
    context.terminal.write(`${policy.name}${about}\n${demands}`)
  }
  return undefined
}

async function check(
  context: CliContext,
  name: string | undefined,
  options: { json?: boolean },
): Promise<number> {
  const checked = await context.actions.policies.check()
  const shown = checked.filter((one) => name === undefined || one.name === name)
  if (name !== undefined && shown.length === 0) {
    const known = checked.map((one) => one.name).join(', ')
    throw new CliError(EXIT.usage, `There is no policy "${shorten(name, 60)}". Known: ${known}.`)
  }
  if (options.json) writeJson(context, { policies: shown })
  else {
    const colors = colorsOf(context.terminal)
    for (const { name: policy, problems, notes } of shown) {
      context.terminal.write(`${problems.length === 0 ? colors.green('✓') : colors.red('✗')} ${policy}\n`)
      for (const line of [...problems, ...notes]) context.terminal.write(`    ${line}\n`)
    }
  }
  return shown.some(({ problems }) => problems.length > 0) ? EXIT.emptyInput : EXIT.done
}
