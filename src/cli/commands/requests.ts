/** `aval requests list|show|replay`: the request log as an auditor reads it; replay.ts sends it again. */

import type { Command } from 'commander'
import { formatUsd } from '../../lib/money.ts'
import { printable, printableLine } from '../../lib/printable.ts'
import {
  type CliContext,
  type ListOptions,
  wholeNumber,
  withExamples,
  withJson,
  withPaging,
  writeJson,
  writeNextPage,
} from '../context.ts'
import { formatBytes, formatDuration, formatFields, formatTable, formatTime, shorten } from '../format.ts'
import { filterWords, type ListFilters, withListFilters, withPurpose } from '../request-filters.ts'
import { colorsOf } from '../terminal.ts'
import { type RebuildOptions, showRebuilt } from './rebuild.ts'
import { addReplayCommand } from './replay.ts'
import { addUsageCommand } from './usage.ts'

type Row = {
  id: string
  key_id: string | null
  key_name: string | null
  method: string
  path: string
  requested_model: string | null
  route: string | null
  upstream: string | null
  model: string | null
  stream: boolean
  outcome: string
  status: number
  error_code: string | null
  finish_reason: string | null
  started_at: string
  duration_ms: number
  ttft_ms: number | null
  input_tokens: number | null
  output_tokens: number | null
  attempts: Attempt[]
  client_request_id: string | null
  subject: string | null
  request_bytes: number
  response_bytes: number
  truncated: boolean
  occurrences: number
  replay_of: string | null
  shadow_of: string | null
  release_id: string | null
  prompt: string | null
  cost_micro_usd: number | null
  price: string | null
  index: string | null
  retrieval: {
    contexts: { chunk: number; document: string; score: number; cosine: number | null }[]
    without: string | null
    duration_ms: number
  } | null
}
type Attempt = {
  upstream: string
  model: string
  started_ms: number
  duration_ms: number
  status: number | null
  error: string | null
  detail: string | null
}
type Detail = Row & {
  request_body: string | null
  request_body_encoding: string
  response_body: string | null
  response_body_encoding: string
  body_state: 'kept' | 'erased' | 'unreadable'
}
type Filters = ListOptions & ListFilters & { purpose?: string }

export function addRequestCommands(program: Command, context: CliContext): void {
  const requests = program.command('requests').description('read the request log (auditor or admin)')
  withExamples(
    withPaging(
      withPurpose(
        withListFilters(requests.command('list').description('requests of your project, newest first')),
      ),
    ),
    'aval requests list --since 15m',
    'aval requests list --route support-answer --since 7d --outcome upstream_cut --key-owner web-shop',
    'aval requests list --upstream openai --failed --since 24h',
    'aval requests list --status 429 --json',
    'aval requests list --shadow --route support-answer',
  ).action(context.run((filters: Filters) => list(context, filters)))

  withExamples(
    withJson(
      withPurpose(
        requests
          .command('show')
          .argument('<id>', 'req_…')
          .option('--rebuild', 'the exact bytes that went upstream, compared by digest')
          .option('--attempt <number>', 'with --rebuild: which attempt (default: the last)', wholeNumber)
          .description('one request: who, when, every attempt, both bodies'),
      ),
    ),
    'aval requests show req_01k…',
    'aval requests show req_01k… --rebuild',
    'aval requests show req_01k… --json',
  ).action(context.run((id: string, options: ShowOptions) => show(context, id, options)))
  addReplayCommand(requests, context)
  addUsageCommand(requests, context)
}

async function list(context: CliContext, filters: Filters): Promise<undefined> {
  const { json, ...rest } = filters
  const page = await context.client.json<{ data: Row[]; next_cursor: string | null }>({
    method: 'GET',
    path: '/api/requests',
    query: filterWords(rest),
  })
  if (json) {
    writeJson(context, page)
    return undefined
  }
  if (page.data.length === 0) {
    const narrowed = Object.keys(filters).some((name) => name !== 'limit' && name !== 'json')
    const next = narrowed
      ? 'No request matches. Drop a filter, or look further back with --since 30d.'
      : 'No requests yet. Make one: aval chat "Say hello"'
    context.terminal.write(`${next}\n`)
    return undefined
  }
  const colors = colorsOf(context.terminal)
  context.terminal.write(
    formatTable(
      ['TIME', 'ID', 'KEY', 'MODEL', 'OUTCOME', 'STATUS', 'TOOK', 'TOKENS'],
      page.data.map((row) => [
        formatTime(context.terminal, row.started_at),
        row.id,
        shorten(row.key_name ?? '-', 24),
        shorten(modelOf(row), 40),
        row.outcome +
          (row.occurrences > 1 ? ` x${row.occurrences}` : '') +
          (row.shadow_of === null ? '' : ', shadow'),
        String(row.status),
        formatDuration(row.duration_ms),
        row.input_tokens === null && row.output_tokens === null
          ? '-'
          : `${row.input_tokens ?? '?'} > ${row.output_tokens ?? '?'}`,
      ]),
    ),
  )
  const first = page.data[0]
  if (first !== undefined)
    context.terminal.write(colors.dim(`\nOne of them: aval requests show ${printable(first.id)}\n`))
  writeNextPage(context, page.next_cursor)
  return undefined
}

type ShowOptions = RebuildOptions & { rebuild?: boolean }

async function show(context: CliContext, id: string, options: ShowOptions): Promise<undefined> {
  if (options.rebuild === true) return await showRebuilt(context, id, options)
  const found = await context.client.json<Detail>({
    method: 'GET',
    path: `/api/requests/${encodeURIComponent(id)}`,
    query: { purpose: options.purpose },
  })
  if (options.json) {
    writeJson(context, found)
    return undefined
  }
  const { terminal } = context
  const tokens = `${found.input_tokens ?? 'unknown'} in, ${found.output_tokens ?? 'unknown'} out`
  terminal.write(
    formatFields([
      ['request', found.id],
      ['time', formatTime(terminal, found.started_at)],
      ['key', found.key_id === null ? 'none' : `${found.key_id} (${found.key_name ?? 'no name'})`],
      ['call', `${found.method} ${found.path}${found.stream ? ', streamed' : ''}`],
      ['asked for', found.requested_model],
      ['route', found.route],
      ['release', found.release_id],
      ['prompt', found.prompt],
      ['index', indexText(found)],
      ['answered by', found.model === null ? null : modelOf(found)],
      [
        'outcome',
        `${found.outcome}, ${found.status}${found.error_code === null ? '' : ` ${found.error_code}`}`,
      ],
      ['finish', found.finish_reason],
      ['took', `${formatDuration(found.duration_ms)}, first token ${formatDuration(found.ttft_ms)}`],
      ['tokens', tokens],
      ['cost', costText(found)],
      ['client id', found.client_request_id],
      ['subject', found.subject],
      ['replay of', found.replay_of],
      ['shadow of', found.shadow_of],
    ]),
  )
  if (found.retrieval !== null) terminal.write(`\n${contextsTable(found.retrieval)}`)
  if (found.attempts.length > 0) terminal.write(`\n${attemptsTable(found.attempts)}`)
  if (found.body_state !== 'kept') {
    terminal.write(`\n${BODIES_GONE[found.body_state]}\n`)
    return undefined
  }
  writeBody(context, 'request', found.request_bytes, found.request_body, found.request_body_encoding)
  writeBody(
    context,
    found.truncated ? 'response, kept in part' : 'response',
    found.response_bytes,
    found.response_body,
    found.response_body_encoding,
  )
  return undefined
}

function indexText({ index, retrieval }: Detail): string | null {
  if (index === null || retrieval === null) return index
  const without = retrieval.without === null ? '' : `, without ${retrieval.without}`
  return `${index}, ${retrieval.contexts.length} found in ${formatDuration(retrieval.duration_ms)}${without}`
}

function contextsTable({ contexts }: NonNullable<Detail['retrieval']>): string {
  if (contexts.length === 0) return 'The index found nothing for it.\n'
  return formatTable(
    ['N', 'CHUNK', 'DOCUMENT', 'SCORE', 'COSINE'],
    contexts.map(({ chunk, document, score, cosine }, at) => [
      `[${at + 1}]`,
      String(chunk),
      printableLine(document),
      score.toFixed(4),
      cosine === null ? '' : cosine.toFixed(3),
    ]),
  )
}

/** Unknown is said as such where an upstream was asked. */
function costText({ cost_micro_usd: micro, price, attempts }: Detail): string | null {
  if (micro === null) return attempts.length === 0 ? null : 'unknown'
  return `${formatUsd(BigInt(micro))} by ${printableLine(price ?? 'no price')}`
}

const BODIES_GONE = {
  erased: 'Its bodies were erased: the key they were sealed under is destroyed. The row and its proof stay.',
  unreadable:
    'Its bodies do not open: the audit key is another one, or they were changed. Run aval audit verify.',
}

function attemptsTable(attempts: readonly Attempt[]): string {
  return formatTable(
    ['ATTEMPT', 'TARGET', 'AFTER', 'TOOK', 'STATUS', 'ERROR', 'UPSTREAM SAID'],
    attempts.map((attempt, at) => [
      String(at + 1),
      `${attempt.upstream}/${attempt.model}`,
      formatDuration(attempt.started_ms),
      formatDuration(attempt.duration_ms),
      attempt.status === null ? '-' : String(attempt.status),
      attempt.error ?? '-',
      attempt.detail === null ? '-' : shorten(attempt.detail, 60),
    ]),
  )
}

function writeBody(
  context: CliContext,
  title: string,
  bytes: number,
  body: string | null,
  encoding: string,
): void {
  const { terminal } = context
  const note = encoding === 'base64' ? ', not text: base64' : ''
  terminal.write(`\n${colorsOf(terminal).bold(title)} (${formatBytes(bytes)}${note})\n`)
  terminal.write(`${body === null || body === '' ? '(none kept)' : printable(body)}\n`)
}

function modelOf(row: Row): string {
  if (row.model === null) return row.requested_model ?? '-'
  return row.upstream === null ? row.model : `${row.upstream}/${row.model}`
}
