/** What a replay says before it begins and when it has ended, for people and as JSON. */

import { printableLine } from '../../lib/printable.ts'
import type { CliContext } from '../context.ts'
import { formatDuration, formatFields, formatTable } from '../format.ts'
import { colorsOf } from '../terminal.ts'
import {
  type Comparison,
  compare,
  NOT_ON_LOG,
  type Pair,
  sumTokens,
  type Times,
  type Tokens,
} from './compare.ts'
import type { Gathered } from './gather.ts'
import { SKIP_REASONS, type SkipReason } from './logged.ts'

export type Outcome = {
  against: string
  gathered: Gathered
  pairs: readonly Pair[]
  /** Set when it ended before everything was sent. */
  stopped: string | null
}

/** Differing pairs on a terminal; the JSON has them all. */
const SHOWN_PAIRS = 10

export const ENDED_BY = {
  memory: 'Older matches were left alone: the bodies would not fit into memory. Narrow the time.',
  rows: 'Older matches were left alone: 20,000 rows were looked at. Narrow the filters.',
  stop: 'Stopped before all matches were looked at.',
} as const

const number = (value: number) => value.toLocaleString('en-US')

export function planText(against: string, { candidates, skipped, endedBy }: Gathered): string {
  const kinds = new Map<string, number>()
  for (const { operation } of candidates) kinds.set(operation, (kinds.get(operation) ?? 0) + 1)
  const kindsText = [...kinds].map(([kind, count]) => `${number(count)} ${kind}`).join(', ')
  const input = sumTokens(candidates.map(({ logged }) => logged.input_tokens))
  const output = sumTokens(candidates.map(({ logged }) => logged.output_tokens))
  return [
    formatFields([
      ['requests', `${number(candidates.length)} (${kindsText}) against ${against}`],
      ['tokens in', `${tokensText(input)}, when they were first sent`],
      ['tokens out', `${tokensText(output)}, when they were first answered`],
      ['cost', 'unknown: no prices are known here'],
    ]),
    skippedText(skipped),
    endedBy === null ? '' : `\n${ENDED_BY[endedBy]}\n`,
  ].join('')
}

export function skippedText(skipped: ReadonlyMap<SkipReason, number>): string {
  if (skipped.size === 0) return ''
  const rows = [...skipped].map(([reason, count]) => [number(count), SKIP_REASONS[reason]])
  return `\n${formatTable(['LEFT OUT', 'WHY'], rows)}`
}

export function planJson(against: string, { candidates, skipped, endedBy }: Gathered) {
  const tokens = (of: 'input_tokens' | 'output_tokens') =>
    sumTokens(candidates.map(({ logged }) => logged[of]))
  return {
    against,
    requests: candidates.map(({ logged }) => logged.id),
    input_tokens: tokens('input_tokens'),
    output_tokens: tokens('output_tokens'),
    cost: null,
    skipped: Object.fromEntries(skipped),
    ended_by: endedBy,
  }
}

export function resultText(context: CliContext, { against, pairs, stopped, gathered }: Outcome): string {
  const result = compare(pairs)
  const completed = result.outcomes.completed?.after ?? 0
  const colors = colorsOf(context.terminal)
  const head = `${number(pairs.length)} of ${number(gathered.candidates.length)} sent to ${printableLine(against)}, ${number(completed)} completed`
  const paint = completed === pairs.length ? colors.green : colors.red
  return [
    `${paint(head)}\n`,
    stopped === null ? '' : `${printableLine(stopped)}\n`,
    pairs.length === 0 ? '' : `\n${outcomesTable(result)}\n${timesTable(result)}\n${tokensTable(result)}\n`,
    pairs.length === 0 ? '' : answersText(result),
    pairs.length === 0 ? '' : failuresText(pairs),
  ].join('')
}

export function resultJson(outcome: Outcome) {
  const { pairs, stopped } = outcome
  const { outcomes, latencyMs, ttftMs, inputTokens, outputTokens, answers } = compare(pairs)
  return {
    ...planJson(outcome.against, outcome.gathered),
    stopped,
    sent: pairs.length,
    outcomes,
    latency_ms: latencyMs,
    ttft_ms: ttftMs,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    answers: {
      compared: answers.compared,
      identical: answers.identical,
      differing: answers.differing.length,
    },
    pairs: pairs.map(({ before, after, afterId, identical, errorCode }) => ({
      before: side(before),
      after: after === null ? null : side(after),
      after_id: afterId,
      identical,
      error_code: after?.error_code ?? errorCode,
    })),
  }
}

function side(row: Pair['before']) {
  const { id, outcome, status, duration_ms, ttft_ms, input_tokens, output_tokens } = row
  return { id, outcome, status, duration_ms, ttft_ms, input_tokens, output_tokens }
}

function outcomesTable({ outcomes }: Comparison): string {
  const rows = Object.entries(outcomes).map(([outcome, { before, after }]) => [
    outcome === NOT_ON_LOG ? 'not on the log' : outcome,
    number(before),
    number(after),
  ])
  return formatTable(['OUTCOME', 'BEFORE', 'NOW'], rows)
}

function timesTable({ latencyMs, ttftMs }: Comparison): string {
  const rows = (name: string, { before, after, difference, count }: Times) => [
    [`${name} p50`, formatDuration(before.p50), formatDuration(after.p50), signed(difference), number(count)],
    [`${name} p95`, formatDuration(before.p95), formatDuration(after.p95), '', number(count)],
  ]
  return formatTable(
    ['COMPLETED BOTH TIMES', 'BEFORE', 'NOW', 'DIFFERENCE', 'N'],
    [...rows('latency', latencyMs), ...rows('first token', ttftMs)],
  )
}

function tokensTable({ inputTokens, outputTokens }: Comparison): string {
  const row = (name: string, { before, after }: Comparison['inputTokens']) => [
    name,
    sumText(before),
    number(before.unknown),
    sumText(after),
    number(after.unknown),
  ]
  return formatTable(
    ['TOKENS', 'BEFORE', 'UNKNOWN', 'NOW', 'UNKNOWN'],
    [row('in', inputTokens), row('out', outputTokens)],
  )
}

function answersText({ answers }: Comparison): string {
  const { compared, identical, differing } = answers
  if (compared === 0) return 'No two answers could be compared.\n'
  const shown = differing.slice(0, SHOWN_PAIRS)
  const rest = differing.length - shown.length
  return [
    `${number(identical)} of ${number(compared)} answers that could be compared are identical.${differing.length === 0 ? '' : ' These differ:'}\n`,
    ...shown.map(({ before, afterId }) => `  ${printableLine(before.id)} ${printableLine(afterId ?? '-')}\n`),
    rest === 0 ? '' : `  and ${number(rest)} more: --json has all pairs\n`,
  ].join('')
}

/** Each kind of failure once, with one request to look at. */
function failuresText(pairs: readonly Pair[]): string {
  const kinds = new Map<string, { count: number; id: string | null }>()
  for (const { after, afterId, errorCode } of pairs) {
    const code = after?.error_code ?? errorCode
    if (code === null) continue
    const known = kinds.get(code) ?? { count: 0, id: afterId }
    kinds.set(code, { ...known, count: known.count + 1 })
  }
  if (kinds.size === 0) return ''
  const rows = [...kinds].map(([code, { count, id }]) => [code, number(count), id ?? '-'])
  return `\n${formatTable(['FAILED WITH', 'COUNT', 'ONE OF THEM'], rows)}`
}

function tokensText({ known, unknown }: Tokens): string {
  if (known === null) return 'unknown'
  return `${number(known)}${unknown === 0 ? '' : ` (unknown of ${number(unknown)})`}`
}

function sumText({ known }: Tokens): string {
  return known === null ? 'unknown' : number(known)
}

function signed(ms: number | null): string {
  if (ms === null) return '-'
  const size = formatDuration(Math.abs(ms))
  return ms < 0 ? `-${size}` : `+${size}`
}
