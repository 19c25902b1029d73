/** `aval requests usage`: requests and tokens by key, route, model, day. What nobody told stands apart. */

import type { Command } from 'commander'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { formatTable, shorten } from '../format.ts'
import { withPurpose, withTimes } from '../request-filters.ts'

type Row = {
  group: Record<string, string | null>
  requests: number
  failed: number
  unknown_usage: number
  input_tokens: number | null
  output_tokens: number | null
}
type Options = { by: string; since: string; until?: string; purpose?: string; json?: boolean }

export function addUsageCommand(requests: Command, context: CliContext): void {
  withExamples(
    withJson(
      withPurpose(
        withTimes(
          requests
            .command('usage')
            .description('requests and tokens, summed up (auditor or admin)')
            .option('--by <groups>', 'key, project, route, upstream, model, day, with commas', 'model'),
          (since) => since.default('30d'),
        ),
      ),
    ),
    'aval requests usage --by key,model --since 7d',
    'aval requests usage --by day --json',
  ).action(context.run((options: Options) => usage(context, options)))
}

async function usage(context: CliContext, options: Options): Promise<undefined> {
  const { by, since, until, purpose } = options
  const sums = await context.client.json<{ data: Row[]; has_more: boolean }>({
    method: 'GET',
    path: '/api/usage',
    query: { group_by: by, since, until, purpose },
  })
  if (options.json) {
    writeJson(context, sums)
    return undefined
  }
  if (sums.data.length === 0) {
    context.terminal.write('No requests in this time. Look further back with --since 90d.\n')
    return undefined
  }
  const groups = Object.keys(sums.data[0]?.group ?? {})
  context.terminal.write(
    formatTable(
      [
        ...groups.map((group) => group.toUpperCase()),
        'REQUESTS',
        'FAILED',
        'TOKENS IN',
        'TOKENS OUT',
        'UNKNOWN',
      ],
      sums.data.map((row) => [
        ...groups.map((group) => shorten(row.group[group] ?? '-', 40)),
        String(row.requests),
        String(row.failed),
        row.input_tokens === null ? '-' : String(row.input_tokens),
        row.output_tokens === null ? '-' : String(row.output_tokens),
        String(row.unknown_usage),
      ]),
    ),
  )
  const note = 'UNKNOWN: requests whose upstream told no tokens; the sums are without them.'
  context.terminal.write(`\n${note}${sums.has_more ? ' There are more than a thousand groups.' : ''}\n`)
  return undefined
}
