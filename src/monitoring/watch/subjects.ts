/** Who is watched: routes, upstreams, and what is asked of an upstream directly; a bounded number of each. Pure. */

import { LEAST_REQUESTS } from '../../lib/watched-metrics.ts'
import type { Subject } from '../alerts/alert.ts'
import { addFigures, type Figures, newFigures } from '../rollups/figures.ts'
import type { Rollup } from '../rollups/read.ts'
import { BUCKET_MS, MAX_SPAN } from './buckets.ts'

/** `buckets`: by age, the newest is 0. */
export type Traffic = { subject: Subject; buckets: Map<number, Figures> }

/** Of one project. */
export const MAX_ROUTES = 50
const MAX_UPSTREAMS = 20

export function subjectKey({ kind, name }: Subject): string {
  return `${kind} ${name}`
}

/** A rollup by route, upstream and model belongs to its route, or as a direct call to its model, and to its upstream. */
export function subjectsOf({ route, upstream, model }: Rollup['place']): Subject[] {
  const direct = upstream && model ? `${upstream}/${model}` : null
  const name = route ?? direct
  return [
    ...(name === null ? [] : [{ kind: 'route' as const, name }]),
    ...(upstream ? [{ kind: 'upstream' as const, name: upstream }] : []),
  ]
}

/** By subject, in buckets that begin before `endMs`; each rollup counts for all of its subjects. */
export function trafficOf(rows: readonly Rollup[], endMs: number): Map<string, Traffic> {
  const traffic = new Map<string, Traffic>()
  for (const { atMs, place, figures } of rows) {
    const age = Math.round((endMs - (atMs ?? endMs)) / BUCKET_MS) - 1
    if (age < 0 || age >= MAX_SPAN) continue
    for (const subject of subjectsOf(place)) {
      const one = traffic.get(subjectKey(subject)) ?? { subject, buckets: new Map() }
      traffic.set(subjectKey(subject), one)
      const bucket = one.buckets.get(age) ?? newFigures()
      one.buckets.set(age, bucket)
      addFigures(bucket, figures)
    }
  }
  return traffic
}

/**
 * Whoever is watched stays so; free places go to those with the most requests in the hour, from 20 on. Whoever was silent for a day has
 * lost their place.
 */
export function chooseSubjects(
  watched: readonly Subject[],
  traffic: ReadonlyMap<string, Traffic>,
): Subject[] {
  const known = new Set(watched.map(subjectKey))
  const asked = [...traffic.values()]
    .filter(({ subject }) => !known.has(subjectKey(subject)))
    .map(({ subject, buckets }) => ({ subject, requests: requestsOf(buckets) }))
    .filter(({ requests }) => requests >= LEAST_REQUESTS)
    .sort((one, other) => other.requests - one.requests)
  const free = (kind: Subject['kind'], most: number) => {
    const taken = watched.filter((subject) => subject.kind === kind).length
    const wanting = asked.filter(({ subject }) => subject.kind === kind)
    return wanting.slice(0, Math.max(0, most - taken)).map(({ subject }) => subject)
  }
  return [...watched, ...free('route', MAX_ROUTES), ...free('upstream', MAX_UPSTREAMS)]
}

function requestsOf(buckets: ReadonlyMap<number, Figures>): number {
  return [...buckets.values()].reduce((sum, { requests }) => sum + requests, 0)
}
