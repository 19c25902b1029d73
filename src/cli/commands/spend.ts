/** `aval spend`: what requests cost, by where they belong, and what the month will have cost. */

import { type Command, Option } from 'commander'
import { formatUsd, parseUsd } from '../../lib/money.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { formatTable, shorten } from '../format.ts'
import { withPurpose, withTimes } from '../request-filters.ts'

type Spend = {
  requests: number
  cost_usd: string
  priced: number
  unpriced: number
  unknown_usage: number
  input_tokens: number
  output_tokens: number
}
type Answer = {
  data: (Spend & { group: Record<string, string | null>; share: number | null })[]
  has_more: boolean
  total: Spend
  since: string
  until: string
  forecast: {
    month: string
    total_usd: string | null
    low_usd: string | null
    high_usd: string | null
    confidence: number
    days: number | null
    refused: 'too_few_days' | 'over' | null
  }
}
type Options = { by?: string; json?: boolean } & Record<string, string | boolean | undefined>

export function addSpendCommand(program: Command, context: CliContext): void {
  withExamples(
    withJson(
      withPurpose(
        withTimes(
          program
            .command('spend')
            .description('what requests cost, and what the month will have cost (auditor or admin)')
            .option(
              '--by <groups>',
              'route, model, key, release, prompt, upstream, price, origin, day, with commas',
            )
            .option('--month <month>', 'a month (UTC) such as 2026-11, in place of --since')
            .option('--route <route>', 'sent to this route')
            .option('--model <model>', "answered by this model: the upstream's own id")
            .option('--key <id>', 'made with this key: vk_…')
            .option('--release <id>', 'served by this release: rel_…')
            .option('--prompt <version>', 'with this prompt version: support-answer@14')
            .option('--upstream <name>', 'answered by this upstream')
            .option('--price <version>', 'priced by this version')
            .addOption(
              new Option(
                '--origin <origin>',
                'asked by apps, by a shadow, by a replay or by a suite',
              ).choices(['app', 'shadow', 'replay', 'suite']),
            ),
        ),
      ),
    ),
    'aval spend',
    'aval spend --by route,model --since 30d',
    'aval spend --by day --month 2026-11 --route support-answer',
    'aval spend --by origin --json',
  ).action(context.run((options: Options) => spend(context, options)))
}

async function spend(context: CliContext, { by, json, ...filters }: Options): Promise<undefined> {
  const answer = await context.client.json<Answer>({
    method: 'GET',
    path: '/api/spend',
    query: { group_by: by, ...(filters as Record<string, string | undefined>) },
  })
  if (json) {
    writeJson(context, answer)
    return undefined
  }
  const { terminal } = context
  if (answer.total.requests === 0) {
    terminal.write('No requests in this time. Look further back with --since 90d, or with fewer filters.\n')
    return undefined
  }
  terminal.write(formatTable(...tableOf(answer)))
  if (answer.has_more)
    terminal.write('There are more than a thousand groups. Narrow them with --route or --model.\n')
  terminal.write(`\n${answer.since.slice(0, 16)} to ${answer.until.slice(0, 16)} UTC\n`)
  terminal.write(`${notesOf(answer).join('\n')}\n`)
  return undefined
}

function tableOf({ data, total }: Answer): [string[], string[][]] {
  const groups = Object.keys(data[0]?.group ?? {})
  const head = [
    ...groups.map((group) => group.toUpperCase()),
    'COST',
    'SHARE',
    'REQUESTS',
    'TOKENS IN',
    'TOKENS OUT',
    'UNPRICED',
  ]
  const cells = (row: Spend, share: number | null) => [
    row.priced === 0 ? '-' : usd(row.cost_usd),
    share === null ? '-' : `${(share * 100).toFixed(1)} %`,
    ...[row.requests, row.input_tokens, row.output_tokens, row.unpriced].map(String),
  ]
  const rows = data.map((row) => [
    ...groups.map((group) => shorten(row.group[group] ?? '-', 40)),
    ...cells(row, row.share),
  ])
  const last = [
    ...groups.map((_group, index) => (index === 0 ? 'all' : '')),
    ...cells(total, total.priced === 0 ? null : 1),
  ]
  return [head, [...rows, last]]
}

function notesOf({ total, forecast }: Answer): string[] {
  const { month, total_usd, low_usd, high_usd, confidence, days, refused } = forecast
  const notes = []
  if (total.unpriced > 0)
    notes.push(
      `UNPRICED: ${total.unpriced} requests went to an upstream and have no known cost; the sums are without them.`,
    )
  if (refused === 'too_few_days')
    notes.push(`${month}: no forecast, because fewer than seven whole days are known.`)
  if (total_usd !== null && low_usd !== null && high_usd !== null) {
    const share = `${Math.round(confidence * 100)} %`
    notes.push(
      `${month} will have cost ${usd(total_usd)}, ${share} between ${usd(low_usd)} and ${usd(high_usd)}: from the last ${days} days.`,
    )
  }
  return notes
}

/** To the cent, or to the first digits of less. */
function usd(text: string): string {
  const exact = parseUsd(text) ?? 0n
  return formatUsd(exact < 1_000_000n ? exact : ((exact + 5000n) / 10_000n) * 10_000n)
}
