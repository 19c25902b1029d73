/** `aval alerts rules`: the rules in force, where each is written, and how routes and upstreams stand at its bar. */

import type { Command } from 'commander'
import { levelText } from '../../lib/amount.ts'
import { type CliContext, withExamples, withJson, writeJson } from '../context.ts'
import { formatTable, formatTime } from '../format.ts'
import { type Bar, barText, type Subject, spanText, subjectText } from './alert-text.ts'

type Standing = {
  subject: Subject
  state: 'ok' | 'alert'
  since: string
  turning_since: string | null
  value: number
}
type Rule = {
  name: string | null
  place: string
  routes: string[] | null
  upstreams: string[] | null
  metrics: string[] | null
  bar: (Bar & { unit: string }) | null
  for_seconds: number
  channels: string[]
  open: number
  standings: Standing[]
}

export function addRulesCommand(alerts: Command, context: CliContext): void {
  withExamples(
    withJson(alerts.command('rules').description('rules of alerts, where each is written and how it stands')),
    'aval alerts rules',
  ).action(
    context.run(async ({ json }: { json?: boolean }) => {
      const rules = await context.client.json<{ data: Rule[] }>({ method: 'GET', path: '/api/alerts/rules' })
      if (json) writeJson(context, rules)
      else writeRules(context, rules.data)
      return undefined
    }),
  )
}

function writeRules({ terminal }: CliContext, rules: readonly Rule[]): void {
  if (rules.length === 0) {
    terminal.write(
      'No rules: alerts are listed, and nobody is told. Add one under alerts.rules of aval.yaml.\n',
    )
    return
  }
  const head = ['RULE', 'WRITTEN IN', 'ABOUT', 'METRICS', 'BAR', 'FOR', 'TELLS', 'OPEN']
  const rows = rules.map((rule) => [
    rule.name ?? '-',
    rule.place,
    aboutText(rule),
    rule.metrics?.join(', ') ?? 'all',
    rule.bar === null ? '-' : `${barText(rule.bar, rule.bar.unit)} over ${spanText(rule.bar.over_seconds)}`,
    rule.for_seconds === 0 ? 'at once' : spanText(rule.for_seconds),
    rule.channels.join(', ') || '-',
    String(rule.open),
  ])
  terminal.write(formatTable(head, rows))
  const standings = rules.flatMap(({ name, bar, standings: own }) =>
    own.map((one) => [
      name ?? '-',
      subjectText(one.subject),
      levelText(one.value, bar?.unit ?? null),
      `${one.state} since ${formatTime(terminal, one.since)}`,
      one.turning_since === null ? '-' : `since ${formatTime(terminal, one.turning_since)}`,
    ]),
  )
  if (standings.length > 0)
    terminal.write(`\n${formatTable(['BAR OF', 'OF', 'NOW', 'STATE', 'ELSEWHERE'], standings)}`)
  const silent = rules.filter(({ bar, standings: own }) => bar !== null && own.length === 0)
  for (const { name } of silent)
    terminal.write(`${name ?? '-'}: nothing had enough traffic to hold against its bar.\n`)
}

function aboutText({ routes, upstreams }: Rule): string {
  if (routes === null && upstreams === null) return 'all'
  return [...(routes ?? []), ...(upstreams ?? []).map((name) => `upstream ${name}`)].join(', ')
}
