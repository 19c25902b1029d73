/** `aval price list|set|show`: what models cost. An unknown price is said to be unknown, never shown as 0. */

import type { Command } from 'commander'
import {
  type CliContext,
  type ListOptions,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../context.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from '../format.ts'
import { describeFigures, type EffectivePrice, type Figures, formatFigure } from './price-figures.ts'

type Price = Figures & {
  id: string
  upstream: string
  model: string
  valid_from: string
  source: string
  created_by: string
  created_by_name: string | null
  created_at: string
}
type Page = { data: Price[]; next_cursor: string | null; effective?: EffectivePrice | null }
type Filters = ListOptions & { upstream?: string; model?: string }
type SetOptions = {
  source: string
  from?: string
  input?: string
  cachedInput?: string
  cacheWrite?: string
  output?: string
  reasoning?: string
  perImage?: string
  perRequest?: string
  batchInput?: string
  batchCachedInput?: string
  batchOutput?: string
  json?: boolean
}

export function addPriceCommands(program: Command, context: CliContext): void {
  const price = program.command('price').description('what models cost: list, set, show')
  withExamples(
    withPaging(
      price
        .command('list')
        .description('prices your project set, the last one first')
        .option('--upstream <name>', 'of this upstream')
        .option('--model <id>', 'of this model'),
    ),
    'aval price list',
    'aval price list --upstream openai --json',
  ).action(context.run((options: Filters) => list(context, options)))

  withExamples(
    withJson(
      price
        .command('show')
        .argument('<upstream/model>', 'such as openai/gpt-4o-mini')
        .description('the price in force, and where it comes from')
        .option('--at <when>', 'then, not now: an ISO time, or how long ago'),
    ),
    'aval price show openai/gpt-4o-mini',
    'aval price show openai/gpt-4o-mini --at 2026-03-12 --json',
  ).action(
    context.run((model: string, options: { at?: string; json?: boolean }) => show(context, model, options)),
  )

  withExamples(
    withJson(
      price
        .command('set')
        .argument('<upstream/model>', 'such as lab/llama-3.3-70b')
        .description('set your own price; it wins over the shipped list as a whole (role admin)')
        .requiredOption('--source <text>', 'where the figures come from: a page, a contract, a person')
        .option('--from <when>', 'valid from: an ISO time, or how long ago (default: now)')
        .option('--input <usd>', 'per million input tokens')
        .option('--cached-input <usd>', 'per million input tokens read from the cache')
        .option('--cache-write <usd>', 'per million input tokens written to the cache')
        .option('--output <usd>', 'per million output tokens')
        .option('--reasoning <usd>', 'per million reasoning tokens (default: as output)')
        .option('--per-image <usd>', 'per image made')
        .option('--per-request <usd>', 'per call')
        .option('--batch-input <usd>', 'per million input tokens of requests in batches')
        .option('--batch-cached-input <usd>', 'of these, read from the cache')
        .option('--batch-output <usd>', 'per million output tokens of requests in batches'),
    ),
    'aval price set lab/llama-3.3-70b --input 0 --cached-input 0 --output 0 --source "our own machine"',
    'aval price set openai/gpt-4o-mini --input 0.12 --cached-input 0.06 --output 0.48 --from 2026-12-01 --source "contract 7"',
  ).action(context.run((model: string, options: SetOptions) => set(context, model, options)))
}

async function list(context: CliContext, options: Filters): Promise<undefined> {
  const { limit, cursor, upstream, model } = options
  const query = { limit, cursor, upstream, model }
  const page = await context.client.json<Page>({ method: 'GET', path: '/api/prices', query })
  if (options.json) {
    writeJson(context, page)
  } else if (page.data.length === 0) {
    context.terminal.write(
      'No prices of your own. The shipped list holds: aval price show openai/gpt-4o-mini. Your own: aval price set --help\n',
    )
  } else {
    context.terminal.write(
      formatTable(
        ['ID', 'MODEL', 'IN', 'CACHED', 'WRITE', 'OUT', 'IMAGE', 'REQUEST', 'FROM', 'SOURCE'],
        page.data.map((row) => [
          row.id,
          `${row.upstream}/${row.model}`,
          formatFigure(row.input),
          formatFigure(row.cached_input),
          formatFigure(row.cache_write),
          formatFigure(row.output),
          formatFigure(row.per_image),
          formatFigure(row.per_request),
          formatTime(context.terminal, row.valid_from),
          shorten(row.source, 40),
        ]),
      ),
    )
    writeNextPage(context, page.next_cursor)
  }
  return undefined
}

async function show(
  context: CliContext,
  wanted: string,
  options: { at?: string; json?: boolean },
): Promise<undefined> {
  const { upstream, model } = split(wanted)
  const { effective = null } = await context.client.json<Page>({
    method: 'GET',
    path: '/api/prices',
    query: { upstream, model, at: options.at, limit: '1' },
  })
  if (options.json) {
    writeJson(context, { upstream, model, effective })
  } else if (effective === null) {
    const set = `aval price set ${wanted} --input <usd> --output <usd> --source <text>`
    context.terminal.write(
      `The price of ${wanted} is unknown, and so is what its calls cost.\nSet it: ${set}\n`,
    )
  } else {
    writePrice(context, { upstream, model, effective })
  }
  return undefined
}

async function set(context: CliContext, wanted: string, options: SetOptions): Promise<undefined> {
  const { upstream, model } = split(wanted)
  const row = await context.client.json<Price>({
    method: 'POST',
    path: '/api/prices',
    body: {
      upstream,
      model,
      source: options.source,
      valid_from: options.from,
      input: options.input,
      cached_input: options.cachedInput,
      cache_write: options.cacheWrite,
      output: options.output,
      reasoning: options.reasoning,
      per_image: options.perImage,
      per_request: options.perRequest,
      batch_input: options.batchInput,
      batch_cached_input: options.batchCachedInput,
      batch_output: options.batchOutput,
    },
  })
  if (options.json) {
    writeJson(context, row)
    return undefined
  }
  writePrice(context, { upstream, model, effective: { ...row, tiers: [] } })
  const unknown = unknownCalls(row)
  if (unknown !== null) context.terminal.write(`${unknown}\n`)
  return undefined
}

/** What the figures left out mean, because nobody reads it from a dash. */
function unknownCalls(row: Figures): string | null {
  const calls = [
    ...(row.input === null ? ['any with input tokens (--input)'] : []),
    ...(row.output === null ? ['any with output tokens (--output)'] : []),
    ...(row.input !== null && row.cached_input === null
      ? ['those that read from a cache (--cached-input)']
      : []),
    ...(row.input !== null && row.cache_write === null ? ['those that write to one (--cache-write)'] : []),
  ]
  return calls.length === 0 ? null : `Calls of unknown cost: ${calls.join(', ')}.`
}

function writePrice(
  context: CliContext,
  { upstream, model, effective }: { upstream: string; model: string; effective: EffectivePrice },
): void {
  context.terminal.write(
    formatFields([
      ['model', `${upstream}/${model}`],
      ['price', describeFigures(effective)],
      ...effective.tiers.map(
        (tier) => [`above ${tier.above_input_tokens} in`, describeFigures(tier)] as const,
      ),
      ['from', effective.valid_from === null ? null : formatTime(context.terminal, effective.valid_from)],
      ['id', effective.id],
      ['source', effective.source],
    ]),
  )
}

function split(wanted: string): { upstream: string; model: string } {
  const slash = wanted.indexOf('/')
  if (slash > 0 && slash < wanted.length - 1) {
    return { upstream: wanted.slice(0, slash), model: wanted.slice(slash + 1) }
  }
  throw new CliError(
    EXIT.usage,
    `"${wanted}" names no model. Write <upstream>/<model id>: openai/gpt-4o-mini.`,
  )
}
