/** What is worth knowing of the rules of alerts before one is needed: those that can never fire, and channels nobody uses. Pure. */

import { keyAt } from './config/rules-of-alerts.ts'
import type { Config } from './config.ts'
import { metricProblem } from './lib/metric-names.ts'
import { fitsPattern } from './lib/name-pattern.ts'
import { nearest } from './lib/nearest.ts'

/** With its path and what to do. Routes may also be those of the registry, which no file knows. */
export function alertRuleNotes({
  alerts,
  routes,
  upstreams,
}: Pick<Config, 'alerts' | 'routes' | 'upstreams'>): string[] {
  const routeNames = routes.map(({ name }) => name)
  const upstreamNames = upstreams.map(({ name }) => name)
  const ofRules = alerts.rules.flatMap((rule) => {
    const at = (key: string) => keyAt(rule.place, key)
    return [
      ...unfit(rule.routes, routeNames).map(
        (name) =>
          `${at('routes')}: aval.yaml has no route ${name}${hintOf(name, routeNames)} It fires only for a route of the registry.`,
      ),
      ...unfit(rule.upstreams, upstreamNames).map(
        (name) =>
          `${at('upstreams')}: there is no upstream ${name}, so it never fires${hintOf(name, upstreamNames)}`,
      ),
      ...(rule.metrics ?? [])
        .map(metricProblem)
        .filter((problem) => problem !== null)
        .map((problem) => `${at('metrics')}: ${problem} The rule never fires for it.`),
    ]
  })
  const used = new Set(alerts.rules.flatMap(({ channels }) => channels))
  const unused = alerts.channels
    .filter(({ name }) => !used.has(name))
    .map(({ name }) => `alerts.channels.${name}: no rule names it. Add it to channels of a rule.`)
  return [...ofRules, ...unused]
}

function unfit(patterns: readonly string[] | null, names: readonly string[]): string[] {
  return (patterns ?? []).filter((pattern) => !names.some((name) => fitsPattern(pattern, name)))
}

function hintOf(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  return meant === null ? '.' : `. Did you mean "${meant}"?`
}
