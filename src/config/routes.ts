/** `routes` of aval.yaml: whom a name is sent to, and what its labels demand. */

import type { GuaranteeConfig } from './audit.ts'
import { resolveGuarantee } from './audit.ts'
import type { ConfigFile } from './schema.ts'
import { readTimeouts, type TimeoutsConfig } from './timeouts.ts'

type TargetConfig = {
  upstream: string
  model: string
  weight: number | null
  timeouts: Partial<TimeoutsConfig>
}
export type RouteConfig = {
  name: string
  owner: string | null
  /** Empty for a route whose releases are served. */
  targets: readonly TargetConfig[]
  /** The name of each label's policy. */
  labels: Readonly<Record<string, string>>
  retries: number
  guarantee: GuaranteeConfig
}
export function resolveRoutes(file: ConfigFile): RouteConfig[] {
  return Object.entries(file.routes ?? {}).map(([name, route]) => ({
    name,
    owner: route.owner ?? null,
    retries: route.retries ?? 2,
    guarantee: resolveGuarantee(file.audit, route.audit),
    labels: Object.fromEntries(
      Object.entries(route.labels ?? {}).map(([label, { policy }]) => [label, policy]),
    ),
    targets: (route.targets ?? []).map((entry) => {
      const target = typeof entry === 'string' ? { model: entry } : entry
      const slash = target.model.indexOf('/')
      return {
        upstream: target.model.slice(0, slash),
        model: target.model.slice(slash + 1),
        weight: ('weight' in target ? target.weight : undefined) ?? null,
        timeouts: readTimeouts('timeouts' in target ? target.timeouts : undefined),
      }
    }),
  }))
}

/** Adds a sentence for every upstream and policy that a route names and that is not there. */
export function checkRoutes(
  config: {
    upstreams: readonly { name: string }[]
    policies: readonly { name: string }[]
    routes: readonly RouteConfig[]
  },
  problems: string[],
): void {
  const known = new Set(['local', 'ollama', ...config.upstreams.map(({ name }) => name)])
  const policies = ['open', ...config.policies.map(({ name }) => name)]
  for (const route of config.routes) {
    for (const [index, target] of route.targets.entries()) {
      if (known.has(target.upstream)) continue
      problems.push(
        `aval.yaml: routes.${route.name}.targets.${index}: no upstream "${target.upstream}". Known: ${[...known].join(', ')}.`,
      )
    }
    for (const [label, policy] of Object.entries(route.labels)) {
      if (policies.includes(policy)) continue
      problems.push(
        `aval.yaml: routes.${route.name}.labels.${label}.policy: no policy "${policy}". Known: ${policies.join(', ')}.`,
      )
    }
  }
}
