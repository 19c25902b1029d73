/** Promotions as the server sends them, and how commands show them. */

import type { CliContext } from './context.ts'
import { EXIT } from './exit-codes.ts'
import { formatFields, formatTable, formatTime, shorten } from './format.ts'

export type Promotion = {
  id: string
  route: string
  label: string
  kind: 'promotion' | 'break_glass'
  from: string | null
  to: string
  state: string
  note: string
  reason: string
  policy: string
  outcome: string | null
  evidence_hash: string | null
  runs: { suite: string; run: string; baseline: string | null }[]
  approvals: {
    answer: string
    key: string
    key_name: string | null
    person: string
    reason: string
    at: string
  }[]
  approvals_needed: number
  approver_roles: string[]
  canary: { stage: number; percent: number; since: string } | null
  requested_by: string
  requested_by_name: string | null
  requested_by_person: string
  requested_at: string
  expires_at: string
  ended_at: string | null
}
export type ShownPromotion = Promotion & { verdict: Verdict | null; looks: Look[] }
type Seen = { n: number; estimate: number | null }
type Look = {
  at: string
  stage: number
  decision: string
  judgement: {
    reasons: string[]
    metrics: {
      metric: string
      stable: Seen
      candidate: Seen
      state: string
      margin: number
      reason: string
    }[]
  }
}
type Verdict = {
  outcome: string
  alpha: number
  multiple: string
  reasons: string[]
  rules: {
    suite: string
    scorer: string
    slice: string | null
    rule: string
    bar: number
    verdict: string
    low: number | null
    high: number | null
    adjustedP: number | null
    estimate: { value: number; items: number } | null
    difference: { value: number; items: number } | null
  }[]
}

/** As the server has them; the command line sees nothing of its rooms. */
const UNDER_WAY = ['gathering', 'waiting', 'canary']

export function isUnderWay({ state }: Pick<Promotion, 'state'>): boolean {
  return UNDER_WAY.includes(state)
}

/** 0 while it is under way and once it is through. */
export function exitCodeOf({ state }: Pick<Promotion, 'state'>): number {
  if (isUnderWay({ state }) || state === 'promoted') return EXIT.done
  if (state === 'rolled_back') return EXIT.fail
  return state === 'overtaken' || state === 'withdrawn' ? EXIT.usage : EXIT.refusedByPolicy
}

/** What became of it, for a person: one sentence, and what to type next. */
export function outcomeText(promotion: Promotion): string {
  const { id, route, label, to, state, note } = promotion
  switch (state) {
    case 'promoted':
      return `${route}@${label} serves ${to}. ${id} is done: ${note}`
    case 'canary':
      return `${route}@${label}: ${note} See how it goes: aval promotion show ${id}; take it back: aval rollback ${route} --label ${label}`
    case 'gathering':
    case 'waiting':
      return `${id}: ${note}`
    default:
      return `${state.replace('_', ' ')}: ${note}`
  }
}

export function promotionTable(
  { terminal }: Pick<CliContext, 'terminal'>,
  rows: readonly Promotion[],
): string {
  return formatTable(
    ['PROMOTION', 'LABEL', 'FROM', 'TO', 'STATE', 'SINCE', 'BY', 'NOTE'],
    rows.map((one) => [
      one.id,
      `${one.route}@${one.label}`,
      one.from ?? '',
      one.to,
      one.kind === 'break_glass' ? `${one.state} (break-glass)` : one.state,
      formatTime(terminal, one.requested_at),
      shorten(one.requested_by_person, 20),
      shorten(one.note, 50),
    ]),
  )
}

export function promotionText({ terminal }: Pick<CliContext, 'terminal'>, one: ShownPromotion): string {
  const fields = formatFields([
    ['promotion', `${one.id}, ${one.kind === 'break_glass' ? 'break-glass' : `policy ${one.policy}`}`],
    ['label', `${one.route}@${one.label}`],
    ['from, to', `${one.from ?? 'nothing'} → ${one.to}`],
    [
      'state',
      one.canary === null
        ? one.state
        : `${one.state}, ${one.canary.percent} % since ${formatTime(terminal, one.canary.since)}`,
    ],
    ['note', one.note],
    [
      'asked by',
      `${one.requested_by_person} (${one.requested_by_name ?? one.requested_by}), ${formatTime(terminal, one.requested_at)}`,
    ],
    ['why', one.reason],
    [
      'runs',
      one.runs
        .map(
          ({ suite, run, baseline }) => `${suite}: ${run}${baseline === null ? '' : ` against ${baseline}`}`,
        )
        .join('; ') || 'none',
    ],
    ['approvals', approvalsText(one)],
    ['evidence', one.evidence_hash ?? 'not complete'],
    ['expires', formatTime(terminal, one.expires_at)],
  ])
  const verdict = one.verdict === null ? '' : `\n${rulesText(one.verdict)}`
  const [look] = one.looks
  return `${fields}${verdict}${look === undefined ? '' : `\n${lookText(terminal, look)}`}`
}

function approvalsText({ approvals, approvals_needed: needed, approver_roles: roles }: Promotion): string {
  const given = approvals.map(
    ({ person, answer, reason }) => `${person} ${answer === 'approve' ? 'approved' : 'rejected'}: ${reason}`,
  )
  const signed = approvals.filter(({ answer }) => answer === 'approve').length
  return [`${signed} of ${needed}${needed > 0 ? ` (${roles.join(' or ')})` : ''}`, ...given].join('; ')
}

function rulesText({ outcome, alpha, rules, reasons }: Verdict): string {
  const table = formatTable(
    ['SUITE', 'SCORER', 'SLICE', 'RULE', 'SEEN', 'BOUNDS', 'P (HOLM)', 'VERDICT'],
    rules.map((rule) => {
      const seen = rule.rule === 'not_worse_by' ? rule.difference : rule.estimate
      return [
        rule.suite,
        rule.scorer,
        rule.slice ?? '',
        `${rule.rule} ${rule.bar}`,
        seen === null ? '' : `${shown(seen.value)} of ${seen.items}`,
        rule.low === null || rule.high === null ? '' : `${shown(rule.low)} … ${shown(rule.high)}`,
        rule.adjustedP === null ? '' : shown(rule.adjustedP),
        rule.verdict,
      ]
    }),
  )
  const why = reasons.map((reason) => `  ${reason}\n`).join('')
  return `verdict: ${outcome}, one-sided at ${alpha}\n${table}${why}`
}

function lookText(terminal: CliContext['terminal'], { at, decision, judgement }: Look): string {
  const arm = ({ n, estimate }: Seen) => (estimate === null ? 'nothing' : `${shown(estimate)} of ${n}`)
  const table = formatTable(
    ['METRIC', 'STABLE', 'CANDIDATE', 'MARGIN', 'STATE'],
    judgement.metrics.map(({ metric, stable, candidate, margin, state }) => [
      metric,
      arm(stable),
      arm(candidate),
      shown(margin),
      state,
    ]),
  )
  const why = judgement.reasons.map((reason) => `  ${reason}\n`).join('')
  return `canary: ${decision.replace('_', ' ')}, ${formatTime(terminal, at)}\n${table}${why}`
}

function shown(value: number): string {
  return Number(value.toPrecision(3)).toString()
}
