/** Which alerts are told to which channels. Pure. */

import { fitsPattern } from '../../lib/name-pattern.ts'
import type { Alert, AlertBar, Subject } from './alert.ts'

/** As aval.yaml or a file beside it has it, everything that it leaves open filled in. Names may hold `*`, which stands for any letters. */
export type AlertRule = {
  /** Null for one that needs none. */
  name: string | null
  /** `alerts.rules.0`, `alerts/too-many-errors.yaml` */
  place: string
  /** Names of projects; null for all. */
  projects: readonly string[] | null
  /** Null for none, unless both are: then the rule is about all routes and upstreams. */
  routes: readonly string[] | null
  upstreams: readonly string[] | null
  /** Null for all. */
  metrics: readonly string[] | null
  /** A bar of its own: then it is about the alerts that its bar opens, and about no others. */
  bar: Omit<AlertBar, 'rule'> | null
  /** An alert that is over before is not told. */
  forMs: number
  /** Told again after so long, and after so long once more; null for once. */
  remindMs: number | null
  channels: readonly string[]
}

type Ruled = Pick<Alert, 'projectId' | 'subject' | 'metric' | 'bar'>

export function ruleFits(rule: AlertRule, alert: Ruled): boolean {
  if (!ruleIsAbout(rule, alert)) return false
  return rule.bar === null ? fitsAny(rule.metrics, alert.metric) : alert.bar?.rule === rule.name
}

/** Whether it is about the route or upstream of the project, whichever the metric. */
export function ruleIsAbout(
  rule: AlertRule,
  { projectId, subject }: Pick<Ruled, 'projectId' | 'subject'>,
): boolean {
  return ruleIsOf(rule, projectId) && fitsSubject(rule, subject)
}

export function ruleIsOf({ projects }: AlertRule, projectId: string): boolean {
  return fitsAny(projects, projectId.replace(/^prj_/, ''))
}

function fitsSubject({ routes, upstreams }: AlertRule, { kind, name }: Subject): boolean {
  if (routes === null && upstreams === null) return true
  const names = kind === 'route' ? routes : upstreams
  return names !== null && fitsAny(names, name)
}

function fitsAny(patterns: readonly string[] | null, name: string): boolean {
  return patterns === null || patterns.some((pattern) => fitsPattern(pattern, name))
}

/** How a channel is to be told of alerts that these rules fit: the shortest wait of all, the most frequent reminder. */
export type Telling = { forMs: number; remindMs: number | null }

/** By channel; empty when no rule fits. */
export function tellingsOf(rules: readonly AlertRule[], alert: Ruled): Map<string, Telling> {
  const tellings = new Map<string, Telling>()
  for (const rule of rules) {
    if (!ruleFits(rule, alert)) continue
    for (const channel of rule.channels) {
      const before = tellings.get(channel)
      tellings.set(channel, {
        forMs: Math.min(rule.forMs, before?.forMs ?? rule.forMs),
        remindMs: sooner(rule.remindMs, before?.remindMs ?? null),
      })
    }
  }
  return tellings
}

function sooner(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}
