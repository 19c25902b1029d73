/** `aval monitor data`: what a route is asked, finds and is answered now, beside the week before; and its judges, day by day. */

import type { Command } from 'commander'
import { probabilityText } from '../../../lib/interval-text.ts'
import { printableLine } from '../../../lib/printable.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../../context.ts'
import { formatTable, formatTime, shorten } from '../../format.ts'
import { withPurpose } from '../../request-filters.ts'
import { colorsOf } from '../../terminal.ts'

type Word = { word: string; z: number }
type Finding = {
  feature: string
  recent_size: number
  baseline_size: number
  adjusted_p: number | null
  effect: number | null
  bar: number | null
  levels: { recent: number; baseline: number } | null
  verdict: 'drift' | 'same' | 'unknown'
  reason: string | null
  terms: { recent: Word[]; baseline: Word[] } | null
  left: Record<string, number> | null
}
type Check = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  verdict: Finding['verdict'] | null
  recent: { since: string; until: string }
  baseline: { since: string; until: string }
  error: string | null
  created_at: string
  findings: Finding[]
}
type Judge = {
  order: string
  scorer: string
  day: string
  sentinels: number
  scored: number
  agreement: number | null
  verdict: string
  reason: string
}
type Answer = { route: string; checks: Check[]; judges: Judge[] }
type Options = {
  since: string
  now?: boolean
  recent?: string
  baseline?: string
  purpose?: string
  json?: boolean
}

/** `monitor` is the group. */
export function addDataCommand(monitor: Command, context: CliContext): void {
  withExamples(
    withJson(
      withPurpose(
        monitor
          .command('data')
          .argument('<route>', 'support-answer')
          .description('what a route is asked and answered now, beside the week before, and its judges')
          .option('--since <when>', 'comparisons from: an ISO time, or how long ago', '7d')
          .option('--now', 'start a comparison (admin or engineer)')
          .option('--recent <time>', 'with --now: how long the recent window is (24h; 5m to 31d)')
          .option('--baseline <time>', 'with --now: how long the window before it is (7d)'),
      ),
    ),
    'aval monitor data support-answer',
    'aval monitor data support-answer --since 30d --json',
    'aval monitor data support-answer --now --recent 6h --baseline 3d',
  ).action(context.run((route: string, options: Options) => data(context, route, options)))
}

async function data(context: CliContext, route: string, options: Options): Promise<undefined> {
  if (options.now) return await start(context, route, options)
  const query = { route, since: options.since, purpose: options.purpose }
  const found = await context.client.json<Answer>({ method: 'GET', path: '/api/monitor/data', query })
  if (options.json) writeJson(context, found)
  else write(context, found)
  return undefined
}

async function start(context: CliContext, route: string, options: Options): Promise<undefined> {
  const { recent, baseline, json } = options
  const body = { route, ...(recent !== undefined && { recent }), ...(baseline !== undefined && { baseline }) }
  const made = await context.client.json<{ id: string }>({ method: 'POST', path: '/api/monitor/data', body })
  if (json) writeJson(context, made)
  else context.terminal.write(`${made.id}\nLook: aval monitor data ${printableLine(route)}\n`)
  return undefined
}

function write(context: CliContext, { route, checks, judges }: Answer): void {
  const { terminal } = context
  const newest = checks[0]
  if (newest === undefined) {
    terminal.write(
      `No comparison of ${printableLine(route)} in this time. One is made each day when 100 requests came; or now: aval monitor data ${printableLine(route)} --now\n`,
    )
  } else {
    writeCheck(context, newest)
    const others = checks
      .slice(1)
      .map((check) => [
        check.id,
        formatTime(terminal, check.created_at),
        check.state === 'done' ? (check.verdict ?? '-') : check.state,
        shorten(drifted(check), 60),
      ])
    if (others.length > 0)
      terminal.write(`\n${formatTable(['BEFORE', 'MADE', 'VERDICT', 'DRIFTED'], others)}`)
  }
  if (judges.length === 0) return
  const rows = judges.map(({ day, scorer, verdict, sentinels, scored, agreement, reason }) => [
    day,
    printableLine(scorer),
    verdict,
    `${scored} of ${sentinels}`,
    agreement === null ? '-' : `${(agreement * 100).toFixed(0)} %`,
    printableLine(reason),
  ])
  terminal.write(`\n${formatTable(['DAY', 'JUDGE', 'VERDICT', 'SENTINELS', 'AGREE', 'WHY'], rows)}`)
}

function writeCheck({ terminal }: CliContext, check: Check): void {
  const { recent, baseline } = check
  const spans = `${formatTime(terminal, recent.since)} to ${formatTime(terminal, recent.until)}, beside the time from ${formatTime(terminal, baseline.since)}`
  const verdict = check.state === 'done' ? (check.verdict ?? 'unknown') : check.state
  terminal.write(`${colorsOf(terminal).bold(verdict)}  ${check.id}  ${spans}\n`)
  if (check.error !== null) terminal.write(`${printableLine(check.error)}\n`)
  if (check.findings.length === 0) return
  const order = { drift: 0, unknown: 1, same: 2 }
  const rows = check.findings
    .toSorted((a, b) => order[a.verdict] - order[b.verdict])
    .map((one) => [
      printableLine(one.feature),
      one.verdict,
      `${one.recent_size} / ${one.baseline_size}`,
      one.levels === null ? '-' : `${figure(one.levels.baseline)} → ${figure(one.levels.recent)}`,
      one.effect === null ? '-' : `${figure(one.effect)} (${figure(one.bar ?? 0)})`,
      probabilityText(one.adjusted_p),
      shorten(printableLine(one.reason ?? ''), 80),
    ])
  terminal.write(
    `\n${formatTable(['WHAT', 'VERDICT', 'REQUESTS', 'LEVEL', 'EFFECT (BAR)', 'P', 'WHY'], rows)}`,
  )
  for (const { feature, verdict: of, terms, left } of check.findings) {
    if (of === 'drift' && terms !== null) writeTerms(terminal, feature, terms)
    const unread = Object.entries(left ?? {}).map(([why, count]) => `${count} ${why}`)
    if (unread.length > 0) terminal.write(`not read: ${unread.join(', ')}\n`)
  }
}

function writeTerms(
  terminal: CliContext['terminal'],
  feature: string,
  { recent, baseline }: NonNullable<Finding['terms']>,
): void {
  const list = (words: readonly Word[]) => words.map(({ word }) => printableLine(word)).join(', ')
  if (recent.length + baseline.length === 0) {
    terminal.write(
      `${feature}: no words are shown, as none is one of five people. Requests that name no user count as one person.\n`,
    )
    return
  }
  if (recent.length > 0) terminal.write(`${feature}, more now: ${list(recent)}\n`)
  if (baseline.length > 0) terminal.write(`${feature}, less now: ${list(baseline)}\n`)
}

function drifted({ findings }: Check): string {
  return findings
    .filter(({ verdict }) => verdict === 'drift')
    .map(({ feature }) => printableLine(feature))
    .join(', ')
}

function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3)
}
